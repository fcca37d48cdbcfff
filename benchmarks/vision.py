"""Print what decoding a detector's output costs, against a plain NumPy decoder, in turns on this machine.

Usage: python -m benchmarks.vision [--rounds N]
The output is that of a YOLOv8 of 80 classes at 640 x 640, [1, 84, 8400], with clusters of boxes round a few objects.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from benchmarks.rounds import in_turns, median, ratio, repeat, table
from jupyter_edge.vision import Detections, decode_yolo, image_to_tensor

Array = np.ndarray[Any, Any]


def make_output(objects: int, sure: int) -> Array:
    """Return an output with ``sure`` confident boxes, spread over ``objects`` places."""
    random = np.random.default_rng(7)
    output = np.zeros((84, 8400), np.float32)
    output[:4] = random.uniform(20, 600, (4, 8400))
    output[4:] = random.uniform(0, 0.1, (80, 8400))
    places, classes = random.uniform(80, 560, (objects, 2)), random.integers(0, 80, objects)
    for column in random.choice(8400, sure, replace=False):
        which = random.integers(objects)
        output[:4, column] = [*(places[which] + random.normal(0, 4, 2)), *random.uniform(60, 120, 2)]
        output[4 + classes[which], column] = random.uniform(0.5, 1)
    return output[None]


def straightforward(output: Array, confidence: float = 0.5, iou: float = 0.45) -> list[tuple[float, int, Array]]:
    """Decode as a tutorial would: a loop over all boxes, then suppression pair by pair; (score, class, box)."""
    found = []
    for row in output[0].T:
        class_id = int(np.argmax(row[4:]))
        if row[4 + class_id] >= confidence:
            x, y, width, height = row[:4]
            box = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
            found.append((float(row[4 + class_id]), class_id, box))
    kept: list[tuple[float, int, Array]] = []
    for candidate in sorted(found, key=lambda one: -one[0]):
        if all(candidate[1] != other[1] or _overlap(candidate[2], other[2]) <= iou for other in kept):
            kept.append(candidate)
    return kept


def _overlap(a: Array, b: Array) -> float:
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = float(np.prod(np.maximum(sides, 0)))
    return shared / float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared)


def measure(title: str, output: Array, rounds: int) -> list[str]:
    """Check that both find the same, and return what each takes."""
    image = image_to_tensor(np.zeros((640, 640, 3), np.uint8))
    found: Detections = decode_yolo(output, image)
    expected = straightforward(output)
    np.testing.assert_allclose(found.confidence, [score for score, _, _ in expected], atol=1e-4)
    np.testing.assert_allclose(found.xyxy, np.clip([box for _, _, box in expected], 0, 640), atol=1e-4)
    works = {"ours": repeat(lambda: decode_yolo(output, image), 3), "plain": repeat(lambda: straightforward(output))}
    ours, plain = (each.elapsed for each in in_turns(works, rounds).values())
    return [title, f"{median(ours):.1f}", f"{median(plain):.1f}", f"{ratio(plain, ours):.1f}", str(len(found))]


def main() -> None:
    """Measure a usual and a crowded picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    lines = [
        measure("6 objects, 60 sure boxes", make_output(6, 60), rounds),
        measure("40 objects, 600 sure boxes", make_output(40, 600), rounds),
    ]
    print(table(["decode_yolo, 84 x 8400", "ours ms", "plain ms", "plain / ours", "detections"], lines))


if __name__ == "__main__":
    main()

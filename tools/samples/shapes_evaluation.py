"""Measure the exported detector on unseen pictures: python shapes_evaluation.py [--sheet FILE.png]."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import cv2
import numpy as np
from shapes_pictures import CLASSES, Picture, draw_example

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort  # after the line above: telemetry is read on import

SAMPLES = Path(__file__).resolve().parents[2] / "jupyter_edge" / "samples"
UNSEEN_SEED = 2
UNSEEN_COUNT = 500
OVERLAPS = np.arange(0.5, 0.96, 0.05)
RECALLS = np.linspace(0, 1, 101)
NMS_OVERLAP = 0.6

Detections = tuple[np.ndarray, np.ndarray, np.ndarray]  # boxes [n, 4] xyxy, scores [n], classes [n]


def detect(session: ort.InferenceSession, pixels: np.ndarray, least_score: float) -> Detections:
    """Run the model on a picture of its size and suppress doubles class by class, best score first."""
    images = pixels.transpose(2, 0, 1)[None].astype(np.float32) / 255
    rows = session.run(None, {"images": images})[0][0].T
    classes = rows[:, 4:].argmax(axis=1)
    scores = rows[:, 4:].max(axis=1)
    corner = rows[:, :2] - rows[:, 2:4] / 2
    placed = np.concatenate([corner, rows[:, 2:4]], axis=1).tolist()
    chosen = cv2.dnn.NMSBoxesBatched(placed, scores.tolist(), classes.tolist(), least_score, NMS_OVERLAP)
    kept = np.asarray(chosen, dtype=np.int64)
    return np.concatenate([corner, corner + rows[:, 2:4]], axis=1)[kept], scores[kept], classes[kept]


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the intersection over union [n, m] of xyxy boxes [n, 4] and [m, 4]."""
    sides = np.minimum(first[:, None, 2:], second[None, :, 2:]) - np.maximum(first[:, None, :2], second[None, :, :2])
    shared = sides.clip(min=0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    return shared / (areas[0][:, None] + areas[1][None, :] - shared)


def match(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return [n, thresholds]: whether each box, best score first, finds an object that none before it found."""
    hits = np.zeros((len(boxes), len(OVERLAPS)), bool)
    table = overlaps(boxes, truth)
    for column, threshold in enumerate(OVERLAPS):
        free = np.ones(len(truth), bool)
        for row in range(len(boxes)):
            candidates = np.where(free, table[row], 0.0)
            if candidates.size and candidates.max() >= threshold:
                free[candidates.argmax()] = False
                hits[row, column] = True
    return hits


def average_precision(hits: np.ndarray, scores: np.ndarray, objects: int) -> np.ndarray:
    """Return per threshold the precision averaged over 101 recalls, as COCO does."""
    found = hits[np.argsort(-scores, kind="stable")].cumsum(axis=0)
    recall = found / objects
    precision = found / np.arange(1, len(found) + 1)[:, None]
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    result = np.zeros(len(OVERLAPS))
    for column in range(len(OVERLAPS)):
        place = np.searchsorted(recall[:, column], RECALLS)
        padded = np.append(precision[:, column], 0.0)
        result[column] = padded[place].mean()
    return result


def evaluate(session: ort.InferenceSession, pictures: list[Picture]) -> np.ndarray:
    """Return the average precision [classes, thresholds] over the pictures."""
    found = [detect(session, picture.pixels, least_score=0.001) for picture in pictures]
    table = np.zeros((len(CLASSES), len(OVERLAPS)))
    for kind in range(len(CLASSES)):
        hits, scores, objects = [], [], 0
        for picture, (boxes, confidence, classes) in zip(pictures, found, strict=True):
            truth = picture.boxes[picture.classes == kind]
            hits.append(match(boxes[classes == kind], truth))
            scores.append(confidence[classes == kind])
            objects += len(truth)
        table[kind] = average_precision(np.concatenate(hits), np.concatenate(scores), objects)
    return table


def contact_sheet(session: ort.InferenceSession, pictures: list[Picture], columns: int = 6) -> np.ndarray:
    """Return pictures with what was found in them, side by side, as BGR."""
    tiles = []
    for picture in pictures:
        tile = picture.pixels.copy()
        for box, score, kind in zip(*detect(session, tile, least_score=0.4), strict=True):
            left, top, right, bottom = (int(v) for v in box.round())
            cv2.rectangle(tile, (left, top), (right, bottom), (255, 255, 255), 1)
            label, origin = f"{CLASSES[kind]} {score:.2f}", (max(left, 0), max(top - 3, 9))
            cv2.putText(tile, label, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.35, (255, 255, 255), 1, cv2.LINE_AA)
        tiles.append(tile)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    return np.vstack(rows)[..., ::-1]


def report(model: Path, sheet: Path | None = None) -> None:
    """Print the figures of a model on UNSEEN_COUNT pictures; write 24 of them with their boxes to `sheet`."""
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    size = session.get_inputs()[0].shape[-1]
    pictures = [draw_example((UNSEEN_SEED, number), size) for number in range(UNSEEN_COUNT)]
    table = evaluate(session, pictures)
    print(f"mAP@0.5 {table[:, 0].mean():.3f}, mAP@0.5:0.95 {table.mean():.3f} on {len(pictures)} unseen pictures")
    for name, row in zip(CLASSES, table, strict=True):
        print(f"  {name:9s}{row[0]:.3f}  {row.mean():.3f}")
    if sheet:
        cv2.imwrite(str(sheet), contact_sheet(session, pictures[:24]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=SAMPLES / "shapes.onnx")
    parser.add_argument("--sheet", type=Path, help="picture file to look at")
    arguments = parser.parse_args()
    report(arguments.model, arguments.sheet)

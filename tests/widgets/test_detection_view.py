from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jupyter_edge import samples
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.telemetry import import_onnxruntime
from jupyter_edge.vision import Detections, decode_yolo, image_to_tensor, read_image
from jupyter_edge.vision.tensors import ImageTensor
from jupyter_edge.widgets.detection_view import DetectionView
from jupyter_edge.widgets.front_end import script

NAMES = ["circle", "square", "triangle", "star", "heart"]
Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def shapes() -> tuple[ImageTensor, Array]:
    """The sample picture, letterboxed into what the sample detector takes, and what that says of it."""
    tensor = image_to_tensor(samples.path("shapes.png"), (256, 256), fit="letterbox")
    session = import_onnxruntime().InferenceSession(str(samples.path("shapes.onnx")))
    return tensor, session.run(None, {"images": tensor.tensor})[0]


def agree(found: Detections, expected: Detections) -> None:
    np.testing.assert_allclose(found.xyxy, expected.xyxy)
    np.testing.assert_allclose(found.confidence, expected.confidence)
    assert found.class_name == expected.class_name


def test_the_detections_are_those_of_the_decoder_at_any_score_and_overlap(shapes: tuple[ImageTensor, Array]) -> None:
    tensor, output = shapes
    view = DetectionView(samples.path("shapes.png"), output, tensor, names=NAMES)
    expected = decode_yolo(output, tensor, names=NAMES)
    assert len(expected) > 2
    agree(view.detections, expected)
    view.confidence, view.iou = 0.9, 0.1
    agree(view.detections, decode_yolo(output, tensor, 0.9, 0.1, names=NAMES))
    view.confidence, view.iou = 0.05, 0.99
    agree(view.detections, decode_yolo(output, tensor, 0.05, 0.99, names=NAMES))


def test_a_hidden_class_is_not_among_the_detections(shapes: tuple[ImageTensor, Array]) -> None:
    tensor, output = shapes
    view = DetectionView(samples.path("shapes.png"), output, tensor, names=NAMES)
    hidden = int(view.detections.class_id[0])
    view.hidden = [hidden]
    assert len(view.detections)
    assert hidden not in view.detections.class_id


def test_detections_are_shown_as_they_are() -> None:
    found = Detections(np.array([[1, 2, 30, 40], [1, 2, 31, 40]]), np.array([0.6, 0.9]), np.array([0, 0]), ("dog",))
    view = DetectionView(np.zeros((50, 60, 3), np.uint8), found)
    agree(view.detections, found[[1, 0]])
    assert "2 dog" in repr(view)
    assert "dog 90% at 1, 2, 31, 40" in repr(view)


def test_a_size_means_a_stretched_picture_and_none_the_picture_s_own() -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    output = np.zeros((1, 5, 84), np.float32)
    output[0, :, 0] = [32, 32, 16, 16, 0.9]
    np.testing.assert_allclose(DetectionView(picture, output, (64, 64)).detections.xyxy, [[75, 37.5, 125, 62.5]])
    own = DetectionView(np.zeros((64, 64, 3), np.uint8), output)
    np.testing.assert_allclose(own.detections.xyxy, [[24, 24, 40, 40]])


def test_what_does_not_fit_is_refused() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    other = image_to_tensor(np.zeros((50, 50, 3), np.uint8), (64, 64))
    with pytest.raises(InvalidInputError, match="has 64 x 64"):
        DetectionView(picture, np.zeros((1, 5, 84)), other)
    with pytest.raises(InvalidInputError, match="confidence is a share"):
        DetectionView(picture, np.zeros((1, 5, 84)), confidence=50)
    with pytest.raises(TypeError, match="score"):
        DetectionView(picture, np.zeros((1, 5, 84)), score=0.5)  # type: ignore[call-arg]


def test_without_a_browser_there_are_a_picture_and_words(shapes: tuple[ImageTensor, Array]) -> None:
    tensor, output = shapes
    view = DetectionView(samples.path("shapes.png"), output, tensor, names=NAMES)
    data, _ = view._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == view.model_id
    drawn = read_image(base64.b64decode(data["image/png"]))
    np.testing.assert_array_equal(drawn, view.detections.draw(samples.path("shapes.png")))
    assert all(name in data["text/plain"] for name in set(view.detections.class_name))


def test_a_large_picture_travels_and_prints_small() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (3000, 4000, 3), dtype=np.uint8)
    picture = picture // 64 * 64
    view = DetectionView(picture, Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0)))  # type: ignore[arg-type]
    assert view._picture_type == "image/jpeg"
    assert read_image(view._picture).shape == (3000, 4000, 3)
    assert max(read_image(view._repr_png_()).shape) == 1600
    assert "nothing found" in repr(view)


@pytest.mark.parametrize("shift", [0.0, -400.0])
def test_the_browser_suppresses_what_python_does(tmp_path: Path, shift: float) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    cases = [_case(seed, shift) for seed in range(60)]
    (tmp_path / "view.mjs").write_text(script("detection_view"))
    (tmp_path / "cases.json").write_text(json.dumps([case for case, _ in cases]))
    program = """
        import { readFileSync } from "node:fs";
        import { suppress } from "./view.mjs";
        const cases = JSON.parse(readFileSync("cases.json"));
        const kept = cases.map(({ boxes, scores, classes, confidence, iou }) =>
            suppress(new Float32Array(boxes), new Float32Array(scores), new Int32Array(classes), confidence, iou));
        console.log(JSON.stringify(kept));
    """
    (tmp_path / "run.mjs").write_text(program)
    done = subprocess.run([node, "run.mjs"], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60)
    sizes = [len(expected) for _, expected in cases]
    assert min(sizes) > 0
    for kept, (case, expected) in zip(json.loads(done.stdout), cases, strict=True):
        assert [case["scores"][i] for i in kept] == expected


def _case(seed: int, shift: float) -> tuple[dict[str, Any], list[float]]:
    """Return candidates as the browser gets them, and the scores that Python keeps of them."""
    random = np.random.default_rng(seed)
    output = np.zeros((7, 600), np.float32)
    output[:2] = (random.uniform(-20, 640, (12, 2))[random.integers(0, 12, 600)] + random.normal(0, 9, (600, 2))).T
    output[:2] += shift
    output[2:4] = random.uniform(20, 160, (2, 600))
    output[4:] = random.uniform(0, 1, (3, 600)) ** 3
    view = DetectionView(
        np.zeros((640, 640, 3), np.uint8),
        output[None],
        confidence=round(float(random.uniform(0.06, 0.9)), 2),
        iou=float(random.uniform(0.05, 0.95)),
        layout="yolov8",
    )
    view._place = type(view._place)((10_000, 10_000), (10_000, 10_000), padding=(-2000, -2000))  # clips nothing
    case = {
        "boxes": np.frombuffer(view._boxes, "<f4").tolist(),
        "scores": np.frombuffer(view._scores, "<f4").tolist(),
        "classes": np.frombuffer(view._classes, "<i4").tolist(),
        "confidence": view.confidence,
        "iou": view.iou,
    }
    return case, view.detections.confidence.astype(float).tolist()

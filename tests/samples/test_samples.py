from __future__ import annotations

import ast
import json
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from jupyter_edge import samples
from jupyter_edge.core.telemetry import import_onnxruntime

ort = import_onnxruntime()


def session_of(name: str) -> Any:
    return ort.InferenceSession(samples.path(name), providers=["CPUExecutionProvider"])


def area_under_roc(labels: NDArray[np.int8], scores: NDArray[np.float32]) -> float:
    """Return the probability that a fraud scores higher than a good transaction; ties count half."""
    above = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    return float((above > 0).mean() + 0.5 * (above == 0).mean())


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match=r"ccfraud\.onnx"):
        samples.path("../__init__.py")


def test_fraud_model_has_one_plain_float_output() -> None:
    session = session_of("ccfraud.onnx")
    (tensor,), (output,) = session.get_inputs(), session.get_outputs()
    assert (tensor.name, tensor.type, tensor.shape[1:]) == ("transaction", "tensor(float)", [29])
    assert (output.name, output.type, output.shape[1:]) == ("fraud_probability", "tensor(float)", [1])


def test_fraud_model_ranks_unseen_frauds_above_good_transactions() -> None:
    with pa.ipc.open_file(samples.path("transactions.arrow")) as reader:
        table = reader.read_all()
    field = table.schema.field("tensor")
    assert field.type == pa.list_(pa.float32(), 29)
    assert json.loads(field.metadata[b"tensor_type"]) == {"shape": [29]}
    assert table.schema.field("label").type == pa.int8()

    features = table["tensor"].combine_chunks().flatten().to_numpy().reshape(-1, 29)
    (probability,) = session_of("ccfraud.onnx").run(None, {"transaction": features})
    assert probability.shape == (1000, 1)
    assert probability.min() >= 0
    assert probability.max() <= 1
    assert area_under_roc(table["label"].to_numpy(), probability[:, 0]) > 0.93


def intersection_over_union(first: list[float], second: list[float]) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in (first, second)]
    return shared / (sum(areas) - shared)


def objects_found(picture: NDArray[Any]) -> list[tuple[str, list[float]]]:
    """Return (class name, xyxy box in picture pixels) of what the detector sees in a BGR picture."""
    session = session_of("shapes.onnx")
    names = ast.literal_eval(session.get_modelmeta().custom_metadata_map["names"])
    *_, model_height, model_width = session.get_inputs()[0].shape
    resized = cv2.cvtColor(cv2.resize(picture, (model_width, model_height)), cv2.COLOR_BGR2RGB)
    images = resized.transpose(2, 0, 1)[None].astype(np.float32) / 255
    rows = session.run(None, {"images": images})[0][0].T
    scores, classes = rows[:, 4:].max(axis=1), rows[:, 4:].argmax(axis=1)
    scale = np.tile([picture.shape[1] / model_width, picture.shape[0] / model_height], 2)
    centre, size = rows[:, :2], rows[:, 2:4]
    boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1) * scale
    corners_and_sizes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(corners_and_sizes.tolist(), scores.tolist(), classes.tolist(), 0.4, 0.5)
    return [(names[int(classes[row])], boxes[row].tolist()) for row in kept]


def test_detector_has_the_layout_and_metadata_of_an_exported_yolov8() -> None:
    session = session_of("shapes.onnx")
    (images,), (output,) = session.get_inputs(), session.get_outputs()
    assert (images.name, images.type, images.shape) == ("images", "tensor(float)", [1, 3, 256, 256])
    assert (output.name, output.type, output.shape) == ("output0", "tensor(float)", [1, 9, 32**2 + 16**2 + 8**2])
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["task"] == "detect"
    assert metadata["stride"] == "32"
    assert ast.literal_eval(metadata["imgsz"]) == [256, 256]
    assert ast.literal_eval(metadata["names"]) == dict(enumerate(["circle", "square", "triangle", "star", "heart"]))


def test_detector_finds_every_object_of_the_demo_picture_and_nothing_else() -> None:
    picture = cv2.imread(str(samples.path("shapes.png")))
    assert picture is not None
    assert picture.shape == (480, 640, 3)
    truth = json.loads(samples.path("shapes.json").read_text())
    found = objects_found(picture)
    assert len(found) == len(truth) >= 7
    for shape in truth:
        overlaps = [intersection_over_union(shape["box"], box) for name, box in found if name == shape["class"]]
        assert max(overlaps, default=0.0) >= 0.6, shape


def test_samples_are_small_and_all_of_them_have_a_name() -> None:
    folder = samples.path("shapes.png").parent
    data = {file.name for file in folder.iterdir() if file.is_file() and file.suffix not in {".py", ".md"}}
    assert data == set(samples.NAMES)
    assert sum(samples.path(name).stat().st_size for name in samples.NAMES) <= 3_000_000

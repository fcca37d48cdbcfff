from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.vision import COCO_NAMES, Detections, decode_yolo, image_to_tensor
from jupyter_edge.vision.tensors import ImageTensor, Size

Array = np.ndarray[Any, np.dtype[np.float32]]
Found = list[tuple[float, int, list[float]]]


def anchors(size: Size) -> int:
    return sum((size[0] // s) * (size[1] // s) for s in (8, 16, 32))


def overlap(a: list[float], b: list[float]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return width * height / (sum(areas) - width * height)


def slowly(rows: Array, image: ImageTensor, confidence: float, iou: float, objectness: bool) -> Found:
    """Decode one row at a time: (score, class, source box), the surest first."""
    candidates: Found = []
    for row in rows.astype(float).tolist():
        scores = [row[4] * score for score in row[5:]] if objectness else row[4:]
        best = max(scores)
        if best >= confidence:
            x, y, w, h = row[:4]
            candidates.append((best, scores.index(best), [x - w / 2, y - h / 2, x + w / 2, y + h / 2]))
    kept: Found = []
    for candidate in sorted(candidates, key=lambda c: -c[0]):
        if all(candidate[1] != other[1] or overlap(candidate[2], other[2]) <= iou for other in kept):
            kept.append(candidate)
    placement = image.placements[0]
    mapped: Found = []
    for score, class_id, box in kept:
        source = [
            min(max((edge - placement.padding[i % 2]) / placement.scale[i % 2], 0), placement.source[i % 2])
            for i, edge in enumerate(box)
        ]
        if source[2] > source[0] and source[3] > source[1]:
            mapped.append((score, class_id, source))
    return mapped


def agree(found: Detections, expected: Found) -> None:
    assert found.class_id.tolist() == [class_id for _, class_id, _ in expected]
    np.testing.assert_allclose(found.confidence, [score for score, _, _ in expected], atol=1e-4)
    np.testing.assert_allclose(found.xyxy, np.array([box for _, _, box in expected]).reshape(-1, 4), atol=1e-4)


def outputs(seed: int, count: int, classes: int, objectness: bool = False) -> Array:
    """Clustered boxes, a few of them sure, some reaching beyond the input: one row each."""
    random = np.random.default_rng(seed)
    centres = random.uniform(-10, 170, (8, 2))[random.integers(0, 8, count)] + random.normal(0, 4, (count, 2))
    sides = random.uniform(5, 60, (count, 2))
    scores = random.uniform(0, 1, (count, classes)) ** 3
    parts = [centres, sides, random.uniform(0.5, 1, (count, 1)), scores] if objectness else [centres, sides, scores]
    return np.hstack(parts).astype(np.float32)


def photograph(size: Size = (160, 160)) -> ImageTensor:
    return image_to_tensor(np.zeros((90, 200, 3), np.uint8), size, fit="letterbox")


@given(seed=st.integers(0, 10_000), confidence=st.floats(0.2, 0.95), iou=st.floats(0.05, 0.95))
def test_yolov8_agrees_with_a_straightforward_decoder(seed: int, confidence: float, iou: float) -> None:
    image = photograph()
    rows = outputs(seed, anchors((160, 160)), 3)
    found = decode_yolo(rows.T[None], image, confidence, iou)
    agree(found, slowly(rows, image, confidence, iou, objectness=False))


@given(seed=st.integers(0, 10_000), confidence=st.floats(0.2, 0.95), iou=st.floats(0.05, 0.95))
def test_yolov5_agrees_with_a_straightforward_decoder(seed: int, confidence: float, iou: float) -> None:
    image = photograph()
    rows = outputs(seed, 3 * anchors((160, 160)), 1, objectness=True)
    found = decode_yolo(rows[None], image, confidence, iou)
    agree(found, slowly(rows, image, confidence, iou, objectness=True))


def on_yolox_grid(rows: Array, size: Size) -> Array:
    raw, position = rows.copy(), 0
    for stride in (8, 16, 32):
        for y in range(size[1] // stride):
            for x in range(size[0] // stride):
                raw[position, :2] = rows[position, :2] / stride - (x, y)
                raw[position, 2:4] = np.log(rows[position, 2:4] / stride)
                position += 1
    return raw


def without_sigmoid(raw: Array) -> Array:
    scores = raw[:, 4:].clip(1e-6, 1 - 1e-6)
    return np.hstack([raw[:, :4], np.log(scores / (1 - scores))])


def channel_by_channel(raw: Array) -> Array:
    """Leave out the transposition of each stride, as an export does that only says another shape (160 x 96 pixels)."""
    return np.concatenate([block.T.reshape(block.shape) for block in np.split(raw, [240, 300])])


@pytest.mark.parametrize(
    "exported",
    [lambda raw: raw, without_sigmoid, lambda raw: channel_by_channel(without_sigmoid(raw))],
    ids=["as published", "without the last sigmoid", "nor the transposition"],
)
def test_yolox_is_decoded_on_its_grid(exported: Callable[[Array], Array]) -> None:
    image = photograph((160, 96))
    rows = outputs(3, anchors((160, 96)), 4, objectness=True)
    rows[:, :2] = rows[:, :2].clip(0, (159, 95))
    cells = np.concatenate([np.mgrid[: 96 // s, : 160 // s][::-1].reshape(2, -1).T * s for s in (8, 16, 32)])
    rows[:, :2] = cells + rows[:, :2] % 8  # a cell answers for what is in it
    agree(
        decode_yolo(exported(on_yolox_grid(rows, (160, 96)))[None], image, 0.4),
        slowly(rows, image, 0.4, 0.45, objectness=True),
    )


def test_yolox_that_decodes_its_boxes_itself_is_told_from_one_that_does_not() -> None:
    image, rows = photograph(), outputs(3, anchors((160, 160)), 4, objectness=True)
    expected = slowly(rows, image, 0.4, 0.45, objectness=True)
    agree(decode_yolo(rows[None], image, 0.4, names=("a", "b", "c", "d")), expected)
    agree(decode_yolo(rows[None], image, 0.4, layout="yolov5"), expected)


@pytest.mark.parametrize(("classes", "names"), [(80, None), (3, ("a", "b", "c")), (1, None)])
def test_yolov8_is_told_also_where_it_is_transposed(classes: int, names: tuple[str, ...] | None) -> None:
    image, rows = photograph(), outputs(3, anchors((160, 160)), classes)
    found = decode_yolo(rows[None], image, names=names)
    agree(found, slowly(rows, image, 0.5, 0.45, objectness=False))
    sparse = np.zeros_like(rows)
    sparse[:3] = rows[:3]
    agree(decode_yolo(sparse[None], image, names=names), slowly(sparse, image, 0.5, 0.45, objectness=False))


def test_a_transposed_output_of_an_unknown_number_of_classes_is_not_guessed() -> None:
    image, rows = photograph(), outputs(3, anchors((160, 160)), 3)
    with pytest.raises(InvalidInputError, match=r"3 classes \(layout 'yolov8', transposed\) or 2 .*: pass layout="):
        decode_yolo(rows[None], image)
    agree(decode_yolo(rows[None], image, layout="yolov8"), slowly(rows, image, 0.5, 0.45, objectness=False))


def test_end_to_end_outputs_are_only_filtered_and_sorted() -> None:
    rows = np.array([[0, 0, 9, 9, 0.7, 1], [0, 0, 9, 9, 0.9, 1], [1, 1, 5, 5, 0.2, 0]], np.float32)
    found = decode_yolo(rows[None], (64, 64), names=["cat", "dog"])
    np.testing.assert_allclose(found.confidence, [0.9, 0.7])
    np.testing.assert_allclose(found.xyxy, [[0, 0, 9, 9]] * 2)
    assert found.class_name == ["dog", "dog"]
    assert not len(decode_yolo(np.zeros((1, 0, 6)), (64, 64)))


def nested_by_arrow(output: Array) -> Any:
    return pa.table({"out": pa.array([output.tolist()])}).to_pandas()["out"][0]


@pytest.mark.parametrize(
    "form",
    [
        lambda o: o,
        lambda o: [o],
        lambda o: o.tolist(),
        lambda o: o[0],
        lambda o: o.ravel(),
        lambda o: o.ravel().tolist(),
        lambda o: o.reshape(1, -1),
        lambda o: pd.DataFrame({"out": [o.tolist()]})["out"][0],
        nested_by_arrow,
    ],
)
def test_any_nesting_of_the_same_output_decodes_alike(form: Callable[[Array], Any]) -> None:
    image, rows = photograph(), outputs(5, anchors((160, 160)), 3)
    expected = slowly(rows, image, 0.5, 0.45, objectness=False)
    assert expected
    agree(decode_yolo(form(rows.T[None]), image), expected)


@pytest.mark.parametrize("layout", ["auto", "yolov5"])
def test_flat_yolov5_outputs_are_told_by_the_number_of_names(layout: Any) -> None:
    image, rows = photograph(), outputs(5, 3 * anchors((160, 160)), 3, objectness=True)
    found = decode_yolo(rows.ravel(), image, names=("a", "b", "c"), layout=layout)
    agree(found, slowly(rows, image, 0.5, 0.45, objectness=True))


def test_a_layout_that_is_named_overrides_the_guess() -> None:
    image, rows = photograph(), outputs(5, anchors((160, 160)), 3, objectness=True)
    agree(decode_yolo(rows, image, layout="yolov5"), slowly(rows, image, 0.5, 0.45, objectness=True))


def test_the_same_place_may_hold_two_classes_but_not_one_class_twice() -> None:
    output = np.zeros((1, 6, anchors((64, 64))), np.float32)
    output[0, :4, :3] = [[20], [20], [10], [10]]
    output[0, 4:, :3] = [[0.9, 0.8, 0.1], [0.1, 0.1, 0.7]]
    found = decode_yolo(output, (64, 64))
    np.testing.assert_allclose(found.confidence, [0.9, 0.7])
    assert found.class_id.tolist() == [0, 1]


def test_classes_stay_apart_also_left_of_and_above_the_picture() -> None:
    output = np.zeros((1, 6, anchors((64, 64))), np.float32)
    output[0, :, 0] = [-28, -28, 62, 62, 0, 0.8]
    output[0, :, 1] = [34.5, 34.5, 62, 62, 0.9, 0]
    assert len(decode_yolo(output, (64, 64), iou=0.0)) == 2


def test_names_come_from_coco_a_list_or_a_mapping() -> None:
    def found(classes: int, **options: Any) -> list[str]:
        output = np.zeros((1, 4 + classes, anchors((64, 64))), np.float32)
        output[0, :4, 0] = 20
        output[0, 5, 0] = 0.9
        return decode_yolo(output, (64, 64), **options).class_name

    assert found(80) == ["bicycle"]
    assert found(2) == ["class 1"]
    assert found(2, names=["a", "b"]) == ["b"]
    assert found(2, names={1: "b", 0: "a"}) == ["b"]
    assert found(2, names={1: "b"}) == ["b"]
    assert len(set(COCO_NAMES)) == 80


def test_what_is_not_a_number_is_never_a_box() -> None:
    output = np.zeros((1, 5, anchors((64, 64))), np.float32)
    rows = [[np.nan, 9, 9, 9, 0.9], [9, 9, 9, 9, np.nan], [9, 9, 4, 4, 0.8]]
    output[0, :, :3] = np.array(rows).T
    found = decode_yolo(output, (64, 64))
    np.testing.assert_allclose(found.xyxy, [[7, 7, 11, 11]])


@pytest.mark.parametrize(
    ("output", "options", "words"),
    [
        (np.zeros((2, 84, 84)), {}, "hold 2 pictures"),
        (np.zeros(17), {}, "do not fit"),
        (np.zeros((1, 3, 100)), {}, "do not fit"),
        (np.zeros((1, 10, 85)), {"layout": "yolox"}, "do not fit"),
        (np.zeros((1, 7, 84)), {"names": ["a"]}, "3 classes, but there are 1 names"),
        ([[1, 2], [3]], {}, "not a model's output"),
        ("text", {}, "not a model's output"),
        (None, {}, "do not fit"),
        (np.zeros((1, 7, 84)), {"layout": "yolo8"}, "one of auto, yolov8, .* not 'yolo8'"),
        (np.full((1, 7, 84), 9.0), {}, "scores from 0 to 9 rather than 0 to 1"),
        (np.zeros((1, 7, 84)), {"confidence": 50}, "confidence is a share"),
        (np.zeros((1, 7, 84)), {"iou": -1}, "iou is a share"),
    ],
)
def test_what_cannot_be_decoded_gets_one_clear_sentence(output: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        decode_yolo(output, (64, 64), **options)


def test_a_size_is_a_pair_and_may_be_too_small_for_any_box() -> None:
    with pytest.raises(InvalidInputError, match="not ndarray"):
        decode_yolo(np.zeros((1, 7, 84)), np.zeros((64, 64, 3), np.uint8))  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="do not fit"):
        decode_yolo(np.zeros(7), (4, 4), layout="yolov5")


def test_a_batch_is_decoded_one_by_one() -> None:
    images = image_to_tensor([np.zeros((90, 200, 3), np.uint8), np.zeros((200, 90, 3), np.uint8)], (160, 160))
    rows = [outputs(seed, anchors((160, 160)), 3) for seed in (1, 2)]
    batch = np.stack([row.T for row in rows])
    with pytest.raises(InvalidInputError, match="one by one"):
        decode_yolo(batch, images)
    for output, image, row in zip(batch, images, rows, strict=True):
        agree(decode_yolo(output, image), slowly(row, image, 0.5, 0.45, objectness=False))

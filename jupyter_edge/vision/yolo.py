"""Decode the raw outputs of the YOLO family into detections."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import cv2
import numpy as np
import numpy.typing as npt

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.vision.coco import COCO_NAMES
from jupyter_edge.vision.detections import Detections
from jupyter_edge.vision.tensors import ImageTensor, Placement, Size

Floats: TypeAlias = npt.NDArray[np.float32]
Layout: TypeAlias = Literal["auto", "yolov8", "yolov5", "yolox", "end2end"]
Names: TypeAlias = Sequence[str] | Mapping[int, str]

_STRIDES = (8, 16, 32)
# Quantised models miss 0 and 1 by a step.
_SCORE_SLACK = 0.05


@dataclass(frozen=True, eq=False)
class Candidates:
    """Boxes that are sure enough, before suppression: n x 4, centre x and y, width, height in the model's input.

    ``proposed`` is how many there were before the least confidence was asked of them.
    """

    boxes: Floats
    confidence: Floats
    class_id: npt.NDArray[np.int64]
    names: tuple[str, ...]
    layout: str
    proposed: int

    @property
    def xyxy(self) -> Floats:
        """The boxes as left, top, right, bottom."""
        half = self.boxes[:, 2:] / 2
        return np.hstack([self.boxes[:, :2] - half, self.boxes[:, :2] + half])

    def __getitem__(self, index: Any) -> Candidates:
        return replace(self, boxes=self.boxes[index], confidence=self.confidence[index], class_id=self.class_id[index])


def decode_yolo(  # noqa: PLR0913
    outputs: Any,
    image: ImageTensor | Size,
    confidence: float = 0.5,
    iou: float = 0.45,
    *,
    names: Names | None = None,
    layout: Layout = "auto",
) -> Detections:
    """Return what a YOLO model's ``outputs`` for one picture say, the surest first.

    Args:
        outputs: one output tensor as an array, nested or flat lists, or the cell of a DataFrame that holds it.
        image: the `ImageTensor` the model was given: boxes come back in pixels of its source picture, clipped to it. Or
            just the model's input size (width, height): boxes stay in that space.
        confidence: the least score to keep, from 0 to 1.
        iou: boxes of the same class that overlap a surer one by more than this (intersection over union) are dropped.
        names: the classes' names by class number; COCO's are used for a model of 80 classes.
        layout: "yolov8" is 1 x (4 + classes) x n, also of YOLOv11, or that transposed; "yolov5" is 1 x n x
            (5 + classes), with decoded boxes; "yolox" is the same with offsets in a grid, as its exports have them,
            with or without the last sigmoid; "end2end" is 1 x n x 6 of x1, y1, x2, y2, score, class, suppressed
            already. "auto" tells them apart by shape, input size, number of ``names`` (80 if not given), and whether
            boxes are decoded.

    Raises:
        InvalidInputError: the outputs fit no layout or several, hold several pictures, or numbers that are no
            scores, or ``names`` is of another length.
    """
    for value, called in ((confidence, "confidence"), (iou, "iou")):
        if not 0 <= value <= 1:
            raise InvalidInputError(f"{called} is a share from 0 to 1, not {value!r}.")
    placement = placement_of(image)
    return suppress(find_candidates(outputs, placement.size, confidence, names, layout), placement, iou)


def suppress(found: Candidates, placement: Placement, iou: float) -> Detections:
    """Return what non-maximum suppression within each class leaves of candidates, in pixels of the source picture."""
    kept = np.argsort(-found.confidence, kind="stable") if found.layout == "end2end" else _suppress(found, iou)
    boxes = placement.to_source(found.xyxy[kept])
    visible = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return Detections(boxes[visible], found.confidence[kept][visible], found.class_id[kept][visible], found.names)


def find_candidates(
    outputs: Any, size: Size, confidence: float, names: Names | None = None, layout: Layout = "auto"
) -> Candidates:
    """Return the boxes of at least ``confidence``, in the output's order; arguments and errors as in `decode_yolo`."""
    if layout not in get_args(Layout):
        raise InvalidInputError(f"layout is one of {', '.join(get_args(Layout))}, not {layout!r}.")
    known = _names_in_order(names)
    layout, rows = _read_rows(_dense(outputs), size, len(known or COCO_NAMES), layout)
    if layout == "end2end":
        boxes, scores = np.hstack([(rows[:, :2] + rows[:, 2:4]) / 2, rows[:, 2:4] - rows[:, :2]]), rows[:, 4]
        class_id = rows[:, 5]
    else:
        rows = _yolox_pixels(rows, size) if layout == "yolox" else rows
        _check_scores(rows[:, 4:], layout)
        # Before YOLOv8 a box has a score of its own, which its classes share.
        classes = rows[:, 4:] if layout == "yolov8" else rows[:, 5:] * rows[:, 4:5]
        _check_names(known, classes.shape[1])
        known = known or (COCO_NAMES if classes.shape[1] == len(COCO_NAMES) else ())
        boxes, scores, class_id = rows[:, :4], classes.max(axis=1), classes.argmax(axis=1)
    kept = (scores >= confidence) & np.isfinite(boxes).all(axis=1) & np.isfinite(class_id)
    return Candidates(boxes[kept], scores[kept], class_id[kept].astype(np.int64), known or (), layout, len(rows))


def placement_of(image: ImageTensor | Size) -> Placement:
    """Return where the one picture of a tensor lies in it; in a mere size, a picture of that size.

    Raises:
        InvalidInputError: if it is neither, or there are several pictures.
    """
    if isinstance(image, tuple) and len(image) == 2:
        return Placement(image, image)
    if not isinstance(image, ImageTensor):
        raise InvalidInputError(
            f"Pass the ImageTensor that the model was given, or its size (width, height), not {type(image).__name__}."
        )
    if len(image) != 1:
        raise InvalidInputError(
            f"This tensor holds {len(image)} pictures: decode them one by one, "
            "[decode_yolo(output, one) for output, one in zip(outputs, images)]."
        )
    return image.placements[0]


def _dense(values: Any) -> Floats:
    """Return nested lists, arrays of arrays (as Arrow hands them to pandas) or flat numbers as one array."""
    try:
        return np.asarray(values, np.float32)
    except (TypeError, ValueError) as error:
        if isinstance(values, list | tuple | np.ndarray) and len(values):
            try:
                return np.stack([_dense(value) for value in values])
            except ValueError:
                pass
        raise InvalidInputError(f"This is not a model's output: {error}.") from None


def _read_rows(values: Floats, size: Size, classes: int, layout: Layout) -> tuple[Layout, Floats]:
    """Return the layout and one row per box."""
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    if values.ndim > 2:
        raise InvalidInputError(
            f"Outputs of shape {values.shape} hold {values.shape[0]} pictures: decode them one by one."
        )
    if values.ndim == 2 and 1 in values.shape and values.size > 6:
        values = values.reshape(-1)
    anchors = max(1, sum((size[0] // stride) * (size[1] // stride) for stride in _STRIDES))
    if values.ndim < 2:
        layout, values = _unflatten(values, anchors, classes, layout)
    elif layout == "auto":
        layout = _layout_of(values, anchors, size, classes)
    by_channel = layout == "yolov8" and (values.shape[1] == anchors or values.shape[0] < values.shape[1])
    rows = values.T if by_channel else values
    if rows.shape[1] < 6 - (layout == "yolov8") or (layout == "yolox" and len(rows) != anchors):
        raise _misfit(values.shape, layout)
    return layout, rows


def _layout_of(values: Floats, anchors: int, size: Size, classes: int) -> Layout:
    """Tell the layout of lines and columns: a line per box has the classes' scores after 4 numbers (YOLOv8) or 5."""
    lines, columns = values.shape
    if columns == anchors:
        return "yolov8"
    if lines not in {anchors, 3 * anchors} and columns == 6:
        return "end2end"
    transposed = columns == 4 + classes and lines != 3 * anchors
    are_scores = not (values[:, 4:] < -_SCORE_SLACK).any()
    if columns <= 5 or (lines != anchors and lines < columns) or (transposed and are_scores):
        return "yolov8"
    # Sides are logarithms, or in pixels where the model decodes its boxes itself.
    if lines == anchors and np.median(values[:, 2:4]) <= math.log(max(size)):
        return "yolox"
    if columns == 5 + classes or lines == 3 * anchors:
        return "yolov5"
    raise InvalidInputError(
        f"Outputs of shape {values.shape} may have {columns - 4} classes (layout 'yolov8', transposed) or "
        f"{columns - 5} (layout 'yolov5'): pass layout= or names= to say which."
    )


def _unflatten(values: Floats, anchors: int, classes: int, layout: Layout) -> tuple[Layout, Floats]:
    """Give flat numbers the shape that the number of classes, or else of anchors, suggests."""
    if layout == "auto":
        whole: dict[Layout, tuple[int, int]] = {
            "yolov8": (4 + classes, anchors),
            "yolov5": (3 * anchors, 5 + classes),
            "yolox": (anchors, 5 + classes),
        }
        by_anchors: Layout = "yolov8" if values.size % anchors == 0 and values.size else "end2end"
        layout = next((name for name, shape in whole.items() if math.prod(shape) == values.size), by_anchors)
    lines = {"yolov8": (-1, anchors), "yolov5": (3 * anchors, -1), "yolox": (anchors, -1), "end2end": (-1, 6)}
    try:
        return layout, values.reshape(lines[layout])
    except ValueError:
        raise _misfit(values.shape, layout) from None


def _misfit(shape: tuple[int, ...], layout: str) -> InvalidInputError:
    return InvalidInputError(
        f"Outputs of shape {shape} do not fit the layout {layout!r} at this input size: "
        "pass the size of the model's input, and layout= if it cannot be told from the shape."
    )


def _names_in_order(names: Names | None) -> tuple[str, ...] | None:
    if isinstance(names, Mapping):
        return tuple(names.get(i, f"class {i}") for i in range(max(names, default=-1) + 1))
    return None if names is None else tuple(names)


def _check_names(names: tuple[str, ...] | None, classes: int) -> None:
    if names is not None and len(names) != classes:
        raise InvalidInputError(f"The model's output has {classes} classes, but there are {len(names)} names.")


def _check_scores(scores: Floats, layout: str) -> None:
    low, high = float(scores.min(initial=0)), float(scores.max(initial=0))
    if low < -_SCORE_SLACK or high > 1 + _SCORE_SLACK:
        raise InvalidInputError(
            f"Read as {layout!r}, these outputs have scores from {low:.3g} to {high:.3g} rather than 0 to 1: they are "
            "those of another kind of model, such as one of segmentation, or need another layout=."
        )


def _yolox_pixels(rows: Floats, size: Size) -> Floats:
    """Turn YOLOX's offsets within grid cells into pixels, and logits into scores (YOLOX, demo_postprocess)."""
    grids = [(size[0] // stride, size[1] // stride, stride) for stride in _STRIDES]
    if rows[:, 4:].min() < 0:
        rows = _yolox_probabilities(rows, [across * down for across, down, _ in grids])
    cells = [np.stack(np.meshgrid(np.arange(across), np.arange(down)), axis=-1) for across, down, _ in grids]
    cell = np.concatenate([each.reshape(-1, 2) for each in cells])
    stride_of = np.repeat(_STRIDES, [across * down for across, down, _ in grids])[:, None]
    with np.errstate(over="ignore"):
        pixels = [(rows[:, :2] + cell) * stride_of, np.exp(rows[:, 2:4]) * stride_of, rows[:, 4:]]
        return np.hstack(pixels).astype(np.float32)


def _yolox_probabilities(rows: Floats, counts: list[int]) -> Floats:
    """Return rows of an export that lacks the last sigmoid, with it.

    Some of these also lack a transposition: the rows of each stride lie there channel by channel, under the shape that
    they would have box by box. Then what seem to be centres are logits; real ones are within a cell or two.
    """
    blocks = np.split(rows, np.cumsum(counts)[:-1])
    turned = np.concatenate([block.reshape(block.shape[::-1]).T for block in blocks])
    nearest = min(rows, turned, key=lambda each: float(np.median(np.abs(each[:, :2]))))
    with np.errstate(over="ignore"):
        return np.hstack([nearest[:, :4], 1 / (1 + np.exp(-nearest[:, 4:]))])


def _suppress(found: Candidates, iou: float) -> npt.NDArray[np.intp]:
    """Return which candidates non-maximum suppression within each class keeps, the surest first."""
    lefttop = found.boxes[:, :2] - found.boxes[:, 2:] / 2
    # OpenCV tells classes apart by moving each by the largest coordinate, which works for positive ones only.
    corners = np.hstack([lefttop - lefttop.min(axis=0, initial=0), found.boxes[:, 2:]]).astype(np.float64)
    kept = cv2.dnn.NMSBoxesBatched(corners, found.confidence, found.class_id, 0.0, iou)  # type: ignore[arg-type]
    return np.asarray(kept, np.intp).reshape(-1)

"""A picture with the boxes of a detector, to be tried with other scores and overlaps in the browser."""

from __future__ import annotations

import base64
from typing import Any

import anywidget
import cv2
import numpy as np
import numpy.typing as npt
import traitlets

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.vision.detections import Detections
from jupyter_edge.vision.drawing import PALETTE, draw_boxes, text_colour
from jupyter_edge.vision.images import ImageSource, Picture, read_image, to_png
from jupyter_edge.vision.tensors import ImageTensor, Placement, Size
from jupyter_edge.vision.yolo import Candidates, Layout, Names, find_candidates, placement_of, suppress
from jupyter_edge.widgets.front_end import script, stylesheet

_LEAST_SCORE = 0.05
_MOST_CANDIDATES = 2000
_LOSSLESS_PIXELS = 2_000_000
_PRINT_WIDTH = 1600


class DetectionView(anywidget.AnyWidget):
    """A picture with boxes; sliders of score and overlap, a filter of classes and zoom act in the browser.

    What the sliders say is in ``confidence``, ``iou`` and ``hidden`` (class numbers), also to be set from here, and
    ``detections`` is what they leave. Where no widget can run there are a PNG picture and a text of the same.

    Args:
        image: the picture (see `read_image`).
        outputs: the model's output for it, as `decode_yolo` takes it; or `Detections`.
        tensor: what the model was given: the `ImageTensor`, or just the size (width, height) that the picture was
            stretched to; not needed where the picture had the model's size.
        names: the classes' names by class number, such as ``model.class_names()``.
        confidence: the least score to begin with.
        iou: the overlap to begin with, over which the less sure of two boxes of a class is dropped.
        layout: of the outputs, as in `decode_yolo`.

    Raises:
        InvalidInputError: if the picture or the outputs cannot be read.
    """

    _esm = script("detection_view")
    _css = stylesheet("detection_view")
    _picture = traitlets.Bytes().tag(sync=True)
    _picture_type = traitlets.Unicode().tag(sync=True)
    _size = traitlets.List(traitlets.Int()).tag(sync=True)
    _boxes = traitlets.Bytes().tag(sync=True)
    _corners = traitlets.Bytes().tag(sync=True)
    _scores = traitlets.Bytes().tag(sync=True)
    _classes = traitlets.Bytes().tag(sync=True)
    _names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    _colours = traitlets.List(traitlets.List(traitlets.Unicode())).tag(sync=True)
    _least = traitlets.Float().tag(sync=True)
    _suppressed = traitlets.Bool().tag(sync=True)
    _note = traitlets.Unicode().tag(sync=True)
    confidence = traitlets.Float(min=0, max=1).tag(sync=True)
    iou = traitlets.Float(min=0, max=1).tag(sync=True)
    hidden = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init__(  # noqa: PLR0913
        self,
        image: ImageSource,
        outputs: Any,
        tensor: ImageTensor | Size | None = None,
        *,
        names: Names | None = None,
        confidence: float = 0.5,
        iou: float = 0.45,
        layout: Layout = "auto",
    ) -> None:
        _check_share(confidence, "confidence")
        _check_share(iou, "iou")
        picture = read_image(image)
        least = min(_LEAST_SCORE, confidence)
        placement = _placement(picture, tensor)
        if isinstance(outputs, Detections):
            found = _candidates_of(outputs)
        else:
            found = find_candidates(outputs, placement.size, least, names, layout)
        order = np.argsort(-found.confidence, kind="stable")
        self._found, self._place, self._source = found[order[:_MOST_CANDIDATES]], placement, picture
        content, kind = _encoded(picture)
        super().__init__(
            _picture=content,
            _picture_type=kind,
            _size=[picture.shape[1], picture.shape[0]],
            _colours=[[_css_colour(colour), _css_colour(text_colour(colour))] for colour in PALETTE],
            _least=least,
            _note=_note(len(order)),
            confidence=confidence,
            iou=iou,
            **_wire_form(self._found, placement),
        )

    @property
    def detections(self) -> Detections:
        """Return what the present score, overlap and classes leave, the surest first."""
        sure = self._found[self._found.confidence >= np.float32(self.confidence)]
        found = suppress(sure, self._place, self.iou)
        return found[~np.isin(found.class_id, self.hidden)]

    def __repr__(self) -> str:
        shown = self.detections
        boxes = (
            f"{name} {score:.0%} at {', '.join(f'{edge:.0f}' for edge in box)}"
            for name, score, box in zip(shown.class_name, shown.confidence, shown.xyxy, strict=True)
        )
        width, height = self._size
        return "\n".join([f"DetectionView of {width} x {height} pixels: {shown!r}", *boxes])

    def _repr_mimebundle_(self, **options: Any) -> Any:
        data, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        png = base64.b64encode(self._repr_png_()).decode()
        return {**data, "image/png": png, "text/plain": repr(self)}, metadata

    def _repr_png_(self) -> bytes:
        drawing: npt.NDArray[Any] = np.asarray(draw_boxes(self._source, self.detections))
        scale = _PRINT_WIDTH / max(drawing.shape[:2])
        if scale < 1:
            drawing = cv2.resize(drawing, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return to_png(drawing)


def _check_share(value: float, called: str) -> None:
    if not 0 <= value <= 1:
        raise InvalidInputError(f"{called} is a share from 0 to 1, not {value!r}.")


def _placement(picture: Picture, tensor: ImageTensor | Size | None) -> Placement:
    height, width = picture.shape[:2]
    if tensor is None:
        return Placement((width, height), (width, height))
    placement = placement_of(tensor)
    if not isinstance(tensor, ImageTensor):
        size = placement.size
        return Placement((width, height), size, (size[0] / width, size[1] / height))
    if placement.source != (width, height):
        source = " x ".join(map(str, placement.source))
        raise InvalidInputError(
            f"The tensor was made from a picture of {source} pixels, and this one has {width} x {height}: "
            "pass the picture that the model saw."
        )
    return placement


def _candidates_of(found: Detections) -> Candidates:
    """Return detections as candidates that were suppressed already."""
    corners = found.xyxy
    boxes = np.hstack([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]])
    return Candidates(boxes, found.confidence, found.class_id, found.names, "end2end", len(found))


def _wire_form(found: Candidates, placement: Placement) -> dict[str, Any]:
    """Return candidates as the browser reads them: boxes where overlaps count, and where they lie in the picture."""
    lefttop = found.boxes[:, :2] - found.boxes[:, 2:] / 2
    return {
        "_boxes": np.hstack([lefttop, found.boxes[:, 2:]]).astype("<f4").tobytes(),
        "_corners": placement.to_source(found.xyxy).astype("<f4").tobytes(),
        "_scores": found.confidence.astype("<f4").tobytes(),
        "_classes": found.class_id.astype("<i4").tobytes(),
        "_names": list(found.names),
        "_suppressed": found.layout == "end2end",
    }


def _encoded(picture: Picture) -> tuple[bytes, str]:
    """Return a picture as a browser shows it: large ones as JPEG, a tenth of the size."""
    if picture.shape[0] * picture.shape[1] <= _LOSSLESS_PIXELS:
        return to_png(picture), "image/png"
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return jpeg.tobytes(), "image/jpeg"


def _css_colour(colour: tuple[int, int, int]) -> str:
    return f"rgb({colour[0]}, {colour[1]}, {colour[2]})"


def _note(candidates: int) -> str:
    if candidates <= _MOST_CANDIDATES:
        return ""
    return f"Only the {_MOST_CANDIDATES} surest of {candidates} candidates are here."

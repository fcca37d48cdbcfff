"""Draw detections so that they can be read at any size of picture and on any colour."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np

from jupyter_edge.vision.detections import Detections
from jupyter_edge.vision.images import ImageSource, Picture, read_image, to_png

Colour: TypeAlias = tuple[int, int, int]
Box: TypeAlias = tuple[int, int, int, int]
Size: TypeAlias = tuple[int, int]

# The ten colours of Tableau, told apart also by most colour-blind readers; a class has the same one in every picture.
PALETTE: tuple[Colour, ...] = (
    (31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189),
    (140, 86, 75), (227, 119, 194), (127, 127, 127), (188, 189, 34), (23, 190, 207),
)  # fmt: skip
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SMALLEST_TEXT = 10


class Drawing(np.ndarray[Any, np.dtype[np.uint8]]):
    """RGB pixels, height x width x 3: an ordinary array, which a notebook shows as a picture and not as numbers."""

    def __repr__(self) -> str:
        if not self._is_picture():
            return repr(np.asarray(self))
        return f"<picture of {self.shape[1]} x {self.shape[0]} pixels: array of shape {self.shape}, {self.dtype}>"

    def _repr_png_(self) -> bytes | None:
        return to_png(np.asarray(self)) if self._is_picture() else None

    def _is_picture(self) -> bool:  # what is computed from a drawing, or a part of it, need not be one
        return self.ndim == 3 and self.shape[2] == 3 and self.dtype == np.uint8 and self.size > 0


def draw_boxes(image: ImageSource, detections: Detections) -> Drawing:
    """Return a copy of ``image`` as RGB (see `read_image`) with boxes and labels drawn on it.

    Lines and letters grow with the picture; a label is black or white, whichever reads better on its class' colour, and
    stays within the picture and clear of the labels of surer boxes. Where there is no room for the full label there is
    just the name, and at worst only the box. A box has a rim of black or white, but in the smallest pictures, which
    keeps it apart from a ground of its own colour.
    """
    canvas = read_image(image).copy()
    height, width = canvas.shape[:2]
    line = max(1, round((width + height) / 600))
    rim = (line + 2) // 4
    boxes = np.clip(np.rint(detections.xyxy), 0, np.tile((width - 1, height - 1), 2)).astype(int).tolist()
    colours = [PALETTE[i % len(PALETTE)] for i in detections.class_id.tolist()]
    for (left, top, right, bottom), colour in reversed(list(zip(boxes, colours, strict=True))):
        for shade, thickness in ((text_colour(colour), line + 2 * rim), (colour, line)):
            cv2.rectangle(canvas, (left, top), (right, bottom), shade, thickness)
    taken: list[Box] = []
    for box, colour, name, score in zip(boxes, colours, detections.class_name, detections.confidence, strict=True):
        _draw_label(canvas, box, (f"{name} {score:.0%}", name), colour, taken)
    return canvas.view(Drawing)


def text_colour(background: Colour) -> Colour:
    """Return black or white, whichever has the higher contrast on ``background`` (WCAG 2.2, relative luminance)."""
    share = np.array(background) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    return (0, 0, 0) if (luminance + 0.05) ** 2 > 1.05 * 0.05 else (255, 255, 255)


def _draw_label(canvas: Picture, box: list[int], wordings: tuple[str, ...], colour: Colour, taken: list[Box]) -> None:
    height, width = canvas.shape[:2]
    text = max(_SMALLEST_TEXT, round((width + height) / 80))
    thickness = max(1, round(text / 12))
    scale = cv2.getFontScaleFromHeight(_FONT, text, thickness)
    margin = max(2, text // 4)
    for wording in wordings:
        (text_width, text_height), descent = cv2.getTextSize(wording, _FONT, scale, thickness)
        size = (text_width + 2 * margin, text_height + descent + 2 * margin)
        place = _free_place(box, size, (width, height), taken)
        if place:
            taken.append(place)
            left, top, right, bottom = place
            cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), colour, cv2.FILLED)
            origin = (left + margin, top + margin + text_height)
            cv2.putText(canvas, wording, origin, _FONT, scale, text_colour(colour), thickness, cv2.LINE_AA)
            return


def _free_place(box: list[int], size: Size, picture: Size, taken: list[Box]) -> Box | None:
    """Return where a label of ``size`` goes: above its box, else inside its edges or below, on free ground."""
    if size[0] > picture[0] or size[1] > picture[1]:
        return None
    left, top, right, bottom = box
    corners = [(x, y) for x in (left, right - size[0]) for y in (top - size[1], top, bottom, bottom - size[1])]
    level = [(x, y) for x, y in corners if 0 <= y <= picture[1] - size[1]] or corners
    places = [_within((x, y, x + size[0], y + size[1]), picture) for x, y in level]
    return next((place for place in places if not any(_overlap(place, other) for other in taken)), None)


def _within(place: Box, picture: Size) -> Box:
    left, top, right, bottom = place
    x = min(max(left, 0), picture[0] - (right - left))
    y = min(max(top, 0), picture[1] - (bottom - top))
    return x, y, x + right - left, y + bottom - top


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_edge.vision import Detections, draw_boxes
from jupyter_edge.vision.drawing import PALETTE, Box, _draw_label, text_colour
from jupyter_edge.vision.images import Picture, read_image


def detections(*boxes: Any, names: tuple[str, ...] = ("dog",)) -> Detections:
    scores = np.linspace(0.9, 0.5, len(boxes))
    return Detections(np.array(boxes), scores, np.zeros(len(boxes)), names)  # type: ignore[arg-type]


def blank(width: int, height: int) -> Picture:
    return np.full((height, width, 3), 240, np.uint8)


def changed(before: Picture, after: Picture) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero((before != after).any(axis=2))
    return columns.min(), rows.min(), columns.max(), rows.max()


def test_the_box_is_drawn_where_it_is_and_the_source_stays_as_it_was() -> None:
    picture = blank(640, 480)
    drawn = draw_boxes(picture, detections((200, 150, 400, 300)))
    assert (picture == 240).all()
    for x, y in ((200, 225), (400, 225), (300, 150), (300, 300)):
        assert tuple(drawn[y, x]) == PALETTE[0]
    np.testing.assert_array_equal(drawn[160:290, 210:390], picture[160:290, 210:390])


@pytest.mark.parametrize("ground", [*PALETTE, (0, 0, 0), (255, 255, 255)])
def test_a_box_stands_out_from_a_ground_of_any_colour(ground: tuple[int, int, int]) -> None:
    picture = np.full((480, 640, 3), ground, np.uint8)
    drawn = np.asarray(draw_boxes(picture, detections((100, 100, 500, 400))))
    across = drawn[390:410, 250].astype(int)
    assert np.abs(across - ground).sum(axis=1).max() > 150


def test_classes_differ_in_colour() -> None:
    found = Detections(np.array([[10, 50, 90, 90], [210, 50, 290, 90]]), np.ones(2), np.array([0, 1]))  # type: ignore[arg-type]
    drawn = draw_boxes(blank(400, 300), found)
    assert tuple(drawn[70, 10]) == PALETTE[0]
    assert tuple(drawn[70, 210]) == PALETTE[1]


@pytest.mark.parametrize(("width", "height"), [(160, 120), (640, 480), (3000, 2000)])
def test_lines_and_letters_grow_with_the_picture(width: int, height: int) -> None:
    picture = blank(width, height)
    drawn = draw_boxes(picture, detections((width // 4, height // 2, width // 2, height - 10)))
    line = (drawn[height * 3 // 4, : width // 3] != 240).any(axis=1).sum()
    assert -1 < line - (width + height) / 600 <= 3 + (width + height) / 1200
    label_height = height // 2 - changed(picture, drawn)[1]
    assert label_height >= max(14, (width + height) / 80)


def test_text_contrasts_with_its_background_as_wcag_asks_of_text() -> None:
    def luminance(colour: tuple[int, int, int]) -> float:
        linear = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for colour in (*PALETTE, (0, 0, 0), (255, 255, 255), (118, 118, 118)):
        dark, light = sorted((luminance(colour), luminance(text_colour(colour))))
        assert (light + 0.05) / (dark + 0.05) >= 4.5


@given(
    size=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    corners=st.lists(st.tuples(*[st.integers(-50, 250)] * 4), max_size=12),
    name=st.text(max_size=30),
)
def test_labels_stay_within_the_picture_and_clear_of_each_other(size: Any, corners: Any, name: str) -> None:
    canvas = blank(*size)
    taken: list[Box] = []
    for box in corners:
        _draw_label(canvas, list(box), (f"{name} 90%", name), PALETTE[0], taken)
    for i, a in enumerate(taken):
        assert a[0] >= 0
        assert a[1] >= 0
        assert a[2] <= size[0]
        assert a[3] <= size[1]
        for b in taken[:i]:
            assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]


def test_a_label_at_every_edge_is_still_drawn_whole() -> None:
    picture = blank(320, 240)
    alone = changed(picture, draw_boxes(picture, detections((100, 100, 100, 100))))
    for box in ((0, 0, 20, 20), (300, 0, 319, 20), (0, 220, 20, 239), (300, 220, 319, 239), (0, 0, 319, 239)):
        taken: list[Box] = []
        _draw_label(picture.copy(), list(box), ("dog 90%", "dog"), PALETTE[0], taken)
        assert taken[0][2] - taken[0][0] == pytest.approx(alone[2] - alone[0], abs=2)


def test_a_narrow_picture_keeps_the_name_only_and_a_tiny_one_the_box() -> None:
    def label_width(width: int) -> int:
        taken: list[Box] = []
        _draw_label(blank(width, 100), [0, 50, 10, 90], ("dog 90%", "dog"), PALETTE[0], taken)
        return taken[0][2] if taken else 0

    assert label_width(200) > label_width(40) > 0
    assert label_width(8) == 0
    tiny = draw_boxes(blank(8, 8), detections((2, 2, 6, 6)))
    assert tuple(tiny[2, 4]) == PALETTE[0]


def test_no_detections_leave_the_picture_as_it_is() -> None:
    picture = blank(64, 48)
    np.testing.assert_array_equal(draw_boxes(picture, detections()[:0]), picture)


def test_a_notebook_shows_a_drawing_as_a_picture_and_what_is_computed_from_it_as_numbers() -> None:
    drawn = draw_boxes(blank(64, 48), detections((20, 15, 40, 30)))
    assert repr(drawn) == "<picture of 64 x 48 pixels: array of shape (48, 64, 3), uint8>"
    np.testing.assert_array_equal(read_image(drawn._repr_png_() or b""), drawn)
    parts: list[Any] = [drawn[0], drawn[..., :1], drawn[:0], drawn / 255]
    for part in parts:
        assert part._repr_png_() is None
        assert repr(part) == repr(np.asarray(part))

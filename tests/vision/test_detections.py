from __future__ import annotations

import numpy as np
import pytest

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.vision import Detections, draw_boxes
from jupyter_edge.vision.images import Picture

BOXES = [[0, 1, 2, 3], [10, 11, 20.5, 21], [5, 5, 9, 9]]


def some() -> Detections:
    return Detections(BOXES, [0.9, 0.8, 0.35], [1, 0, 1], ["<b>cat</b>", "dog"])  # type: ignore[arg-type]


def test_the_arrays_have_supervisions_shapes_and_types() -> None:
    found = some()
    assert found.xyxy.shape == (3, 4)
    assert found.confidence.shape == (3,)
    assert {found.xyxy.dtype, found.confidence.dtype} == {np.dtype(np.float32)}
    assert found.class_id.tolist() == [1, 0, 1]
    assert found.class_name == ["dog", "<b>cat</b>", "dog"]


def test_a_mask_a_slice_and_a_number_take_a_part() -> None:
    found = some()
    assert found[found.confidence > 0.5].class_id.tolist() == [1, 0]
    assert len(found[1:]) == 2
    np.testing.assert_array_equal(found[1].xyxy, [BOXES[1]])
    assert [len(one) for one in found] == [1, 1, 1]


def test_a_frame_has_a_row_per_box() -> None:
    frame = some().to_pandas()
    assert list(frame) == ["x_min", "y_min", "x_max", "y_max", "confidence", "class_id", "class_name"]
    np.testing.assert_array_equal(frame[["x_min", "y_min", "x_max", "y_max"]].to_numpy(), BOXES)
    assert frame["class_name"].tolist() == ["dog", "<b>cat</b>", "dog"]


def test_the_text_counts_classes_and_the_table_escapes_names() -> None:
    assert repr(some()) == "Detections(2 dog, 1 <b>cat</b>)"
    page = some()._repr_html_()
    assert "&lt;b&gt;cat&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "80.0%" in page


def test_a_long_table_says_how_much_it_leaves_out() -> None:
    many = Detections(np.ones((25, 4)), np.ones(25), np.zeros(25), ())  # type: ignore[arg-type]
    page = many._repr_html_()
    assert page.count("<tr>") == 21
    assert "and 5 more" in page


def test_nothing_found_is_said() -> None:
    nothing = some()[:0]
    assert len(nothing) == 0
    assert repr(nothing) == "Detections(nothing found)"
    assert nothing._repr_html_() == "<p>nothing found</p>"
    assert nothing.to_pandas().empty


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="3 boxes, 1 confidences and 3 classes"):
        Detections(BOXES, [0.9], [1, 0, 1])  # type: ignore[arg-type]


def test_draw_is_draw_boxes(quarters: Picture) -> None:
    np.testing.assert_array_equal(some().draw(quarters), draw_boxes(quarters, some()))

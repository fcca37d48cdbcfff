from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.vision import image_to_tensor
from jupyter_edge.vision.images import Picture


def test_the_default_tensor_is_rgb_from_0_to_1_in_nchw(quarters: Picture) -> None:
    made = image_to_tensor(quarters)
    assert made.tensor.dtype == np.float32
    assert made.tensor.flags.c_contiguous
    np.testing.assert_allclose(made.tensor, quarters.transpose(2, 0, 1)[None] / 255, atol=1e-7)


def test_stretching_is_opencvs_linear_resize(quarters: Picture) -> None:
    made = image_to_tensor(quarters, (32, 64))
    np.testing.assert_allclose(made.tensor[0], cv2.resize(quarters, (32, 64)).transpose(2, 0, 1) / 255, atol=1e-7)


def test_nhwc_and_uint8_leave_the_pixels_as_they_are(quarters: Picture) -> None:
    made = image_to_tensor(quarters, layout="NHWC", dtype="uint8")
    assert made.tensor.dtype == np.uint8
    np.testing.assert_array_equal(made.tensor, quarters[None])


def test_another_scale_is_honoured(quarters: Picture) -> None:
    assert image_to_tensor(quarters, scale=1).tensor.max() == 255


def test_a_letterbox_keeps_the_aspect_ratio_and_pads_with_gray_on_both_sides(quarters: Picture) -> None:
    made = image_to_tensor(quarters, (120, 120), layout="NHWC", dtype="uint8", fit="letterbox")
    (placement,) = made.placements
    assert (placement.scale, placement.padding) == ((2, 2), (0, 20))
    assert (made.tensor[0, :20] == 114).all()
    assert (made.tensor[0, 100:] == 114).all()
    np.testing.assert_array_equal(made.tensor[0, 20:100], cv2.resize(quarters, (120, 80)))


@given(
    source=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    fit=st.sampled_from(["stretch", "letterbox"]),
)
def test_the_whole_placed_picture_maps_back_onto_the_source(source: Any, size: Any, fit: Any) -> None:
    made = image_to_tensor(np.zeros((source[1], source[0], 3), np.uint8), size, layout="NHWC", dtype="uint8", fit=fit)
    assert made.tensor.shape == (1, size[1], size[0], 3)
    rows, columns = np.nonzero((made.tensor[0] == 0).all(axis=2))
    inside = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
    np.testing.assert_allclose(made.placements[0].to_source(inside), [[0, 0, *source]], atol=1e-3)


def test_boxes_outside_the_source_are_clipped(quarters: Picture) -> None:
    placement = image_to_tensor(quarters, (120, 120), fit="letterbox").placements[0]
    boxes = np.array([[-10, 0, 500, 500]], np.float32)
    np.testing.assert_array_equal(placement.to_source(boxes), [[0, 0, 60, 40]])


def test_a_list_of_pictures_is_a_batch_and_comes_apart_again(quarters: Picture) -> None:
    small = quarters[::2, ::2]
    batch = image_to_tensor([quarters, small], (32, 32))
    assert batch.tensor.shape == (2, 3, 32, 32)
    first, second = batch
    assert (first.placements[0].source, second.placements[0].source) == ((60, 40), (30, 20))
    np.testing.assert_array_equal(second.tensor, image_to_tensor(small, (32, 32)).tensor)
    np.testing.assert_array_equal(batch[-1].tensor, second.tensor)
    assert "2 x 3 x 32 x 32" in repr(batch)
    with pytest.raises(IndexError):
        batch[2]


def test_numpy_takes_the_tensor(quarters: Picture) -> None:
    made = image_to_tensor(quarters)
    assert np.shares_memory(np.asarray(made), made.tensor)


def test_a_frame_has_a_row_per_picture_and_survives_json(quarters: Picture) -> None:
    batch = image_to_tensor([quarters, quarters[::-1]])
    frame = batch.to_frame("images")
    records = json.loads(frame.to_json(orient="records"))
    assert len(records) == 2
    read = np.concatenate([np.array(record["images"], np.float32) for record in records])
    np.testing.assert_allclose(read, batch.tensor, atol=1e-7)


def test_an_arrow_table_has_a_fixed_shape_tensor_column(quarters: Picture) -> None:
    batch = image_to_tensor([quarters, quarters[::-1]])
    column = batch.to_arrow("images").column("images")
    assert column.type.extension_name == "arrow.fixed_shape_tensor"
    assert column.type.shape == [3, 40, 60]
    np.testing.assert_array_equal(column.combine_chunks().to_numpy_ndarray(), batch.tensor)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layout": "CHW"}, "layout is"),
        ({"dtype": "float64"}, "dtype is"),
        ({"fit": "crop"}, "fit is"),
        ({"size": (0, 4)}, "size is"),
        ({"size": (4,)}, "size is"),
        ({"size": 640}, "size is"),
        ({"size": (64.0, 64.0)}, "size is"),
        ({"size": "ab"}, "size is"),
    ],
)
def test_a_wrong_parameter_is_named(quarters: Picture, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        image_to_tensor(quarters, **options)


def test_a_size_may_be_a_list_or_an_array(quarters: Picture) -> None:
    assert image_to_tensor(quarters, [8, 4]).tensor.shape == (1, 3, 4, 8)  # type: ignore[arg-type]
    assert image_to_tensor(quarters, np.array([8, 4])).placements[0].size == (8, 4)  # type: ignore[arg-type]


def test_a_batch_needs_pictures_and_one_size(quarters: Picture) -> None:
    with pytest.raises(InvalidInputError, match="at least one"):
        image_to_tensor([])
    with pytest.raises(InvalidInputError, match="pass size"):
        image_to_tensor([quarters, quarters[::2]])


@pytest.mark.parametrize("size", [(256, 256), (256, 320), (192, 320)])
def test_boxes_found_in_a_letterboxed_picture_lie_where_its_figures_are(size: tuple[int, int]) -> None:
    picture = np.full((90, 200, 3), 30, np.uint8)
    picture[20:60, 120:180] = 255
    placed = image_to_tensor(picture, size, fit="letterbox")
    bright = (placed.tensor[0].min(axis=0) > 0.9).nonzero()
    box = np.array([[bright[1].min(), bright[0].min(), bright[1].max() + 1, bright[0].max() + 1]], np.float32)
    np.testing.assert_allclose(placed.placements[0].to_source(box), [[120, 20, 180, 60]], atol=1.0)

from __future__ import annotations

import numpy as np
import pytest

from jupyter_edge.core import arrow_columns as arrow


def test_offsets_beyond_32_bits_make_large_lists() -> None:
    items = arrow.numbers("item", np.zeros(0, np.int8))
    for last, kind in ((2**31 - 1, "list"), (2**31, "large_list")):
        column = arrow.lists("a", arrow.offsets([last - 1, 1]), items)
        width = 8 if kind == "large_list" else 4
        assert column.field.kind == kind
        (offsets,) = column.buffers[1]
        assert np.frombuffer(offsets, f"<i{width}").tolist() == [0, last - 1, last]


@pytest.mark.parametrize(("rows", "size", "dtype"), [(2, 2**30 - 1, np.int32), (2, 2**30, np.int64), (0, 5, np.int32)])
def test_even_offsets_are_as_wide_as_the_last_one_needs(rows: int, size: int, dtype: type) -> None:
    places = arrow.even_offsets(rows, size)
    assert (places.dtype, places.tolist()) == (dtype, [size * row for row in range(rows + 1)])


def test_texts_of_more_than_2_gib_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "MAX_OFFSET", 5)
    assert arrow.texts("a", ["abc", "ä"]).field.kind == "text"
    assert arrow.texts("a", ["abc", "äe"]).field.kind == "large_text"
    assert arrow.same_text("a", "abc", 2).field.kind == "large_text"


def test_half_of_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        arrow.texts("a", ["a\ud800"])
    with pytest.raises(UnicodeEncodeError):
        arrow.same_text("a", "a\ud800", 2)


def test_numbers_are_not_copied_where_arrow_has_them_alike() -> None:
    plain = np.arange(6.0).reshape(2, 3)
    (piece,) = arrow.numbers("a", plain).buffers[1]
    assert isinstance(piece, np.ndarray)
    assert np.shares_memory(piece, plain)

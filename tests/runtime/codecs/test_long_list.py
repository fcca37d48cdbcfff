from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.runtime.batch import Batch
from jupyter_edge.runtime.codecs import long_list, records


@contextlib.contextmanager
def pieces_of(size: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_list, "compiled_numbers", None)
        patch.setattr(long_list, "_PIECE", size)
        yield


def read(body: bytes, size: int) -> Batch | None:
    with pieces_of(size):
        return long_list.decode(body)


def equal(batch: Batch, other: Batch) -> bool:
    """Compare batches of one array, to the bit."""
    (name,), (other_name,) = batch.columns, other.columns
    column, other_column = batch.columns[name], other.columns[other_name]
    if not isinstance(column, np.ndarray) or not isinstance(other_column, np.ndarray):
        return False
    form, other_form = (column.dtype, column.shape), (other_column.dtype, other_column.shape)
    return (batch.rows, name, form) == (other.rows, other_name, other_form) and bool(
        column.tobytes() == other_column.tobytes()
    )


def records_of(value: Any, **how: Any) -> bytes:
    return json.dumps([{"tensor": value}], **how).encode()


@pytest.mark.parametrize("shape", [(3000,), (5, 600), (3, 20, 50), (20, 50, 3), (1, 1, 3000), (2, 1, 3, 1, 500)])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("size", [100, 1000, 100_000])
def test_numbers_of_any_shape_are_the_same_as_read_at_once(
    shape: tuple[int, ...], separators: tuple[str, str], size: int
) -> None:
    values = np.random.default_rng(0).normal(size=shape) * 1e3
    body = records_of(values.tolist(), separators=separators)
    batch = read(body, size)
    assert batch is not None
    assert np.array_equal(batch.columns["tensor"], values[np.newaxis])


@pytest.mark.parametrize(
    ("first", "last", "dtype"),
    [(1, -(2**63), "int64"), (2**53 + 1, 2.5, "float64"), (2.5, 2**53 + 1, "float64"), (2.5, 2**64 - 1, "float64")],
)
def test_whole_numbers_stay_whole_only_where_all_are(first: float, last: float, dtype: str) -> None:
    body = records_of([[first] * 100, [last] * 100])
    batch, at_once = read(body, 200), records.decode(body)
    assert batch is not None
    assert equal(batch, at_once)
    assert np.asarray(batch.columns["tensor"]).dtype == dtype


@pytest.mark.parametrize(
    "value",
    [
        [[1.5, 2.5] * 50, [1.5] * 50],  # ragged
        [[[1.5] * 60] * 3, [[1.5] * 60] * 2],
        [[1.5] * 50, *([1.5] * 50)],
        [*([1.5] * 100), [2.5]],  # a list among numbers
        [[1.5] * 99 + [[2.5]], [1.5] * 100],
        [[1.5] * 100, []],
        [[[1.5] * 100], []],
        [1.5] * 100 + [None],
        [1.5] * 100 + [True],
        [1.5] * 100 + ["1"],
        [1.5] * 100 + [{"a": 1.5}],
        [*([1] * 100), 2**63],  # may be uint64
        [[1.5]] * 100,  # no comma stands between two numbers
    ],
)
def test_what_is_no_array_that_is_easily_cut_is_left_to_others(value: Any) -> None:
    assert read(records_of(value), 100) is None


@pytest.mark.parametrize(
    "body",
    [
        b"[]" * 100,
        b'[{"a": [%b]}, {"a": [1.5]}]' % b",".join([b"1.5"] * 100),
        b'[{"a": [%b], "b": [1.5]}]' % b",".join([b"1.5"] * 100),
        b'[{"a": [%b]}] x' % b",".join([b"1.5"] * 100),
        b'[{"a\n": [%b]}]' % b",".join([b"1.5"] * 100),
        b'[{"\xff": [%b]}]' % b",".join([b"1.5"] * 100),
        b'[{"a": [%b,]}]' % b",".join([b"1.5"] * 100),
        b'[{"a": [[%b,],[1.5,1.5]]}]' % b",".join([b"1.5"] * 100),
        b'[{"a": [[%b],[,1.5]]}]' % b",".join([b"1.5"] * 100),
        b'[{"a": [[%b]],[[1.5]]}]' % b",".join([b"1.5"] * 100),
        b'[{"a": %b1.5%b}]' % (b"[" * 2000, b"]" * 2000),
    ],
)
def test_other_bodies_are_left_to_others(body: bytes) -> None:
    assert read(body, 100) is None


def test_a_body_of_a_megabyte_is_read_in_pieces_as_any_other() -> None:
    values = np.random.default_rng(0).random((3, 200, 200)).astype(np.float32)
    body = records_of(values.tolist())
    assert len(body) > long_list.LONG
    assert equal(records.decode(bytearray(body)), Batch(1, {"tensor": values.astype(np.float64)[np.newaxis]}))
    with pytest.raises(InvalidInputError, match="The body is not JSON"):
        records.decode(body[:-1])


@st.composite
def damaged_lists(draw: st.DrawFn) -> bytes:
    """Return the records of an array of numbers, in whose text some bytes are others."""
    shape = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    number = st.sampled_from(
        ["0", "-1", "2.5", "1e3", "9007199254740993", "18446744073709551615", "0.10000000149011612"]
    )
    count = int(np.prod(shape))
    text: Any = np.array(draw(st.lists(number, min_size=count, max_size=count)), object).reshape(shape).tolist()
    body = bytearray(json.dumps([{"a": text}]).replace('"', "").replace("a:", '"a":').encode())
    if draw(st.booleans()):
        body = body.replace(b" ", b"")
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(body) - 1))
        put = draw(st.sampled_from([b"[", b"]", b",", b" ", b"1", b"],[", b"", b"null", b"{", b'"', b".", b"-"]))
        body[place : place + draw(st.integers(0, 2))] = put
    return bytes(body)


@pytest.mark.fuzz
@given(damaged_lists(), st.integers(4, 60))
def test_what_is_read_in_pieces_is_what_is_read_at_once(body: bytes, size: int) -> None:
    batch = read(body, size)
    if batch is not None:
        assert equal(batch, records.decode(body))

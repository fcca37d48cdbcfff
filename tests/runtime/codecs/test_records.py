from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_edge.core.dataset import Path
from jupyter_edge.core.errors import InvalidInputError, TooLargeError
from jupyter_edge.runtime.answer import Constant, Layout, Value, Values
from jupyter_edge.runtime.batch import Batch
from jupyter_edge.runtime.codecs import records


def padded(value: Any) -> bytes:
    """JSON of a value that is long enough for the way of large bodies."""
    return json.dumps(value).encode() + b" " * 70_000


def plain(batch: Batch) -> dict[str, Any]:
    return {name: np.asarray(column).tolist() for name, column in batch.columns.items()}


@pytest.mark.parametrize("body_of", [lambda value: json.dumps(value).encode(), padded], ids=["small", "large"])
class TestBothWays:
    """What a small body says, a large one says as well."""

    def test_columns_of_numbers_become_arrays(self, body_of: Any) -> None:
        batch = records.decode(body_of([{"a": [1.5, 2], "b": 3, "c": True}, {"a": [3, 4], "b": 4, "c": False}]))
        assert batch.rows == 2
        assert plain(batch) == {"a": [[1.5, 2], [3, 4]], "b": [3, 4], "c": [True, False]}
        assert [np.asarray(column).dtype.kind for column in batch.columns.values()] == ["f", "i", "b"]

    def test_nested_lists_keep_their_shape(self, body_of: Any) -> None:
        column = records.decode(body_of([{"a": [[[1, 2, 3], [4, 5, 6]]]}])).columns["a"]
        assert np.asarray(column).shape == (1, 1, 2, 3)

    def test_whole_numbers_stay_exact(self, body_of: Any) -> None:
        column = np.asarray(records.decode(body_of([{"a": [2**53 + 1, -(2**63)]}])).columns["a"])
        assert column.tolist() == [[2**53 + 1, -(2**63)]]

    def test_nulls_among_numbers_are_nan(self, body_of: Any) -> None:
        batch = records.decode(body_of([{"a": [1, None], "b": None}, {"a": [2, 3], "b": 2.5}]))
        assert np.array_equal(batch.columns["a"], np.array([[1, np.nan], [2, 3]]), equal_nan=True)
        assert np.array_equal(batch.columns["b"], [np.nan, 2.5], equal_nan=True)

    def test_a_literal_nan_is_read(self, body_of: Any) -> None:
        batch = records.decode(body_of([{"a": [1.0, float("nan"), float("-inf")]}]))
        assert np.array_equal(batch.columns["a"], [[1, np.nan, -np.inf]], equal_nan=True)

    def test_text_and_ragged_and_mixed_values_stay_as_they_are(self, body_of: Any) -> None:
        rows: list[dict[str, Any]] = [
            {"t": "a", "r": [1], "m": 1, "o": {"k": [1]}},
            {"t": None, "r": [1, 2], "m": "x", "o": None},
        ]
        columns = records.decode(body_of(rows)).columns
        assert columns == {name: [row[name] for row in rows] for name in rows[0]}

    @pytest.mark.parametrize("value", [[[1, 2], [3], [4, 5, 6]], [1, [2]], [[1], 2], [[[1]], [2]]])
    def test_ragged_lists_that_add_up_to_a_shape_stay_ragged(self, body_of: Any, value: Any) -> None:
        assert records.decode(body_of([{"a": value}])).columns == {"a": [value]}

    def test_a_column_that_a_row_lacks_is_null_there(self, body_of: Any) -> None:
        columns = records.decode(body_of([{"a": "x"}, {"b": "y"}])).columns
        assert columns == {"a": ["x", None], "b": [None, "y"]}

    def test_no_rows_are_no_rows(self, body_of: Any) -> None:
        assert records.decode(body_of([])).rows == 0

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ({"a": 1}, "is a JSON object: send a list of records"),
            ("a", "is a JSON text"),
            (None, "is a JSON null"),
            ([{"a": 1}, [1]], "Record 1 is a JSON list"),
            ([1.5], "Record 0 is a JSON number"),
        ],
    )
    def test_what_is_no_list_of_records_is_refused(self, body_of: Any, value: Any, reason: str) -> None:
        with pytest.raises(InvalidInputError, match=reason):
            records.decode(body_of(value))


@pytest.mark.parametrize(
    "body",
    [b"", b"nix", b'[{"a": 1}', b"\xff\xfe", b"[" * 100_000, b"[" * 100_000 + b"NaN", b'[{"a": [NaN}]', b"\0" * 70_000],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError, match="The body is not JSON"):
        records.decode(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=6,
)


@pytest.mark.fuzz
@given(st.lists(st.dictionaries(st.sampled_from("abc"), json_values, max_size=3), max_size=3))
def test_large_and_small_bodies_say_the_same(rows: list[Any]) -> None:
    small, large = records.decode(json.dumps(rows).encode()), records.decode(padded(rows))
    assert small.rows == large.rows
    assert list(small.columns) == list(large.columns)
    for name, column in small.columns.items():
        assert equal(column, large.columns[name])


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray):
        return isinstance(right, np.ndarray) and np.array_equal(left, right, equal_nan=left.dtype.kind == "f")
    return bool(left == right)


@pytest.mark.fuzz
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_or_refused(body: bytes, large: bool) -> None:
    with contextlib.suppress(InvalidInputError):
        assert records.decode(body + b" " * 70_000 if large else body).rows >= 0


def written(rows: int, values: dict[Path, Value], fixed: dict[Path, Constant] | None = None) -> bytes:
    """Write values in the order of ``values``, then ``fixed`` ones."""
    layout = Layout((*values, *(fixed or {})), None, fixed or {})
    return records.RecordsWriter(layout).write(Values(rows, values))


@pytest.mark.parametrize("spaces", [0, 1 << 16])
def test_of_a_name_that_comes_twice_the_last_value_counts(spaces: int) -> None:
    assert records.decode(b'[{"a":1,"b":2,"a":3}]' + b" " * spaces).columns == {"a": [3], "b": [2]}


@pytest.mark.parametrize("body_of", [lambda value: json.dumps(value).encode(), padded], ids=["small", "large"])
def test_records_that_have_nothing_in_common_are_refused_where_they_are_many(body_of: Callable[[Any], bytes]) -> None:
    many = [{f"k{number}": number} for number in range(1100)]
    assert len(records.decode(body_of(many[:1000])).columns) == 1000
    with pytest.raises(TooLargeError, match="1100 records have 1100 names"):
        records.decode(body_of(many))


def test_an_answer_is_written_in_order_with_the_shortest_float32() -> None:
    values: dict[Path, Value] = {
        ("time",): Constant(5),
        ("in", "t"): np.array([[-1.0603298, 0.1]], np.float32),
        ("in", "name"): ['a"b'],
        ("out", "v"): np.array([[1.0094898]], np.float32),
    }
    assert written(1, values, {("failures",): Constant([])}) == (
        b'[{"time":5,"in":{"t":[-1.0603298,0.1],"name":"a\\"b"},"out":{"v":[1.0094898]},"failures":[]}]'
    )


def test_not_a_number_is_written_as_null() -> None:
    values = np.array([[np.nan, 1], [np.inf, 2]])
    assert json.loads(written(2, {("a",): values})) == [{"a": [None, 1]}, {"a": [None, 2]}]


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 2), (1, 2, 3), (0,), (2, 0), (0, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "uint8", "bool"])
def test_every_shape_is_written_row_by_row(rows: int, shape: tuple[int, ...], dtype: str) -> None:
    values = np.arange(rows * np.prod(shape, dtype=int)).reshape(rows, *shape).astype(dtype)
    found = json.loads(written(rows, {("a",): values, ("b", "c"): values}))
    assert found == [{"a": row, "b": {"c": row}} for row in values.tolist()]


def test_views_are_written_as_what_they_show() -> None:
    values = np.arange(12.0).reshape(2, 6)[:, ::2]
    assert json.loads(written(2, {("a",): values})) == [{"a": [0, 2, 4]}, {"a": [6, 8, 10]}]


def test_ragged_rows_and_objects_are_written() -> None:
    values = [np.array([1.5], np.float32), np.array([], np.float32)]
    assert json.loads(written(2, {("a",): values, ("b",): [{"k": [1]}, None]})) == [
        {"a": [1.5], "b": {"k": [1]}},
        {"a": [], "b": None},
    ]


def test_rows_are_written_one_by_one_as_they_are_alone() -> None:
    layout = Layout((("in", "t"), ("time",), ("of", "all")), ".", {("of", "all"): Constant("same")})
    column = np.arange(6.0).reshape(3, 2)
    writer = records.RecordsWriter(layout)
    together = writer.write_rows(Values(3, {("in", "t"): column, ("time",): Constant(7)}))
    alone = [writer.write(Values(1, {("in", "t"): column[row : row + 1], ("time",): Constant(7)})) for row in range(3)]
    assert together == alone
    assert alone[0] == b'[{"in.t":[0.0,1.0],"time":7,"of.all":"same"}]'


def test_rows_that_are_all_alike_are_written_as_many_times() -> None:
    assert written(3, {("time",): Constant(5)}) == b'[{"time":5},{"time":5},{"time":5}]'


def test_an_answer_without_rows_is_an_empty_list() -> None:
    assert written(0, {}) == b"[]"

from __future__ import annotations

import datetime
import decimal
import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.runtime.answer import Answer, Constant
from jupyter_edge.runtime.codecs import arrow


def file_of(table: Any, compression: str | None = None, chunk: int | None = None) -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=chunk)
    return sink.getvalue()


def column(values: Any, kind: Any = None, **options: Any) -> Any:
    table = pa.table({"a": values if kind is None else pa.array(values, kind)})
    return arrow.decode(file_of(table, **options)).columns["a"]


LISTS = {
    "list": pa.list_(pa.float32()),
    "large_list": pa.large_list(pa.float32()),
    "fixed_size_list": pa.list_(pa.float32(), 2),
}


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
@pytest.mark.parametrize("kind", LISTS.values(), ids=LISTS.keys())
def test_lists_of_one_length_become_an_array(kind: Any, compression: str | None) -> None:
    values = [[1.5, 2.5], [3.5, 4.5], [5.5, 6.5]]
    read = column(values, kind, compression=compression, chunk=2)
    assert read.dtype == np.float32
    assert read.tolist() == values


def test_nested_lists_become_an_array_of_their_shape() -> None:
    values = [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]] * 2
    assert column(values, pa.list_(pa.list_(pa.float64()))).shape == (2, 2, 3)
    assert column(values, pa.list_(pa.list_(pa.float64(), 3), 2)).tolist() == values


def test_ragged_lists_stay_one_array_per_row() -> None:
    assert [row.tolist() for row in column([[1.0], [], [2.0, 3.0]], pa.list_(pa.float64()))] == [[1], [], [2, 3]]


@pytest.mark.parametrize(
    "kind",
    [pa.int8(), pa.uint8(), pa.int16(), pa.int32(), pa.uint64(), pa.int64(), pa.float32(), pa.float64()],
    ids=str,
)
def test_scalars_keep_their_type(kind: Any) -> None:
    read = column([1, 2], kind)
    assert read.dtype == np.dtype(kind.to_pandas_dtype())
    assert read.tolist() == [1, 2]


def test_booleans_and_half_floats_are_read() -> None:
    assert column([True, False]).tolist() == [True, False]
    assert column(np.array([1.5, 2.5], np.float16)).tolist() == [1.5, 2.5]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_text_is_read(kind: Any) -> None:
    assert column(["ä", "", None], kind) == ["ä", "", None]


def test_dictionaries_dates_and_decimals_are_read_as_what_they_mean() -> None:
    assert column(pa.array(["x", "y", "x"]).dictionary_encode()) == ["x", "y", "x"]
    assert column([datetime.datetime(2023, 10, 31, 20, 36, 33)], pa.timestamp("ms")) == ["2023-10-31T20:36:33"]
    assert column([decimal.Decimal("1.5")], pa.decimal128(5, 2)).tolist() == [1.5]


def test_nulls_among_numbers_are_nan() -> None:
    assert np.array_equal(column([1, None], pa.int64()), [1, np.nan], equal_nan=True)
    read = column([[0.1, None], [2.0, 3.0]], pa.list_(pa.float32()))
    assert read.dtype == np.float32
    assert np.array_equal(read, np.array([[0.1, np.nan], [2, 3]], np.float32), equal_nan=True)


def test_a_null_list_stays_null() -> None:
    assert column([[1.0], None], pa.list_(pa.float64())) == [[1.0], None]


def test_what_has_no_numbers_or_text_is_refused_by_name() -> None:
    with pytest.raises(InvalidInputError, match="Column 'a' has the Arrow type"):
        column([b"\xff\x00"], pa.binary())


def test_the_shape_of_a_flat_column_comes_along() -> None:
    kind = pa.list_(pa.float32(), 6)
    field = pa.field("a", kind, metadata={"tensor_type": json.dumps({"shape": [2, 3]})})
    tensors = pa.array([[0.0] * 6], pa.fixed_shape_tensor(pa.float32(), (2, 3)).storage_type)
    extension = pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.float32(), (2, 3)), tensors)
    schema = pa.schema([field, pa.field("b", extension.type), pa.field("c", pa.int8())])
    table = pa.table([pa.array([[0.0] * 6], kind), extension, pa.array([1], pa.int8())], schema=schema)
    batch = arrow.decode(file_of(table))
    assert batch.shapes == {"a": (2, 3), "b": (2, 3)}
    assert np.shape(batch.columns["b"]) == (1, 6)


def test_a_stream_is_read_as_well() -> None:
    table = pa.table({"a": [1, 2]})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert np.asarray(arrow.decode(sink.getvalue()).columns["a"]).tolist() == [1, 2]


def test_a_table_without_rows_has_none() -> None:
    assert arrow.decode(file_of(pa.table({"a": pa.array([], pa.float32())}))).rows == 0


def test_columns_of_the_same_name_are_refused() -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(InvalidInputError, match="columns of the same name"):
        arrow.decode(file_of(table))


GOOD = file_of(pa.table({"a": pa.array([[1.0, 2.0]] * 4, pa.list_(pa.float32())), "b": ["x", "y", "z", None]}))


@pytest.mark.parametrize("body", [b"", b"ARROW1", GOOD[:-20], GOOD[: len(GOOD) // 2], b"\xff\xff\xff\xff" + b"\0" * 40])
def test_a_truncated_file_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError, match="not a whole Arrow IPC file"):
        arrow.decode(body)


@pytest.mark.fuzz
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_file_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    body = bytearray(GOOD)
    for position, value in changes:
        body[position] = value
    try:
        assert arrow.decode(body).rows >= 0
    except InvalidInputError as error:
        assert str(error)


def written(tree: dict[str, Any], rows: int, **options: Any) -> Any:
    return pa.ipc.open_file(arrow.encode(Answer(rows, tree, **options))).read_all()


def test_an_answer_has_the_schema_that_clients_expect() -> None:
    tree = {
        "time": Constant(1698784607697),
        "in": {"tensor": np.ones((2, 3), np.float32), "index": ["a", "b"]},
        "out": {"v": np.array([[0.5], [1.5]], np.float32)},
        "check_failures": Constant([]),
        "metadata": {"last_model": Constant("m"), "elapsed": Constant([1, 2]), "dropped": Constant(["in.x"])},
    }
    table = written(tree, 2)
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds == {
        "time": "int64",
        "in": "struct<tensor: list<item: float>, index: string>",
        "out": "struct<v: list<item: float>>",
        "check_failures": "list<item: string>",
        "metadata": "struct<last_model: string, elapsed: list<item: uint64>, dropped: list<item: string>>",
    }
    assert json.loads(table.schema.field("in").type.field("tensor").metadata[b"tensor_type"]) == {"shape": [3]}
    assert table.to_pylist()[1] == {
        "time": 1698784607697,
        "in": {"tensor": [1, 1, 1], "index": "b"},
        "out": {"v": [1.5]},
        "check_failures": [],
        "metadata": {"last_model": "m", "elapsed": [1, 2], "dropped": ["in.x"]},
    }


def test_values_of_higher_rank_are_flat_lists_with_their_shape() -> None:
    table = written({"in.a": np.arange(12).reshape(2, 2, 3), "in.b": np.zeros((2, 4))}, 2, shapes={"in.b": (2, 2)})
    assert table["in.a"].to_pylist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    shapes = [json.loads(field.metadata[b"tensor_type"])["shape"] for field in table.schema]
    assert shapes == [[2, 3], [2, 2]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", None], ["a", None]),
        ([["a"], ["b", "c"]], [["a"], ["b", "c"]]),
        ([np.array([1.0]), np.array([2.0, 3.0])], [[1.0], [2.0, 3.0]]),
        ([{"k": [1]}, 5], ['{"k":[1]}', "5"]),
        (np.array([True, False]), [True, False]),
        (np.array([1.5, 2.5], np.float16), [1.5, 2.5]),
        (Constant(None), [None, None]),
        (Constant([]), [[], []]),
    ],
)
def test_columns_of_every_kind_are_written(values: Any, expected: list[Any]) -> None:
    assert written({"a": values}, 2)["a"].to_pylist() == expected


def test_an_answer_without_rows_is_an_arrow_file() -> None:
    assert written({}, 0).num_rows == 0

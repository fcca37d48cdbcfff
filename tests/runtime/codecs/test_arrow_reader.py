from __future__ import annotations

import contextlib
import datetime
import io
import json
import tracemalloc
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_edge.core.errors import InvalidInputError, TooLargeError
from jupyter_edge.runtime.codecs import arrow_reader


def file_of(table: Any, compression: str | None = None, chunk: int | None = None) -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=chunk)
    return sink.getvalue()


def column(values: Any, kind: Any = None, **options: Any) -> Any:
    table = pa.table({"a": values if kind is None else pa.array(values, kind)})
    return arrow_reader.decode(file_of(table, **options)).columns["a"]


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


def test_long_texts_are_read_from_where_their_views_point() -> None:
    texts = ["short", "twelve bytes", "thirteen byte", "x" * 1000]
    assert column(texts, pa.string_view(), compression="lz4") == texts


def test_dictionaries_and_times_are_read_as_what_they_mean() -> None:
    assert column(pa.array(["x", "y", None, "x"]).dictionary_encode()) == ["x", "y", None, "x"]
    assert column(pa.array([1.5, 2.5, 1.5]).dictionary_encode()).tolist() == [1.5, 2.5, 1.5]
    time = datetime.datetime(2023, 10, 31, 20, 36, 33, 500_000, datetime.UTC)
    assert column([time, None], pa.timestamp("ms", "UTC")) == ["2023-10-31T20:36:33.500", None]


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64(), pa.int64()], ids=str)
def test_nulls_among_the_numbers_of_a_dictionary_are_nan(kind: Any) -> None:
    plain = pa.array(np.array([1, 2, 1], kind.to_pandas_dtype()), mask=np.array([False, True, False]))
    read = column(pa.DictionaryArray.from_arrays(pa.array([0, None, 0], "int8"), plain.slice(0, 1)))
    assert read.dtype == column(plain).dtype
    assert np.array_equal(read, [1, np.nan, 1], equal_nan=True)


def test_a_dictionary_may_have_no_value_where_no_row_has_one() -> None:
    nothing = pa.array([], pa.string()).dictionary_encode()
    assert column([None, None], pa.struct([("b", nothing.type)])) == [None, None]
    assert column([None, None], nothing.type) == [None, None]


def test_an_index_before_a_dictionarys_first_value_is_refused() -> None:
    rows = pa.DictionaryArray.from_arrays(np.array([-1], "int8"), ["x"], safe=False)
    with pytest.raises(InvalidInputError, match="not a whole Arrow IPC file"):
        column(rows)


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_dates_are_read_as_json_has_them(kind: Any) -> None:
    assert column([datetime.date(2023, 10, 31), None], kind) == ["2023-10-31", None]


def test_structs_and_nothing_are_read_as_json_has_them() -> None:
    assert column([{"a": 1, "b": ["x"]}, None]) == [{"a": 1, "b": ["x"]}, None]
    assert column([None, None]) == [None, None]


def test_nulls_among_numbers_are_nan() -> None:
    assert np.array_equal(column([1, None], pa.int64()), [1, np.nan], equal_nan=True)
    read = column([[0.1, None], [2.0, 3.0]], pa.list_(pa.float32()))
    assert read.dtype == np.float32
    assert np.array_equal(read, np.array([[0.1, np.nan], [2, 3]], np.float32), equal_nan=True)


def test_a_null_list_stays_null() -> None:
    first, second = column([[1.0], None], pa.list_(pa.float64()))
    assert first.tolist() == [1]
    assert second is None


def test_what_has_no_numbers_or_text_is_refused_by_name() -> None:
    with pytest.raises(InvalidInputError, match="Column 'a' has the Arrow type binary"):
        column([b"\xff\x00"], pa.binary())


def test_the_shape_of_a_flat_column_comes_along() -> None:
    kind = pa.list_(pa.float32(), 6)
    field = pa.field("a", kind, metadata={"tensor_type": json.dumps({"shape": [2, 3]})})
    tensors = pa.array([[0.0] * 6], pa.fixed_shape_tensor(pa.float32(), (2, 3)).storage_type)
    extension = pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.float32(), (2, 3)), tensors)
    schema = pa.schema([field, pa.field("b", extension.type), pa.field("c", pa.int8())])
    table = pa.table([pa.array([[0.0] * 6], kind), extension, pa.array([1], pa.int8())], schema=schema)
    batch = arrow_reader.decode(file_of(table))
    assert batch.shapes == {"a": (2, 3), "b": (2, 3)}
    assert np.shape(batch.columns["b"]) == (1, 6)


def test_a_transposed_tensor_is_refused_rather_than_misread() -> None:
    pictures = np.zeros((2, 4, 5, 3), np.float32)
    tensors = pa.FixedShapeTensorArray.from_numpy_ndarray(pictures.transpose(0, 3, 1, 2))
    with pytest.raises(InvalidInputError, match="Column 'a' is a tensor with permuted dimensions"):
        arrow_reader.decode(file_of(pa.table({"a": tensors})))
    plain = pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.float32(), (4, 5, 3), permutation=[0, 1, 2]), tensors.storage
    )
    assert arrow_reader.decode(file_of(pa.table({"a": plain}))).shapes == {"a": (4, 5, 3)}


def test_a_stream_is_read_as_well() -> None:
    table = pa.table({"a": [1, 2]})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert np.asarray(arrow_reader.decode(sink.getvalue()).columns["a"]).tolist() == [1, 2]


def test_a_table_without_rows_has_none() -> None:
    assert arrow_reader.decode(file_of(pa.table({"a": pa.array([], pa.float32())}))).rows == 0


def test_columns_of_the_same_name_are_refused() -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(InvalidInputError, match="columns of the same name"):
        arrow_reader.decode(file_of(table))


TABLE = pa.table(
    {
        "list": pa.array([[1.0, 2.0]] * 4, pa.list_(pa.float32())),
        "fixed": pa.array([[1, 2]] * 4, pa.list_(pa.int16(), 2)),
        "text": ["x", "y", "z", None],
        "word": pa.array(["x", "y", "x", "x"]).dictionary_encode(),
        "view": pa.array(["a", "b" * 20, None, ""], pa.string_view()),
        "struct": [{"k": True}, {"k": None}, None, {"k": False}],
        "null": pa.nulls(4),
    }
)
GOOD = file_of(TABLE)
PACKED = file_of(TABLE, compression="zstd")


@pytest.mark.parametrize("body", [b"", b"ARROW1", GOOD[:-20], GOOD[: len(GOOD) // 2], b"\xff\xff\xff\xff" + b"\0" * 40])
def test_a_truncated_file_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError, match="not a whole Arrow IPC file"):
        arrow_reader.decode(body)


@pytest.mark.fuzz
@given(st.sampled_from([GOOD, PACKED]), st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 255)), min_size=1))
def test_a_damaged_file_is_read_or_refused(good: bytes, changes: list[tuple[float, int]]) -> None:
    body = bytearray(good)
    for place, value in changes:
        body[int(place * len(body))] = value
    with contextlib.suppress(InvalidInputError, TooLargeError):
        assert arrow_reader.decode(body).rows >= 0


def test_a_negative_size_is_refused() -> None:
    size = 12_345_678
    body = file_of(pa.table({"a": pa.array([], pa.list_(pa.float32(), size))}))
    with pytest.raises(InvalidInputError):
        arrow_reader.decode(body.replace(size.to_bytes(4, "little"), b"\xff" * 4))


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    zeros = pa.table({"a": np.zeros(arrow_reader.MAX_UNPACKED // 8 + 1)})
    body = file_of(zeros, compression="zstd")
    assert len(body) < 1_000_000
    with pytest.raises(TooLargeError, match="unpacks to more than"):
        arrow_reader.decode(body)


MANY = arrow_reader.MAX_UNPACKED // 32
GROWING = {
    "rows of nothing": lambda: pa.StructArray.from_buffers(pa.struct([]), MANY, [None]),
    "rows of one bit": lambda: pa.StructArray.from_arrays([pa.array(np.zeros(MANY, bool))], ["x"]),
    "rows that share a text": lambda: pa.DictionaryArray.from_arrays(np.zeros(MANY, "i1"), ["x" * 100]),
    "rows that share a list": lambda: pa.DictionaryArray.from_arrays(
        np.zeros(MANY, "i1"), pa.FixedSizeListArray.from_arrays(np.zeros(9), 9)
    ),
    "bits": lambda: pa.array(np.zeros(arrow_reader.MAX_UNPACKED + 1, bool)),
}


@pytest.mark.parametrize("make", GROWING.values(), ids=GROWING.keys())
def test_what_a_few_bytes_would_make_of_many_rows_is_refused_before_it_is_made(make: Any) -> None:
    body = file_of(pa.table({"a": make()}), compression="zstd")
    assert len(body) < 10_000
    tracemalloc.start()
    with pytest.raises(TooLargeError, match="unpacks to more than"):
        arrow_reader.decode(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < arrow_reader.MAX_UNPACKED


def test_rows_without_a_value_share_nothing_of_a_dictionary() -> None:
    rows = pa.DictionaryArray.from_arrays(pa.array([0, None] * 5, "int8"), ["x" * 100])
    assert column(rows) == ["x" * 100, None] * 5


def test_numbers_are_read_in_place() -> None:
    body = bytearray(file_of(pa.table({"a": [1.0, 2.0]})))
    read = arrow_reader.decode(body).columns["a"]
    place = body.index(np.array([1.0, 2.0]).tobytes())
    body[place : place + 8] = np.float64(7).tobytes()
    assert np.asarray(read).tolist() == [7, 2]

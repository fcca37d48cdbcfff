"""Arrow IPC: files (and streams) in, files out, without a Python object per number."""

from __future__ import annotations

import io
import itertools
import json
import math
from typing import Any, cast

import numpy as np
import orjson
from arro3.core import (
    Array,
    DataType,
    Field,
    Schema,
    Table,
    dictionary_dictionary,
    dictionary_indices,
    list_array,
    list_flatten,
    list_offsets,
    struct_array,
)
from arro3.io import read_ipc, read_ipc_stream, write_ipc

from jupyter_edge.core.errors import InvalidInputError, TooLargeError
from jupyter_edge.core.records import Column
from jupyter_edge.runtime.answer import Answer, Constant
from jupyter_edge.runtime.batch import Batch, as_column
from jupyter_edge.runtime.codecs.arrow_check import check_sizes

_TENSOR_TYPE = b"tensor_type"
_EXTENSION = b"ARROW:extension:metadata"


def decode(body: bytes | bytearray) -> Batch:
    """Read an Arrow IPC file, or a stream.

    Columns are scalars, text, lists of any kind and nesting, and fixed_shape_tensor; a shape that a flat column
    says it has (field metadata ``tensor_type``, or the extension's) comes along.

    Raises:
        InvalidInputError: if the body is no Arrow data, or has a column of another type.
    """
    read = read_ipc if body.startswith(b"ARROW1") else read_ipc_stream
    try:
        check_sizes(body)
        table = read(body).read_all().combine_chunks()
    except BaseException as error:  # a panic of the reader is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit | TooLargeError):
            raise
        msg = f"The body is not a whole Arrow IPC file ({error}): write it with pyarrow.ipc.new_file, or send JSON."
        raise InvalidInputError(msg) from None
    names = table.column_names
    if len(set(names)) < len(names):
        msg = f"The Arrow table has columns of the same name ({', '.join(names)}): name each one differently."
        raise InvalidInputError(msg)
    columns = {name: _column(name, table) for name in names} if table.num_rows else {}
    shapes = {field.name: shape for field in map(table.field, names) if (shape := _shape(field)) is not None}
    return Batch(table.num_rows, columns, shapes)


def _column(name: str, table: Table) -> Column:
    array = table.column(name).chunk(0)
    try:
        return _values(array)
    except (TypeError, ValueError, NotImplementedError, ImportError):
        msg = f"Column {name!r} has the Arrow type {array.type}: send numbers, booleans, text, or lists of them."
        raise InvalidInputError(msg) from None


def _values(array: Array) -> Column:
    """Return an array of any type as a column; nulls among numbers become NaN."""
    kind = array.type
    if DataType.is_dictionary(kind):
        return _dictionary(array)
    if DataType.is_temporal(kind):
        return list(array.cast(DataType.string()).to_pylist())
    if DataType.is_decimal(kind):
        return _values(array.cast(DataType.float64()))
    lists = DataType.is_list(kind) or DataType.is_large_list(kind) or DataType.is_fixed_size_list(kind)
    if array.null_count == 0:
        if lists:
            return _lists(array)
        if DataType.is_numeric(kind) or DataType.is_boolean(kind):
            return array.to_numpy()
    values = array.to_pylist()
    orjson.dumps(values)  # what cannot be echoed (bytes) is refused by its TypeError
    return as_column(values, np.float32 if DataType.is_float32(_leaf(kind)) else np.float64)


def _dictionary(array: Array) -> Column:
    """Look the values up one by one: many rows may share a long text."""
    values, rows = _values(dictionary_dictionary(array)), dictionary_indices(array).to_pylist()
    return as_column([None if row is None else values[row] for row in rows])


def _leaf(kind: DataType) -> DataType:
    while kind.value_type is not None:
        kind = kind.value_type
    return kind


def _lists(array: Array) -> Column:
    """Return ``[rows, ...]`` if all lists are of one length, else a list with the values of each row."""
    inner = _values(list_flatten(array))
    if DataType.is_fixed_size_list(array.type):
        size, rows = cast("int", array.type.list_size), len(array)
        offsets = np.arange(rows + 1, dtype=np.int64) * size
    else:
        offsets = list_offsets(array).to_numpy()
        lengths = np.diff(offsets)
        rows, size = len(lengths), int(lengths[0]) if len(lengths) and (lengths == lengths[0]).all() else -1
    if size >= 0 and isinstance(inner, np.ndarray):
        return inner.reshape(rows, size, *inner.shape[1:])
    return [inner[start:stop] for start, stop in itertools.pairwise(offsets)]


def _shape(field: Field) -> tuple[int, ...] | None:
    metadata = field.metadata
    try:
        shape = json.loads(metadata.get(_TENSOR_TYPE) or metadata.get(_EXTENSION) or b"null")["shape"]
    except (ValueError, TypeError, KeyError):
        return None
    return tuple(shape) if all(isinstance(size, int) and size >= 0 for size in shape) else None


def encode(answer: Answer) -> bytes:
    """Write the answer as an Arrow IPC file: values of any rank as flat lists, with their shape as metadata."""
    encoder = _Encoder(answer)
    columns = [encoder.column((name,), value) for name, value in answer.tree.items()]
    arrays, fields = [array for array, _ in columns], [field for _, field in columns]
    file = io.BytesIO()
    write_ipc(Table.from_arrays(arrays, schema=Schema(fields)), file)
    return file.getvalue()


class _Encoder:
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._repeat = Array.from_numpy(np.zeros(answer.rows, np.uint64))

    def column(self, path: tuple[str, ...], value: Any) -> tuple[Array, Field]:
        shape = None
        if isinstance(value, dict):
            children = [self.column((*path, name), child) for name, child in value.items()]
            array = struct_array([child for child, _ in children], fields=[field for _, field in children])
        elif isinstance(value, Constant):
            array = _constant(value.value).take(self._repeat)
        elif isinstance(value, np.ndarray):
            array, shape = _number_array(value), value.shape[1:]
        else:
            array = _list_column(value)
        shape = self._answer.shapes.get(self._answer.separator.join(path), shape)
        metadata = {"tensor_type": orjson.dumps({"shape": shape}).decode()} if shape else None
        return array, Field(path[-1], array.type, metadata=metadata)


def _number_array(values: np.ndarray[Any, Any]) -> Array:
    """Return numbers as they are, or as lists where a row holds several."""
    flat = Array.from_numpy(np.ascontiguousarray(values).ravel())
    if values.ndim == 1:
        return flat
    size = math.prod(values.shape[1:])
    return _lists_of(flat, np.arange(len(values) + 1, dtype=np.int64) * size)


def _lists_of(values: Array, offsets: np.ndarray[Any, Any]) -> Array:
    large = offsets[-1] > np.iinfo(np.int32).max
    make = DataType.large_list if large else DataType.list
    kind = make(Field("item", values.type))
    return list_array(Array.from_numpy(offsets.astype(np.int64 if large else np.int32)), values, type=kind)


def _list_column(values: list[Any]) -> Array:
    if all(isinstance(value, np.ndarray) for value in values):
        offsets = np.cumsum([0, *(value.size for value in values)])
        return _lists_of(Array.from_numpy(np.concatenate([value.ravel() for value in values])), offsets)
    if all(isinstance(value, str | None) for value in values):
        return Array(values, DataType.string())
    if all(isinstance(value, list) and all(isinstance(item, str | None) for item in value) for value in values):
        return _text_lists(values)
    # Objects and mixed values, which only JSON can carry, stay JSON.
    texts = [orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode() for value in values]
    return Array(texts, DataType.string())


def _text_lists(values: list[list[str | None]]) -> Array:
    items = Array([item for value in values for item in value], DataType.string())
    return _lists_of(items, np.cumsum([0, *map(len, values)]))


def _constant(value: Any) -> Array:
    """Return one row that holds a value of the answer's own: a number, a text, a list, or a dropped input."""
    if isinstance(value, list):
        if value and isinstance(value[0], int):
            return _number_array(np.array([value], np.uint64))
        return _text_lists([value])
    if value is None:
        return _lists_of(Array.from_numpy(np.zeros(0)), np.zeros(2)).take(Array([None], DataType.uint64()))
    return Array([value], DataType.int64() if isinstance(value, int) else DataType.string())

"""Arrow IPC files out: one write per column, without a Python object per number."""

from __future__ import annotations

import functools
import io
import math
from typing import Any, NamedTuple

import numpy as np
import orjson
from arro3.core import Array, DataType, Field, Schema, Table, list_array, struct_array
from arro3.io import write_ipc

from jupyter_edge.core.arrow_template import Body, Templates
from jupyter_edge.runtime.answer import Answer, Constant

_MAX_OFFSET = 2**31 - 1
_MAX_KEPT_ROWS, _MAX_KEPT_BYTES = 16 * 1024, 128 * 1024
# The canonical extension type of JSON (Arrow specification, "Canonical Extension Types").
_JSON_TEXTS = {"ARROW:extension:name": "arrow.json", "ARROW:extension:metadata": ""}
_templates = Templates()


def encode(answer: Answer) -> bytes:
    """Write the answer as an Arrow IPC file: values of any rank as flat lists, with their shape as metadata."""
    body = Body(answer.rows)
    if not answer.rows or not _add_columns(body, answer, answer.tree, ()):
        return _encode(answer)
    return b"".join(_templates.fill(body, lambda: _encode(answer)))


def _encode(answer: Answer) -> bytes:
    encoder = _Encoder(answer)
    columns = [encoder.column((name,), value) for name, value in answer.tree.items()]
    arrays, fields = [array for array, _ in columns], [field for _, field in columns]
    file = io.BytesIO()
    write_ipc(Table.from_arrays(arrays, schema=Schema(fields)), file, compression=None)
    return file.getvalue()


def encode_rows(answer: Answer) -> list[bytes]:
    """Write each row of the answer as a file of its own."""
    return [encode(answer.row(number)) for number in range(answer.rows)]


def _add_columns(body: Body, answer: Answer, tree: dict[str, Any], path: tuple[str, ...]) -> bool:
    """Add plain columns to a record batch's body; return ``False`` for a column that only the library writes."""
    for name, value in tree.items():
        names = (*path, name)
        body.layout.append((names, answer.shapes.get(answer.separator.join(names))))
        if isinstance(value, dict):
            body.add_array(body.rows)
            added = _add_columns(body, answer, value, names)
        elif isinstance(value, Constant):
            added = _add_constant(body, value.value)
        else:
            added = isinstance(value, np.ndarray) and _add_numbers(body, value)
        if not added:
            return False
    body.layout.append(answer.separator)
    return True


def _add_numbers(body: Body, values: np.ndarray[Any, Any]) -> bool:
    if values.dtype.kind not in "iuf" or not values.dtype.isnative or values.size > _MAX_OFFSET:
        return False
    body.layout += (values.dtype.str, values.shape[1:])
    if values.ndim > 1:
        size = math.prod(values.shape[1:])
        body.add_array(body.rows, _offsets(body.rows, size))
    body.add_array(values.size, np.ascontiguousarray(values))
    return True


@functools.lru_cache(maxsize=32)
def _kept_offsets(rows: int, size: int) -> np.ndarray[Any, Any]:
    return np.arange(rows + 1, dtype=np.int32) * np.int32(size)


@functools.lru_cache(maxsize=32)
def _kept_texts(text: bytes, rows: int) -> bytes:
    return text * rows


def _offsets(rows: int, size: int) -> np.ndarray[Any, Any]:
    """Return where lists of equal length begin; clients send as many rows again and again."""
    kept = _kept_offsets if rows <= _MAX_KEPT_ROWS else _kept_offsets.__wrapped__
    return kept(rows, size)


def _texts(text: bytes, rows: int) -> bytes:
    kept = _kept_texts if len(text) * rows <= _MAX_KEPT_BYTES else _kept_texts.__wrapped__
    return kept(text, rows)


def _add_constant(body: Body, value: Any) -> bool:
    rows = body.rows
    if isinstance(value, int):
        body.layout.append("int")
        body.add_array(rows, np.full(rows, value, np.int64))
    elif isinstance(value, str) and 0 < len(text := value.encode()) * rows <= _MAX_OFFSET:
        body.layout.append("text")
        body.add_array(rows, _offsets(rows, len(text)), _texts(text, rows))
    elif value == []:
        body.layout.append("no texts")
        body.add_array(rows, _offsets(rows, 0))
        body.add_array(0, bytes(4), b"")
    elif isinstance(value, list) and isinstance(value[0], int):
        return _add_numbers(body, np.tile(np.array(value, np.uint64), (rows, 1)))
    else:
        return False
    return True


class _Item(NamedTuple):
    name: str
    nullable: bool = True


_ITEM = _Item("item")


class _Encoder:
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._repeat = Array.from_numpy(np.zeros(answer.rows, np.uint64))

    def column(self, path: tuple[str, ...], value: Any) -> tuple[Array, Field]:
        shape, metadata = None, None
        item = self._item(self._answer.separator.join(path))
        if isinstance(value, dict):
            children = [self.column((*path, name), child) for name, child in value.items()]
            array = struct_array([child for child, _ in children], fields=[field for _, field in children])
        elif isinstance(value, Constant):
            array = _constant(value.value, item).take(self._repeat)
        elif isinstance(value, np.ndarray):
            array, shape = _number_array(value, item), value.shape[1:]
        else:
            lists = _list_column(value, item)
            array, metadata = (_json_texts(value), _JSON_TEXTS) if lists is None else (lists, None)
        shape = self._answer.shapes.get(self._answer.separator.join(path), shape)
        if shape and all(shape):
            metadata = {"tensor_type": orjson.dumps({"shape": shape}).decode()}
        return array, Field(path[-1], array.type, metadata=metadata)

    def _item(self, name: str) -> _Item:
        """Return how the items of a column's lists are called, which clients see as a part of its type."""
        separator = self._answer.separator
        if name.startswith(f"out{separator}"):
            return _Item("inner", nullable=False)
        return _Item("steps") if name == f"metadata{separator}elapsed" else _ITEM


def _number_array(values: np.ndarray[Any, Any], item: _Item) -> Array:
    """Return numbers as they are, or as lists where a row holds several."""
    flat = Array.from_numpy(np.ascontiguousarray(values).ravel())
    if values.ndim == 1:
        return flat
    size = math.prod(values.shape[1:])
    return _lists_of(flat, np.arange(len(values) + 1, dtype=np.int64) * size, item)


def _lists_of(values: Array, offsets: np.ndarray[Any, Any], item: _Item = _ITEM) -> Array:
    large = offsets[-1] > np.iinfo(np.int32).max
    make = DataType.large_list if large else DataType.list
    kind = make(Field(item.name, values.type, nullable=item.nullable))
    return list_array(Array.from_numpy(offsets.astype(np.int64 if large else np.int32)), values, type=kind)


def _list_column(values: list[Any], item: _Item) -> Array | None:
    """Return numbers of different shapes, or texts; ``None`` for other values."""
    if values and all(isinstance(value, np.ndarray) and value.ndim == values[0].ndim > 0 for value in values):
        return _ragged(values, item)
    if all(isinstance(value, str | None) for value in values):
        return Array(values, DataType.string())
    if all(isinstance(value, list) and all(isinstance(item, str | None) for item in value) for value in values):
        return _text_lists(values)
    return None


def _ragged(values: list[np.ndarray[Any, Any]], item: _Item) -> Array:
    """Return lists of lists, as deep as the arrays are."""
    lengths = np.cumsum([0, *map(len, values)])
    if values[0].ndim > 1:
        return _lists_of(_ragged([row for value in values for row in value], item), lengths, item)
    return _lists_of(Array.from_numpy(np.concatenate(values)), lengths, item)


def _json_texts(values: list[Any]) -> Array:
    """Return objects and mixed values, which only JSON can carry, as that."""
    texts = [orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode() for value in values]
    return Array(texts, DataType.string())


def _text_lists(values: list[list[str | None]]) -> Array:
    items = Array([item for value in values for item in value], DataType.string())
    return _lists_of(items, np.cumsum([0, *map(len, values)]))


def _constant(value: Any, item: _Item) -> Array:
    """Return one row that holds a value of the answer's own: a number, a text, a list, or a dropped input."""
    if isinstance(value, list):
        if value and isinstance(value[0], int):
            return _number_array(np.array([value], np.uint64), item)
        return _text_lists([value])
    if value is None:
        return _lists_of(Array.from_numpy(np.zeros(0)), np.zeros(2)).take(Array([None], DataType.uint64()))
    return Array([value], DataType.int64() if isinstance(value, int) else DataType.string())

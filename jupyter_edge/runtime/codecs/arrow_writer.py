"""Arrow IPC files out: one write per column, without a Python object per number."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import orjson
from arro3.core import Array, DataType, Field, Schema, Table, list_array, struct_array
from arro3.io import write_ipc

from jupyter_edge.core.arrow_template import Body, Templates
from jupyter_edge.runtime.answer import Answer, Constant

_MAX_OFFSET = 2**31 - 1
_MAX_KEPT, _MAX_KEPT_BYTES = 16, 256 * 1024
# The canonical extension type of JSON (Arrow specification, "Canonical Extension Types").
_JSON_TEXTS = {"ARROW:extension:name": "arrow.json", "ARROW:extension:metadata": ""}
_templates = Templates()
_frames: dict[tuple[Any, ...], list[bytes]] = {}

Numbers = np.ndarray[Any, Any]


def encode(answer: Answer) -> bytes:
    """Write the answer as an Arrow IPC file: values of any rank as flat lists, with their shape as metadata."""
    key: list[Any] = [answer.rows, answer.separator]
    numbers: list[Numbers] = []
    if not answer.rows or not _describe(answer, answer.tree, (), key, numbers):
        return _encode(answer)
    frame = _frames.get(found := tuple(key))
    if frame is None:
        frame = _frame(answer, numbers)
        if sum(map(len, frame)) <= _MAX_KEPT_BYTES:
            if len(_frames) >= _MAX_KEPT:
                _frames.clear()
            _frames[found] = frame
    parts: list[Any] = [b""] * (2 * len(numbers) + 1)
    parts[::2], parts[1::2] = frame, numbers
    return b"".join(parts)


def _frame(answer: Answer, numbers: list[Numbers]) -> list[bytes]:
    """Return the bytes of a file around its numbers, which answers share that differ in nothing else."""
    body = Body(answer.rows)
    _add_columns(body, answer, answer.tree, (), iter(numbers))
    parts = _templates.fill(body, lambda: _encode(answer))
    places = [-1, *(place for place, part in enumerate(parts) if isinstance(part, np.ndarray)), len(parts)]
    return [b"".join(parts[before + 1 : after]) for before, after in itertools.pairwise(places)]


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


def _describe(
    answer: Answer, tree: dict[str, Any], path: tuple[str, ...], key: list[Any], numbers: list[Numbers]
) -> bool:
    """Add to ``key`` what decides how columns are framed, and to ``numbers`` all else.

    Return ``False`` for a column that only the library writes.
    """
    for name, value in tree.items():
        names = (*path, name)
        key += (name, answer.shapes.get(answer.separator.join(names)) if answer.shapes else None)
        if isinstance(value, dict):
            key.append(len(value))
            if not _describe(answer, value, names, key, numbers):
                return False
            continue
        kind, column = _described(value, answer.rows)
        if kind is None:
            return False
        key.append(kind)
        if column is not None:
            numbers.append(column)
    return True


def _described(value: Any, rows: int) -> tuple[Any, Numbers | None]:
    """Return what decides how a column is framed, and its numbers; ``None`` twice for what only the library writes."""
    if isinstance(value, Constant):
        return _described_constant(value.value, rows)
    plain = isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.dtype.isnative
    if not plain or value.size > _MAX_OFFSET:
        return None, None
    return (value.dtype.str, value.shape[1:]), np.ascontiguousarray(value)


def _described_constant(value: Any, rows: int) -> tuple[Any, Numbers | None]:
    if isinstance(value, int):
        return int, np.full(rows, value, np.int64)
    if isinstance(value, str) and 0 < len(value) * rows <= _MAX_OFFSET // 4:  # a character takes 4 bytes at most
        return value, None
    if value == []:
        return (), None
    if isinstance(value, list) and isinstance(value[0], int):
        column = np.empty((rows, len(value)), np.uint64)
        column[:] = value
        return (list, len(value)), column
    return None, None


def _add_columns(
    body: Body, answer: Answer, tree: dict[str, Any], path: tuple[str, ...], numbers: Iterator[Numbers]
) -> None:
    """Add columns to a record batch's body, as the library writes them."""
    for name, value in tree.items():
        names = (*path, name)
        body.layout.append((names, answer.shapes.get(answer.separator.join(names))))
        if isinstance(value, dict):
            body.add_array(body.rows)
            _add_columns(body, answer, value, names, numbers)
        elif isinstance(value, Constant) and isinstance(value.value, str):
            text = value.value.encode()
            body.layout.append("text")
            body.add_array(body.rows, _offsets(body.rows, len(text)), text * body.rows)
        elif isinstance(value, Constant) and value.value == []:
            body.layout.append("no texts")
            body.add_array(body.rows, _offsets(body.rows, 0))
            body.add_array(0, bytes(4), b"")
        else:
            _add_numbers(body, next(numbers))
    body.layout.append(answer.separator)


def _add_numbers(body: Body, values: Numbers) -> None:
    body.layout += (values.dtype.str, values.shape[1:])
    if values.ndim > 1:
        body.add_array(body.rows, _offsets(body.rows, math.prod(values.shape[1:])))
    body.add_array(values.size, values)


def _offsets(rows: int, size: int) -> bytes:
    """Return where lists of equal length begin."""
    return (np.arange(rows + 1, dtype=np.int32) * np.int32(size)).tobytes()


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

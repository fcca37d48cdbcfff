"""Arrow IPC files out: one write per column, without a Python object per number."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
import orjson

from jupyter_edge.core.arrow_columns import (
    Column,
    Field,
    even_offsets,
    lists,
    numbers,
    offsets,
    same_text,
    structs,
    texts,
)
from jupyter_edge.core.arrow_ipc import write
from jupyter_edge.runtime.answer import Answer, Constant

_MAX_KEPT, _MAX_KEPT_BYTES = 16, 256 * 1024
# The canonical extension type of JSON (Arrow specification, "Canonical Extension Types").
_JSON_TEXTS = (("ARROW:extension:name", "arrow.json"), ("ARROW:extension:metadata", ""))
_NO_TEXTS = texts("item", [])
_NO_NUMBERS = Column(Field("item", "<f8"), [0, 0], [(), ()])
_frames: dict[tuple[Any, ...], list[bytes]] = {}

Numbers = np.ndarray[Any, Any]


class _Item(NamedTuple):
    name: str
    nullable: bool = True


def encode(answer: Answer) -> bytes:
    """Write the answer as an Arrow IPC file: values of any rank as flat lists, with their shape as metadata."""
    key: list[Any] = [answer.rows, answer.separator]
    numbers: list[Numbers] = []
    if not _describe(answer, answer.tree, (), key, numbers):
        return b"".join(_parts(answer))
    frame = _frames.get(found := tuple(key))
    if frame is None:
        frame = _frame(answer)
        if sum(map(len, frame)) <= _MAX_KEPT_BYTES:
            if len(_frames) >= _MAX_KEPT:
                _frames.clear()
            _frames[found] = frame
    parts: list[Any] = [b""] * (2 * len(numbers) + 1)
    parts[::2], parts[1::2] = frame, numbers
    return b"".join(parts)


def _frame(answer: Answer) -> list[bytes]:
    """Return the bytes of a file around its numbers, which answers share that differ in nothing else."""
    parts = _parts(answer)
    places = [-1, *(place for place, part in enumerate(parts) if isinstance(part, np.ndarray)), len(parts)]
    return [b"".join(parts[before + 1 : after]) for before, after in itertools.pairwise(places)]


def _parts(answer: Answer) -> list[Any]:
    columns = [_column(answer, (name,), value) for name, value in answer.tree.items()]
    return write(answer.rows, columns, as_file=True)


def encode_rows(answer: Answer) -> list[bytes]:
    """Write each row of the answer as a file of its own."""
    return [encode(answer.row(number)) for number in range(answer.rows)]


def _describe(
    answer: Answer, tree: dict[str, Any], path: tuple[str, ...], key: list[Any], numbers: list[Numbers]
) -> bool:
    """Add to ``key`` what decides how columns are framed, and to ``numbers`` all else.

    Return ``False`` for a column that is more than numbers and constants.
    """
    for name, value in tree.items():
        names = (*path, name)
        key += (name, answer.shapes.get(answer.separator.join(names)) if answer.shapes else None)
        if isinstance(value, dict):
            key.append(len(value))
            if not _describe(answer, value, names, key, numbers):
                return False
            continue
        column = _spread(value, answer.rows)
        if column is not value:
            key.append(column.shape)
            numbers.append(column)
        elif isinstance(column, Constant):
            shared = column.value
            key.append(tuple(shared) if isinstance(shared, list) else shared)
        elif isinstance(column, np.ndarray) and column.dtype.kind in "iuf" and column.dtype.isnative:
            key.append((column.dtype.str, column.shape[1:]))
            numbers.append(np.ascontiguousarray(column))
        else:
            return False
    return True


def _spread(value: Any, rows: int) -> Any:
    """Return numbers that all rows share as those of each row, and all else as it is."""
    if not isinstance(value, Constant):
        return value
    shared = value.value
    if isinstance(shared, int):
        return np.full(rows, shared, np.int64)
    if isinstance(shared, list) and shared and isinstance(shared[0], int):
        column = np.empty((rows, len(shared)), np.uint64)
        column[:] = shared
        return column
    return value


def _column(answer: Answer, path: tuple[str, ...], value: Any) -> Column:
    name = path[-1]
    if isinstance(value, dict):
        return structs(name, answer.rows, [_column(answer, (*path, each), values) for each, values in value.items()])
    whole_name = answer.separator.join(path)
    shape = value.shape[1:] if isinstance(value, np.ndarray) else None
    metadata: tuple[tuple[str, str], ...] = ()
    value = _spread(value, answer.rows)
    if isinstance(value, Constant):
        column = _constant(name, value.value, answer.rows)
    elif isinstance(value, np.ndarray):
        column = _array(name, value, _item(whole_name, answer.separator))
    elif (found := _list_column(name, value, _item(whole_name, answer.separator))) is not None:
        column = found
    else:
        column, metadata = _json_texts(name, value), _JSON_TEXTS
    shape = answer.shapes.get(whole_name, shape)
    if shape and all(shape):
        metadata = (("tensor_type", orjson.dumps({"shape": shape}).decode()),)
    return column._replace(field=column.field._replace(metadata=metadata)) if metadata else column


def _item(name: str, separator: str) -> _Item:
    """Return how the items of a column's lists are called, which clients see as a part of its type."""
    if name.startswith(f"out{separator}"):
        return _Item("inner", nullable=False)
    return _Item("steps" if name == f"metadata{separator}elapsed" else "item")


def _array(name: str, values: Numbers, item: _Item) -> Column:
    """Return numbers as they are, or as lists where a row holds several."""
    if values.ndim == 1:
        return numbers(name, values)
    places = even_offsets(len(values), math.prod(values.shape[1:]))
    return lists(name, places, numbers(item.name, values, nullable=item.nullable))


def _list_column(name: str, values: list[Any], item: _Item) -> Column | None:
    """Return numbers of different shapes, or texts; ``None`` for other values."""
    if values and all(isinstance(value, np.ndarray) and value.ndim == values[0].ndim > 0 for value in values):
        return _ragged(name, values, item)
    if all(isinstance(value, str | None) for value in values):
        return texts(name, values)
    if all(isinstance(value, list) and all(isinstance(text, str | None) for text in value) for value in values):
        return lists(name, offsets(map(len, values)), texts("item", list(itertools.chain.from_iterable(values))))
    return None


def _ragged(name: str, values: list[Numbers], item: _Item) -> Column:
    """Return lists of lists, as deep as the arrays are."""
    column = numbers(item.name, np.concatenate([value.ravel() for value in values]), nullable=item.nullable)
    for axis in range(values[0].ndim - 1, 0, -1):
        lengths = np.repeat(
            [value.shape[axis] for value in values], [math.prod(value.shape[:axis]) for value in values]
        )
        column = lists(item.name, offsets(lengths), column, nullable=item.nullable)
    return lists(name, offsets(map(len, values)), column)


def _json_texts(name: str, values: list[Any]) -> Column:
    """Return objects and mixed values, which only JSON can carry, as that."""
    return texts(name, [orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode() for value in values])


def _constant(name: str, value: str | list[str] | None, rows: int) -> Column:
    """Return rows that share a text, a list of texts, or a dropped input."""
    if value is None:
        return lists(name, even_offsets(rows, 0), _NO_NUMBERS, [False] * rows)
    if isinstance(value, str):
        return same_text(name, value, rows)
    items = texts("item", value * rows) if value else _NO_TEXTS
    return lists(name, even_offsets(rows, len(value)), items)

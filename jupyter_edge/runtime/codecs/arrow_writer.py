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
from jupyter_edge.core.dataset import Path
from jupyter_edge.runtime.answer import Constant, Layout, Value, Values, arrange

_MAX_KEPT, _MAX_KEPT_BYTES = 16, 256 * 1024
# The canonical extension type of JSON (Arrow specification, "Canonical Extension Types").
_JSON_TEXTS = (("ARROW:extension:name", "arrow.json"), ("ARROW:extension:metadata", ""))
_NO_TEXTS = texts("item", [])
_NO_NUMBERS = Column(Field("item", "<f8"), [0, 0], [(), ()])
_frames: dict[tuple[Any, ...], list[bytes]] = {}

Numbers = np.ndarray[Any, Any]


class _Item(NamedTuple):
    """How the items of a column's lists are called, which clients see as a part of its type."""

    name: str
    nullable: bool = True


class ArrowWriter:
    """Writes answers of one layout as Arrow IPC files: values of any rank as flat lists, their shape as metadata."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._open = [leaf for leaf in layout.leaves if leaf not in layout.fixed]

    def write(self, values: Values) -> bytes:
        """Write all rows as one file."""
        key: list[Any] = [self, values.rows]
        numbers: list[Numbers] = []
        for path in self._open:
            if not _describe(values.by_path[path], values.rows, key, numbers):
                return b"".join(self._parts(values))
        key += values.shapes.items()
        frame = _frames.get(found := tuple(key))
        if frame is None:
            frame = _around_numbers(self._parts(values))
            if sum(map(len, frame)) <= _MAX_KEPT_BYTES:
                if len(_frames) >= _MAX_KEPT:
                    _frames.clear()
                _frames[found] = frame
        parts: list[Any] = [b""] * (2 * len(numbers) + 1)
        parts[::2], parts[1::2] = frame, numbers
        return b"".join(parts)

    def write_rows(self, values: Values) -> list[bytes]:
        """Write each row as a file of its own."""
        return [self.write(values.row(number)) for number in range(values.rows)]

    def _parts(self, values: Values) -> list[Any]:
        layout, by_path = self._layout, {**self._layout.fixed, **values.by_path}
        columns = {leaf: _column(leaf, by_path[leaf], values) for leaf in layout.leaves}
        tree = arrange(layout.leaves, columns, layout.separator)
        return write(values.rows, [_named(name, below, values.rows) for name, below in tree.items()], as_file=True)


def _describe(value: Value, rows: int, key: list[Any], numbers: list[Numbers]) -> bool:
    """Add to ``key`` what decides how a column is framed, and to ``numbers`` all else.

    Return ``False`` for a column that is more than numbers and constants.
    """
    if isinstance(value, Constant):
        column = _spread(value, rows)
        if column is value:
            shared = value.value
            key.append(tuple(shared) if isinstance(shared, list) else shared)
        else:
            key.append(column.shape)
            numbers.append(column)
    elif isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.dtype.isnative:
        key.append((value.dtype.str, value.shape))
        numbers.append(np.ascontiguousarray(value))
    else:
        return False
    return True


def _around_numbers(parts: list[Any]) -> list[bytes]:
    """Return the bytes of a file around its numbers, which answers share that differ in nothing else."""
    places = [-1, *(place for place, part in enumerate(parts) if isinstance(part, np.ndarray)), len(parts)]
    return [b"".join(parts[before + 1 : after]) for before, after in itertools.pairwise(places)]


def _spread(value: Constant, rows: int) -> Any:
    """Return numbers that all rows share as those of each row, and all else as it is."""
    shared = value.value
    if isinstance(shared, int):
        return np.full(rows, shared, np.int64)
    if isinstance(shared, list) and shared and isinstance(shared[0], int):
        column = np.empty((rows, len(shared)), np.uint64)
        column[:] = shared
        return column
    return value


def _named(name: str, below: Column | dict[str, Any], rows: int) -> Column:
    """Return a column of that name, of all that is below it."""
    if isinstance(below, dict):
        return structs(name, rows, [_named(each, columns, rows) for each, columns in below.items()])
    return below._replace(field=below.field._replace(name=name))


def _column(path: Path, value: Value, values: Values) -> Column:
    """Return what an answer has at a path, still without its name."""
    shape = value.shape[1:] if isinstance(value, np.ndarray) else None
    metadata: tuple[tuple[str, str], ...] = ()
    if isinstance(value, Constant):
        value = _spread(value, values.rows)
    if isinstance(value, Constant):
        column = _constant(value.value, values.rows)
    elif isinstance(value, np.ndarray):
        column = _array(value, _item(path))
    elif (found := _list_column(value, _item(path))) is not None:
        column = found
    else:
        column, metadata = _json_texts(value), _JSON_TEXTS
    if path[0] == "in":
        shape = values.shapes.get(path[1], shape)
    if shape and all(shape):
        metadata = (("tensor_type", orjson.dumps({"shape": shape}).decode()),)
    return column._replace(field=column.field._replace(metadata=metadata)) if metadata else column


def _item(path: Path) -> _Item:
    if path[0] == "out":
        return _Item("inner", nullable=False)
    return _Item("steps" if path == ("metadata", "elapsed") else "item")


def _array(values: Numbers, item: _Item) -> Column:
    """Return numbers as they are, or as lists where a row holds several."""
    if values.ndim == 1:
        return numbers("", values)
    places = even_offsets(len(values), math.prod(values.shape[1:]))
    return lists("", places, numbers(item.name, values, nullable=item.nullable))


def _list_column(values: list[Any], item: _Item) -> Column | None:
    """Return numbers of different shapes, or texts; ``None`` for other values."""
    if values and all(isinstance(value, np.ndarray) and value.ndim == values[0].ndim > 0 for value in values):
        return _ragged(values, item)
    if all(isinstance(value, str | None) for value in values):
        return texts("", values)
    if all(isinstance(value, list) and all(isinstance(text, str | None) for text in value) for value in values):
        return lists("", offsets(map(len, values)), texts("item", list(itertools.chain.from_iterable(values))))
    return None


def _ragged(values: list[Numbers], item: _Item) -> Column:
    """Return lists of lists, as deep as the arrays are."""
    column = numbers(item.name, np.concatenate([value.ravel() for value in values]), nullable=item.nullable)
    for axis in range(values[0].ndim - 1, 0, -1):
        lengths = np.repeat(
            [value.shape[axis] for value in values], [math.prod(value.shape[:axis]) for value in values]
        )
        column = lists(item.name, offsets(lengths), column, nullable=item.nullable)
    return lists("", offsets(map(len, values)), column)


def _json_texts(values: list[Any]) -> Column:
    """Return objects and mixed values, which only JSON can carry, as that."""
    return texts("", [orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode() for value in values])


def _constant(value: str | list[str] | None, rows: int) -> Column:
    """Return rows that share a text, a list of texts, or a dropped input."""
    if value is None:
        return lists("", even_offsets(rows, 0), _NO_NUMBERS, [False] * rows)
    if isinstance(value, str):
        return same_text("", value, rows)
    items = texts("item", value * rows) if value else _NO_TEXTS
    return lists("", even_offsets(rows, len(value)), items)

"""Columns that are no plain arrays, as numbers or texts: one to a row, or lists of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from jupyter_edge.core.records import Column

Array = np.ndarray[Any, Any]
SCALAR_BYTES = 16


@dataclass(frozen=True)
class Values:
    """Numbers or texts, one to a row, or ``lengths`` of them to each row."""

    flat: Array | list[Any]
    lengths: Array | None

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.flat if self.lengths is None else self.lengths)

    def form(self) -> tuple[Any, bool]:
        """Return what columns that can be joined have in common."""
        return self.flat.dtype if isinstance(self.flat, np.ndarray) else str, self.lengths is None


def converted(column: Column) -> Array | Values:
    """Return a column such that it can be written: what is neither number nor text as JSON.

    Raises:
        ValueError, TypeError: if there is no way to write it.
    """
    if isinstance(column, np.ndarray) and column.dtype.kind in "fiub":
        return column if column.dtype.isnative else column.astype(column.dtype.newbyteorder("="))
    values = _values(column.tolist() if isinstance(column, np.ndarray) else column)
    if isinstance(values.flat, list):
        "".join(filter(None, values.flat)).encode()  # half of a surrogate pair is no text
    return values


def size_of(column: Any) -> int:
    """Return about how many bytes a column's values take."""
    if isinstance(column, np.ndarray) and column.dtype != object:
        return int(column.nbytes)
    if isinstance(column, str):
        return len(column)
    if isinstance(column, list | tuple | np.ndarray):
        nested = len(column) > 0 and isinstance(column[0], list | tuple | np.ndarray | str)
        return sum(map(size_of, column)) if nested else SCALAR_BYTES * len(column)
    return SCALAR_BYTES


def _values(values: list[Any]) -> Values:
    if all(value is None or isinstance(value, str) for value in values):
        return Values(values, None)
    if all(isinstance(value, list | tuple | np.ndarray) for value in values):
        return _values_of_lists([_array(value) for value in values])
    scalars = _array([np.nan if value is None else value for value in values])
    if scalars.ndim == 1 and scalars.dtype.kind in "fiub":
        return Values(scalars, None)
    return Values([value if value is None else _as_text(value) for value in values], None)


def _values_of_lists(rows: list[Array]) -> Values:
    lengths = np.array([row.size for row in rows])
    if all(row.dtype.kind in "fiub" for row in rows):
        return Values(np.concatenate([row.reshape(-1) for row in rows]), lengths)
    return Values([_as_text(value) for row in rows for value in row.reshape(-1)], lengths)


def _array(value: Any) -> Array:
    """Return numbers as an array of numbers, and all else as an array of objects."""
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        objects = np.empty(len(value), dtype=object)
        for index, item in enumerate(value):
            objects[index] = item
        return objects
    return array if array.dtype.kind in "fiub" else np.asarray(value, dtype=object)


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value.tolist() if hasattr(value, "tolist") else value, default=str)

"""The rows of a request as columns, whatever format they came in."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jupyter_edge.core.records import Column

_BEYOND_INT64 = 2**63


@dataclass(slots=True)  # not frozen, which would cost each request a microsecond
class Batch:
    """Columns of equal length, in the order they were sent.

    ``shapes`` holds, for columns that arrive flattened, the shape that one row's value has in truth.
    """

    rows: int
    columns: dict[str, Column]
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def row(self, number: int) -> Batch:
        """Return one of the rows alone."""
        return Batch(1, {name: column[number : number + 1] for name, column in self.columns.items()}, self.shapes)

    def form(self) -> Hashable:
        """Return what batches have in common whose rows can be run as one."""
        columns = [
            (name, column.dtype, column.shape[1:]) if isinstance(column, np.ndarray) else name
            for name, column in self.columns.items()
        ]
        return tuple(columns), tuple(self.shapes.items())


@dataclass(frozen=True)
class Gathering:
    """How requests of one row become a batch: those of one turn of the event loop, or of ``delay`` seconds.

    A batch runs at once when it has ``target`` rows; it never has more than ``limit``.
    """

    delay: float = 0.0
    target: int = 128
    limit: int = 128


def joined(batches: list[Batch]) -> Batch:
    """Return batches of the same columns as one, their rows in order."""
    columns: dict[str, Column] = {}
    for name, first in batches[0].columns.items():
        parts = [batch.columns[name] for batch in batches]
        numbers = isinstance(first, np.ndarray)
        columns[name] = np.concatenate(parts) if numbers else [value for part in parts for value in part]
    return Batch(sum(batch.rows for batch in batches), columns, batches[0].shapes)


def as_column(values: list[Any], dtype: Any = np.float64) -> Column:
    """Return one array if all rows hold numbers of one shape, nulls as NaN of ``dtype``; else the list as it is."""
    if isinstance(values[0], str):
        return values
    try:
        array = np.array(values[0])[np.newaxis] if len(values) == 1 else np.array(values)
        kind = array.dtype.kind
        if kind == "f" and array.size and array.item(array.argmax()) >= _BEYOND_INT64:
            return _exact(values, array)
        if kind == "O" and all(type(value) in (float, int, type(None)) for value in array.flat):
            return array.astype(dtype)
    except (ValueError, OverflowError):
        return values
    return array if kind in "biuf" else values


def _exact(values: list[Any], array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return whole numbers as uint64 where they fit; next to smaller ones, numpy makes floats of large ones."""
    objects = np.array(values, object)
    whole = all(type(value) is int and 0 <= value < 2 * _BEYOND_INT64 for value in objects.flat)
    return objects.astype(np.uint64) if whole else array


def bytes_per_row(column: Column) -> int:
    """Return how many bytes the largest row of a column takes, text counted by character."""
    if isinstance(column, np.ndarray):
        return column.nbytes // max(1, len(column))
    return max(map(_size, column), default=0)


def _size(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_size, value)) + sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list) else 8

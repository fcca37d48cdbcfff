"""Columns into the tensors that a model takes, or a sentence that says why that cannot be done."""

from __future__ import annotations

import functools
import math
from typing import Any, NoReturn

import numpy as np

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.records import Column
from jupyter_edge.core.schema import TensorSpec

Array = np.ndarray[Any, Any]
Shape = tuple[int | None, ...]

_OR_NULL = (float, int, type(None))
_FEW = 1024  # values that are looked at in less time than it takes to have numpy raise errors
_EXACT = 2.0**53  # from here on, whole numbers that were sent among fractions are not what they were
_KINDS = {"b": "bool", "i": "integer", "u": "integer", "f": "float"}


class ColumnReader:
    """Turns one column into values for one input: cast to its dtype, in its shape without the batch dimension.

    Args:
        spec: the column's name, and dtype and shape of one row's value.
    """

    def __init__(self, spec: TensorSpec) -> None:
        self.name = spec.name
        self._spec = spec
        self._shape = spec.shape
        self._dtype = np.dtype(object if spec.dtype == "str" else spec.dtype)
        self._largest = float(np.finfo(spec.dtype).max) if self._dtype.kind == "f" else 0.0

    def read(self, column: Column, hint: tuple[int, ...] | None = None) -> Array | list[Array]:
        """Return ``[rows, *shape]``, or a list with one array per row where rows differ in shape.

        ``hint`` is the shape that a flattened value says it has.

        Raises:
            InvalidInputError: naming the column, what the model expects and what came.
        """
        if isinstance(column, np.ndarray) and column.dtype.kind != "O":
            if column.shape[1:] == self._shape and column.dtype == self._dtype:
                return column
            return self._fit(self._cast(column), hint)
        try:
            return self._fit(self._cast(_as_array(list(column))), hint)
        except ValueError:
            rows = [self._cast(self._row_array(value, row)) for row, value in enumerate(column)]
            return [self._fit(row[np.newaxis], hint)[0] for row in rows]

    def _row_array(self, value: Any, row: int) -> Array:
        try:
            return _as_array(value)
        except ValueError:
            self._refuse(f"a ragged list in row {row}")

    def _cast(self, values: Array) -> Array:
        kind, wants_text = values.dtype.kind, self._dtype.kind == "O"
        if kind != "O" and values.dtype == self._dtype:
            return values
        if self._dtype.kind == "f" and kind == "O" and all(type(value) in _OR_NULL for value in values.flat):
            values, kind = values.astype(np.float64), "f"
        if wants_text or kind not in _KINDS:
            text = _is_text(values)
            if not (text and wants_text):
                self._refuse("text" if text else _KINDS.get(kind, "null or mixed values"))
            return values
        if kind == self._dtype.kind == "f" and 0 < values.size <= _FEW and self._holds(values):
            return values.astype(self._dtype)
        try:
            with np.errstate(all="ignore", over="raise"):
                cast = values.astype(self._dtype)
        except FloatingPointError:
            self._refuse(f"{_range_of(values)} that it cannot hold")
        if self._dtype.kind != "f" and kind == "f" and np.isnan(values).any():
            self._refuse("null or NaN")
        if self._dtype.kind != "f" and not np.array_equal(cast, values):
            self._refuse(f"{_range_of(values)} that it cannot hold exactly")
        if self._dtype.kind in "iu" and values.dtype == np.float64 and np.abs(values).max(initial=0) >= _EXACT:
            self._refuse(f"{_range_of(values)}, which may be rounded: send whole numbers without fractions beside them")
        return cast

    def _holds(self, values: Array) -> bool:
        """Tell whether floats are surely within the range of those that the model takes."""
        largest = self._largest
        return bool(-largest <= values.item(values.argmin()) <= values.item(values.argmax()) <= largest)

    def _fit(self, values: Array, hint: tuple[int, ...] | None) -> Array:
        shape = values.shape[1:]
        said = hint if hint is not None and len(shape) == 1 and math.prod(hint) == shape[0] else shape
        target = _resolve(said, self._shape)
        if target is None:
            self._refuse(f"shape {list(said)}" if said else "shape [] (single values, or null)")
        return values if shape == target else values.reshape(len(values), *target)

    def _refuse(self, got: str) -> NoReturn:
        shape = ", ".join("any" if size is None else str(size) for size in self._shape)
        msg = f"Column {self.name!r} should hold {self._spec.dtype} of shape [{shape}] per row, and holds {got}."
        raise InvalidInputError(msg)


def _as_array(value: Any) -> Array:
    """Return numbers as numbers and text as objects.

    Raises:
        ValueError: for ragged lists.
    """
    if isinstance(value, np.ndarray):
        return value
    array = np.array(value)
    return array if array.dtype.kind in _KINDS else np.array(value, dtype=object)


def _range_of(values: Array) -> str:
    return f"{values.dtype} values between {np.nanmin(values)} and {np.nanmax(values)}"


def _is_text(values: Array) -> bool:
    return values.dtype.kind == "O" and all(isinstance(value, str) for value in values.flat)


@functools.lru_cache(maxsize=128)
def _resolve(shape: tuple[int, ...], wanted: Shape) -> tuple[int, ...] | None:
    """Return the shape to give a value of ``shape`` so that it meets ``wanted``; ``None`` if none will do.

    A value may come as it is, with a leading batch dimension of 1, or flattened.
    """
    if shape[:1] == (1,) and len(shape) > len(wanted):
        shape = shape[1:]
    if _meets(shape, wanted):
        return shape
    count = math.prod(shape)
    if len(shape) > 1:
        fixed = tuple(size for size in wanted if size is not None)
        same = len(fixed) == len(wanted) and _without_ones(shape) == _without_ones(fixed)
        return fixed if same else None
    known = math.prod(size for size in wanted if size is not None)
    free = wanted.count(None)
    if free > 1 or known == 0 or count % known or (not free and count != known):
        return None
    return tuple(count // known if size is None else size for size in wanted)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _meets(shape: tuple[int, ...], wanted: Shape) -> bool:
    return len(shape) == len(wanted) and all(want in (None, size) for size, want in zip(shape, wanted, strict=True))

"""Columns as Arrow lays them out in memory: a field that describes an array, and the buffers that hold it.

The layout is that of the Arrow columnar format 1.5, section "Physical memory layout". Buffers of numbers are arrays,
all others are bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

MAX_OFFSET = 2**31 - 1
"""Up to which lists and texts have offsets of 32 bits; beyond, Arrow has types of their own for them."""

Part = bytes | bytearray | np.ndarray[Any, Any]
Numbers = np.ndarray[Any, Any]


class Field(NamedTuple):
    """A column's place in a schema.

    Args:
        kind: ``text`` or ``list``, which may be ``large_``, ``struct``, ``runs``, or a dtype's ``str`` such as ``<f4``.
    """

    name: str
    kind: str
    children: tuple[Field, ...] = ()
    nullable: bool = True
    metadata: tuple[tuple[str, str], ...] = ()


class Column(NamedTuple):
    """An array with its children, depth first: for each its length and how many nulls it has, and its buffers.

    A buffer is given in pieces, which are one behind the other in a file.
    """

    field: Field
    nodes: list[int]
    buffers: list[Sequence[Part]]


def numbers(name: str, *pieces: Numbers, nullable: bool = True) -> Column:
    """Return all numbers, or booleans, of arrays of any shape, which are not copied where Arrow has them alike."""
    kind = pieces[0].dtype.str
    if kind[0] == ">":
        kind = kind.replace(">", "<")
        pieces = tuple(piece.astype(kind) for piece in pieces)
    plain: list[Part] = [np.ascontiguousarray(piece) for piece in pieces]
    if kind == "|b1":
        plain = [np.packbits(np.concatenate([piece.ravel() for piece in pieces]), bitorder="little").tobytes()]
    return Column(Field(name, kind, (), nullable), [sum([piece.size for piece in pieces]), 0], [(), plain])


def texts(name: str, values: Sequence[str | None]) -> Column:
    """Return texts, some of which may be null.

    Raises:
        UnicodeEncodeError: if one is not Unicode, as half of a surrogate pair is.
    """
    encoded = [b"" if value is None else value.encode() for value in values]
    nulls, validity = _validity([value is not None for value in values])
    return _texts(name, nulls, validity, offsets(map(len, encoded)), b"".join(encoded))


def same_text(name: str, text: str, rows: int) -> Column:
    """Return one text for all rows."""
    encoded = text.encode()
    return _texts(name, 0, (), even_offsets(rows, len(encoded)), encoded * rows)


def _texts(name: str, nulls: int, validity: Sequence[Part], places: Numbers, data: bytes) -> Column:
    field = Field(name, f"{_size_of(places)}text")
    return Column(field, [len(places) - 1, nulls], [validity, (places.tobytes(),), (data,)])


def lists(
    name: str, places: Numbers, items: Column, valid: Sequence[bool] | None = None, *, nullable: bool = True
) -> Column:
    """Return lists of what another column holds: from each of ``places`` to the next, where ``valid``."""
    nulls, validity = (0, ()) if valid is None else _validity(valid)
    field = Field(name, f"{_size_of(places)}list", (items.field,), nullable)
    return Column(field, [len(places) - 1, nulls, *items.nodes], [validity, (places.tobytes(),), *items.buffers])


def structs(name: str, rows: int, children: Sequence[Column]) -> Column:
    """Return rows that have each of the children by its name."""
    nodes = [rows, 0]
    buffers: list[Sequence[Part]] = [()]
    for child in children:
        nodes += child.nodes
        buffers += child.buffers
    return Column(Field(name, "struct", tuple(child.field for child in children)), nodes, buffers)


def runs(name: str, lengths: Sequence[int], values: Column) -> Column:
    """Return each value, stored once, for as many rows as its length says (section "Run-End Encoded Layout")."""
    ends = numbers("run_ends", np.array([*accumulate(lengths)], np.int32), nullable=False)
    field = Field(name, "runs", (ends.field, values.field._replace(name="values")))
    return Column(field, [sum(lengths), 0, *ends.nodes, *values.nodes], [*ends.buffers, *values.buffers])


def offsets(lengths: Iterable[int]) -> Numbers:
    """Return where values of these lengths begin, and where the last one ends."""
    places = [*accumulate(lengths, initial=0)]
    return np.array(places, np.int64 if places[-1] > MAX_OFFSET else np.int32)


def even_offsets(rows: int, size: int) -> Numbers:
    """Return where values of one length begin, and where the last one ends."""
    kind = np.dtype(np.int64 if rows * size > MAX_OFFSET else np.int32)
    return np.arange(0, (rows + 1) * size, size, dtype=kind) if size else np.zeros(rows + 1, kind)


def _size_of(places: Numbers) -> str:
    """Return what the name of a type with such offsets begins with."""
    return "large_" if places.itemsize == 8 else ""


def _validity(valid: Sequence[bool]) -> tuple[int, Sequence[Part]]:
    """Return how many nulls there are, and a bit for each value, which may be left out where all are there."""
    nulls = len(valid) - sum(valid)
    return nulls, (np.packbits(valid, bitorder="little").tobytes(),) if nulls else ()

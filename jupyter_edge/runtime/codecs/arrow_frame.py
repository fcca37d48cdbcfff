"""What Arrow IPC bodies of one schema and size share: a client sends tables that differ in nothing but their numbers.

Then where each column lies needs no second reading: a body is compared, byte by byte, with all of an earlier one that
was not the numbers themselves.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from jupyter_edge.core.flatbuffers import Table
from jupyter_edge.core.records import Column
from jupyter_edge.runtime.batch import Batch

_MAX_KEPT, _MAX_KEPT_BYTES = 16, 64 * 1024
_kept: dict[int, Frame] = {}

Place = tuple[str, int, np.dtype[Any], tuple[int, ...]]


class Frame(NamedTuple):
    """A body without its numbers: ``rest`` are all other bytes, with where they begin."""

    rows: int
    rest: list[tuple[int, bytes]]
    columns: list[Place]
    shapes: dict[str, tuple[int, ...]]


def read_again(body: bytes | bytearray) -> Batch | None:
    """Return the columns of a body that differs from a kept one in numbers only; ``None`` if there is none."""
    frame = _kept.get(len(body))
    if frame is None or not all(body.startswith(rest, begin) for begin, rest in frame.rest):
        return None
    columns: dict[str, Column] = {}
    for name, begin, dtype, shape in frame.columns:
        column = np.ndarray(shape, dtype, body, begin)
        columns[name] = column if column.flags.aligned else column.copy()
    return Batch(frame.rows, columns, frame.shapes)


def keep(body: bytes | bytearray, header: Table, batch: Batch) -> None:
    """Keep how a body of one record batch was read, if its columns are its numbers in place, and nothing else is."""
    buffers = [(begin, begin + size) for begin, size in header.structs(2, "<qq") if size]
    if any(begin < end for (_, end), (begin, _) in itertools.pairwise(buffers)):
        return  # numbers that are offsets too would decide how they are read
    start = np.frombuffer(body, np.uint8).__array_interface__["data"][0]
    columns: list[Place] = []
    ranges = [(0, 0), (len(body), len(body))]
    for name, column in batch.columns.items():
        if not isinstance(column, np.ndarray) or not column.flags.c_contiguous:
            return
        begin = column.__array_interface__["data"][0] - start
        if not 0 <= begin < begin + column.nbytes <= len(body):
            return  # a copy
        columns.append((name, begin, column.dtype, column.shape))
        ranges.append((begin, begin + column.nbytes))
    gaps = [(end, begin) for (_, end), (begin, _) in itertools.pairwise(sorted(ranges)) if end < begin]
    if sum(end - begin for begin, end in gaps) > _MAX_KEPT_BYTES:
        return
    if len(_kept) >= _MAX_KEPT:
        _kept.clear()
    _kept[len(body)] = Frame(
        batch.rows, [(begin, bytes(body[begin:end])) for begin, end in gaps], columns, batch.shapes
    )

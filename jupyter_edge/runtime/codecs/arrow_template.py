"""Arrow IPC files of one schema: what they share is written once, by a library, and kept.

All that differs between two files of one record batch and the same columns is the batch's body, and a few numbers in
its metadata and in the footer: how many rows, and where each buffer begins and ends (Arrow columnar format 1.5,
section "IPC File Format"). To write only that takes a tenth of the time: `python -m benchmarks.arrow` compares.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jupyter_edge.runtime.codecs.flatbuffers import Table, read

_ALIGNMENT = 64
_PADDING = bytes(_ALIGNMENT)

Buffer = bytes | np.ndarray[Any, Any]


@dataclass
class Body:
    """The columns of a record batch, depth first: how many values each array has, and its buffers.

    ``layout`` is what columns of the same schema have in common.
    """

    rows: int
    layout: list[Any] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    buffers: list[Buffer] = field(default_factory=list)

    def add_array(self, length: int, *buffers: Buffer) -> None:
        """Add an array without nulls; its validity buffer may then be empty."""
        self.lengths.append(length)
        self.buffers += (b"", *buffers)


class FileTemplate:
    """A file without its rows.

    Args:
        file: an Arrow IPC file of one uncompressed record batch, which has rows.
    """

    def __init__(self, file: bytes) -> None:
        data = memoryview(file)
        footer = len(data) - 10 - read("<I", data, len(data) - 10)
        block = footer + Table.root(data[footer:]).first_place(3)
        begin = read("<q", data, block)
        message = data[begin + 8 : begin + 8 + read("<I", data, begin + 4)]
        table = Table.root(message)
        batch = table.table(2)
        if batch is None:
            raise ValueError
        self._head = bytes(data[: begin + 8 + len(message)])
        self._tail = bytes(data[len(self._head) + table.number(3, "<q") :])
        first = begin + 8
        self._length_of_body = first + table.place(3)
        self._rows = first + batch.place(0)
        self._nodes = first + batch.first_place(1)
        self._buffers = first + batch.first_place(2)
        self._length_in_footer = block + 16 - (len(data) - len(self._tail))

    def fill(self, body: Body) -> bytes:
        """Return a file with these rows."""
        head, tail = bytearray(self._head), bytearray(self._tail)
        parts: list[Any] = [head]
        ranges: list[int] = []
        position = 0
        for buffer in body.buffers:
            size = len(buffer) if isinstance(buffer, bytes) else buffer.nbytes
            ranges += (position, size)
            parts += (buffer, _PADDING[: -size % _ALIGNMENT])
            position += size + -size % _ALIGNMENT
        struct.pack_into(f"<{2 * len(body.lengths)}q", head, self._nodes, *_with_zeros(body.lengths))
        struct.pack_into(f"<{len(ranges)}q", head, self._buffers, *ranges)
        struct.pack_into("<q", head, self._rows, body.rows)
        struct.pack_into("<q", head, self._length_of_body, position)
        struct.pack_into("<q", tail, self._length_in_footer, position)
        parts.append(tail)
        return b"".join(parts)


def _with_zeros(lengths: Sequence[int]) -> list[int]:
    """Put after each length how many nulls there are: none."""
    pairs = [0] * (2 * len(lengths))
    pairs[::2] = lengths
    return pairs

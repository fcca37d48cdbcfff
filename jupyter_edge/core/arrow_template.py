"""Arrow IPC data of one schema: what two of them share is written once, by a library, and kept.

All that differs between two record batches of the same columns is the body, and a few numbers in the metadata and in
a file's footer: how many rows, and where each buffer begins and ends (Arrow columnar format 1.5, section
"Serialization and interprocess communication"). To write only that takes a tenth of the time:
`python -m benchmarks.arrow` compares.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jupyter_edge.core.flatbuffers import Table, read

_ALIGNMENT = 64
_PADDING = bytes(_ALIGNMENT)
_MAX_KEPT = 32
_RECORD_BATCH = 3  # MessageHeader of Message.fbs

Part = bytes | bytearray | np.ndarray[Any, Any]


@dataclass
class Body:
    """The columns of a record batch, depth first: how many values each array has, and its buffers.

    ``layout`` is what columns of the same schema have in common.
    """

    rows: int
    layout: list[Any] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    buffers: list[Sequence[Part]] = field(default_factory=list)

    def add_array(self, length: int, *buffers: Part) -> None:
        """Add an array without nulls; its validity buffer may then be empty."""
        self.lengths.append(length)
        self.buffers += ((), *((buffer,) for buffer in buffers))

    def add_pieces(self, length: int, pieces: Sequence[Part]) -> None:
        """Add an array of plain values that is held in contiguous pieces, one behind the other."""
        self.lengths.append(length)
        self.buffers += ((), pieces)


class Template:
    """A file or stream without its rows.

    Args:
        data: an Arrow IPC file or stream of one uncompressed record batch, which has rows.
    """

    def __init__(self, data: bytes) -> None:
        whole = memoryview(data)
        begin, block = _place_in_file(whole) if data.startswith(b"ARROW1") else (_place_in_stream(whole), None)
        first = begin + 8
        message = whole[first : first + read("<I", whole, begin + 4)]
        table = Table.root(message)
        batch = table.table(2)
        if batch is None:
            raise ValueError
        self._head = bytes(whole[: first + len(message)])
        self._tail = bytes(whole[len(self._head) + table.number(3, "<q") :])
        self._length_of_body = first + table.place(3)
        self._rows = first + batch.place(0)
        self._nodes = first + batch.first_place(1)
        self._buffers = first + batch.first_place(2)
        self._length_in_footer = None if block is None else block + 16 - (len(whole) - len(self._tail))

    def fill(self, body: Body) -> list[Any]:
        """Return a file or stream with these rows, in parts: the body's buffers are not copied."""
        head, tail = bytearray(self._head), bytearray(self._tail)
        parts: list[Part] = [head]
        ranges: list[int] = []
        position = 0
        for buffer in body.buffers:
            size = 0
            for part in buffer:
                size += size_of(part)
            ranges += (position, size)
            parts += buffer
            if padding := -size % _ALIGNMENT:
                parts.append(_PADDING[:padding])
            position += size + padding
        struct.pack_into(f"<{2 * len(body.lengths)}q", head, self._nodes, *_with_zeros(body.lengths))
        struct.pack_into(f"<{len(ranges)}q", head, self._buffers, *ranges)
        struct.pack_into("<q", head, self._rows, body.rows)
        struct.pack_into("<q", head, self._length_of_body, position)
        if self._length_in_footer is not None:
            struct.pack_into("<q", tail, self._length_in_footer, position)
        parts.append(tail)
        return parts


class Templates:
    """The templates of the schemas that were written last."""

    def __init__(self) -> None:
        self._kept: dict[Any, Template] = {}

    def fill(self, body: Body, write: Callable[[], bytes]) -> list[Any]:
        """Return a file or stream with these rows, in parts; ``write`` has a library do it where no template fits."""
        key = tuple(body.layout)
        template = self._kept.get(key)
        if template is None:
            if len(self._kept) >= _MAX_KEPT:
                self._kept.clear()
            template = self._kept[key] = Template(write())
        return template.fill(body)


def size_of(part: Part) -> int:
    """Return how many bytes a part has."""
    return part.nbytes if isinstance(part, np.ndarray) else len(part)


def _place_in_file(data: memoryview) -> tuple[int, int]:
    """Return where the record batch's message begins, and where the footer tells of it."""
    footer = len(data) - 10 - read("<I", data, len(data) - 10)
    block = footer + Table.root(data[footer:]).first_place(3)
    return read("<q", data, block), block


def _place_in_stream(data: memoryview) -> int:
    """Return where the record batch's message begins, behind the schema and the dictionaries."""
    position = 0
    while True:
        content = position + 8 + read("<I", data, position + 4)
        message = Table.root(data[position + 8 : content])
        if message.number(1, "<B") == _RECORD_BATCH:
            return position
        position = content + message.number(3, "<q")


def _with_zeros(lengths: Sequence[int]) -> list[int]:
    """Put after each length how many nulls there are: none."""
    pairs = [0] * (2 * len(lengths))
    pairs[::2] = lengths
    return pairs

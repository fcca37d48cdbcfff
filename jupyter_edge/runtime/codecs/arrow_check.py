"""Check the sizes that Arrow IPC data claims, before a library that trusts them allocates memory and aborts.

The layout is that of the Arrow columnar format 1.5, "Serialization and Interprocess Communication", with its
flatbuffers Message.fbs and File.fbs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from jupyter_edge.core.errors import TooLargeError

MAX_DECOMPRESSED = 256 * 1024 * 1024

_MAGIC = b"ARROW1"
_CONTINUATION = 0xFFFFFFFF
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3


@dataclass(frozen=True)
class _Table:
    """A flatbuffers table; fields are numbered as in the schema."""

    data: memoryview
    position: int

    @classmethod
    def root(cls, data: memoryview) -> _Table:
        return cls(data, _read("<I", data, 0))

    def _field(self, number: int) -> int | None:
        vtable = self.position - _read("<i", self.data, self.position)
        if 4 + 2 * number >= _read("<H", self.data, vtable):
            return None
        offset = _read("<H", self.data, vtable + 4 + 2 * number)
        return self.position + offset if offset else None

    def scalar(self, number: int, kind: str) -> int:
        field = self._field(number)
        return 0 if field is None else _read(kind, self.data, field)

    def table(self, number: int) -> _Table | None:
        field = self._field(number)
        return None if field is None else _Table(self.data, field + _read("<I", self.data, field))

    def structs(self, number: int, layout: str) -> list[tuple[int, ...]]:
        field = self._field(number)
        if field is None:
            return []
        start = field + _read("<I", self.data, field)
        size = _read("<I", self.data, start) * struct.calcsize(layout)
        _check(start + 4 + size <= len(self.data))
        return list(struct.iter_unpack(layout, self.data[start + 4 : start + 4 + size]))


def check_sizes(body: bytes | bytearray) -> None:
    """Refuse a file or stream whose parts lie outside it, or unpack to more than ``MAX_DECOMPRESSED`` bytes.

    Raises:
        ValueError: if it is damaged.
        TooLargeError: if its compressed buffers hold too much.
    """
    data = memoryview(body)
    unpacked = 0
    try:
        batches = list(_file_messages(data) if body.startswith(_MAGIC) else _stream_messages(data))
        for message, content in batches:
            unpacked += _unpacked_size(message, content)
    except struct.error as error:
        msg = "a part of it points outside"
        raise ValueError(msg) from error
    if unpacked > MAX_DECOMPRESSED:
        msg = f"The Arrow data unpacks to more than {MAX_DECOMPRESSED} bytes, the limit here: send fewer rows at once."
        raise TooLargeError(msg)


def _file_messages(data: memoryview) -> Iterator[tuple[_Table, memoryview]]:
    _check(bytes(data[-6:]) == _MAGIC)
    length = _read("<i", data, len(data) - 10)
    start = len(data) - 10 - length
    _check(length > 0 and start >= len(_MAGIC))
    footer = _Table.root(data[start : len(data) - 10])
    blocks = [block for number in (2, 3) for block in footer.structs(number, "<qi4xq")]
    for offset, metadata, size in blocks:
        _check(offset >= 0 and metadata > 8 and size >= 0 and offset + metadata + size <= start)
        prefix = 8 if _read("<I", data, offset) == _CONTINUATION else 4
        yield _Table.root(data[offset + prefix : offset + metadata]), data[offset + metadata :][:size]


def _stream_messages(data: memoryview) -> Iterator[tuple[_Table, memoryview]]:
    position = 0
    while position < len(data):
        _check(_read("<I", data, position) == _CONTINUATION)
        metadata = _read("<i", data, position + 4)
        if metadata == 0:
            return
        start = position + 8 + metadata
        _check(metadata > 0 and start <= len(data))
        message = _Table.root(data[position + 8 : start])
        size = message.scalar(3, "<q")
        _check(0 <= size <= len(data) - start)
        yield message, data[start : start + size]
        position = start + size


def _unpacked_size(message: _Table, content: memoryview) -> int:
    """Return how many bytes the compressed buffers of one message hold."""
    kind, header = message.scalar(1, "<B"), message.table(2)
    if kind == _DICTIONARY_BATCH and header is not None:
        header = header.table(1)
    if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH):
        return 0
    _check(header is not None and message.scalar(3, "<q") == len(content))
    assert header is not None  # noqa: S101  for the type checker
    buffers = header.structs(2, "<qq")
    _check(all(offset >= 0 and size >= 0 and offset + size <= len(content) for offset, size in buffers))
    unpacked = 0
    if header.table(3) is not None:
        claimed = [_read("<q", content, offset) for offset, size in buffers if size]
        _check(min(claimed, default=0) >= -1)
        unpacked = sum(claimed)
    # No column has more rows than bits, so that columns without any data cannot claim to be endless.
    most = 8 * (len(content) + max(unpacked, 0)) + 64
    lengths = [header.scalar(0, "<q"), *(length for length, _ in header.structs(1, "<qq"))]
    _check(min(lengths) >= 0 and max(lengths) <= most)
    return unpacked


def _read(kind: str, data: memoryview, position: int) -> int:
    _check(position >= 0)
    value: int = struct.unpack_from(kind, data, position)[0]
    return value


def _check(holds: bool) -> None:
    if not holds:
        msg = "its sizes contradict each other"
        raise ValueError(msg)

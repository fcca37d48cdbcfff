"""The schema and the messages of Arrow IPC data.

The layout is that of the Arrow columnar format 1.5, section "Serialization and interprocess communication", with its
Schema.fbs, Message.fbs and File.fbs.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.flatbuffers import Bytes, Table, read

_MAGIC = b"ARROW1"
_CONTINUATION = 0xFFFFFFFF
SCHEMA, DICTIONARY_BATCH, RECORD_BATCH = 1, 2, 3
_MAX_FIELDS = 10_000
_MAX_DEPTH = 32
_MAX_KEPT = 16 * 1024  # bytes of a schema that is kept for the next request
_BYTES_OF_TABLE = 32  # what a field, or a pair of texts, takes at least of a schema that shares nothing
_MAX_SHARED = 4  # times its own size may a schema say of things that it holds but once
_KINDS = {
    1: "null", 2: "int", 3: "float", 4: "binary", 5: "text", 6: "bool", 7: "decimal", 8: "date", 9: "time",
    10: "timestamp", 11: "interval", 12: "list", 13: "struct", 14: "union", 15: "fixed_size_binary",
    16: "fixed_size_list", 17: "map", 18: "duration", 19: "large_binary", 20: "large_text", 21: "large_list",
    22: "run_end_encoded", 23: "binary_view", 24: "text_view", 25: "list_view", 26: "large_list_view",
}  # fmt: skip
_FLOATS = (np.dtype("<f2"), np.dtype("<f4"), np.dtype("<f8"))
_UNITS = ("s", "ms", "us", "ns")


@dataclass(frozen=True)
class ArrowField:
    """A column of a schema: ``dtype`` of plain values, ``size`` of fixed-size lists, the dictionary's number."""

    name: str
    kind: str
    dtype: np.dtype[Any] | None
    size: int
    children: tuple[ArrowField, ...]
    dictionary: int | None
    index: np.dtype[Any] | None
    shape: tuple[int, ...] | None


def read_schema(message: Table) -> tuple[ArrowField, ...]:
    """Return the columns of a schema.

    Raises:
        ValueError: if it is damaged, or big-endian.
    """
    if len(message.data) > _MAX_KEPT:
        return _read_schema(message.data, message.position)
    return _read_again(bytes(message.data), message.position)


def _read_schema(data: Bytes | bytes, position: int) -> tuple[ArrowField, ...]:
    message = Table(memoryview(data), position)
    if message.number(0, "<h"):
        raise ValueError
    return _read_fields(message.tables(1), _Allowance(len(data)), _MAX_DEPTH)


class _Allowance:
    """How much a schema may still say, where fields can share children, names and metadata.

    A few bytes could say megabytes otherwise, which are kept for the next request.
    """

    def __init__(self, size: int) -> None:
        self._bytes = _MAX_SHARED * size
        self._fields = _MAX_FIELDS

    def take(self, size: int, fields: int = 0) -> None:
        self._bytes -= size
        self._fields -= fields
        if self._bytes < 0 or self._fields < 0:
            raise ValueError


# A client sends the same schema again and again, and reading it is half of the work of a small table.
_read_again = functools.lru_cache(maxsize=16)(_read_schema)


def _read_fields(tables: list[Table], left: _Allowance, depth: int) -> tuple[ArrowField, ...]:
    if tables and not depth:
        raise ValueError
    left.take(len(tables) * _BYTES_OF_TABLE, len(tables))
    return tuple(_read_field(table, left, depth - 1) for table in tables)


def _read_field(table: Table, left: _Allowance, depth: int) -> ArrowField:
    kind, of = _KINDS.get(table.number(2, "<B"), "unknown"), table.table(3)
    if of is None:
        raise ValueError
    size = of.number(0, "<i") if kind == "fixed_size_list" else 0
    if size < 0:
        raise ValueError
    encoding = table.table(4)
    index = None
    if encoding is not None:
        index_type = encoding.table(1)
        index = np.dtype("<i4") if index_type is None else _int_dtype(index_type)
    name, pairs = table.text(0), table.tables(6)
    left.take(len(name) + len(pairs) * _BYTES_OF_TABLE)
    metadata = {}
    for pair in pairs:
        key, value = pair.text(0), pair.text(1)
        left.take(len(key) + len(value))
        metadata[key] = value
    return ArrowField(
        name=name,
        kind=kind,
        dtype=_dtype(kind, of),
        size=size,
        children=_read_fields(table.tables(5), left, depth),
        dictionary=None if encoding is None else encoding.number(0, "<q"),
        index=index,
        shape=_tensor_shape(name, metadata),
    )


def _dtype(kind: str, of: Table) -> np.dtype[Any] | None:
    if kind == "int":
        return _int_dtype(of)
    if kind == "float":
        return _FLOATS[of.number(0, "<h")]
    if kind == "date":  # in days, or by default in milliseconds
        return np.dtype("<i4" if of.place(0) and not of.number(0, "<h") else "<M8[ms]")
    if kind == "timestamp":
        return np.dtype(f"<M8[{_UNITS[of.number(0, '<h')]}]")
    return None


def _int_dtype(of: Table) -> np.dtype[Any]:
    bits = of.number(0, "<i")
    if bits not in (8, 16, 32, 64):
        raise ValueError
    return np.dtype(f"<{'i' if of.number(1, '<B') else 'u'}{bits // 8}")


def _tensor_shape(name: str, metadata: dict[str, str]) -> tuple[int, ...] | None:
    """Return the shape that a flat column says its rows have.

    Raises:
        InvalidInputError: if its values are not in the order of that shape, as a transposed array's are not.
    """
    try:
        tensor = json.loads(metadata.get("tensor_type") or metadata["ARROW:extension:metadata"])
        order = tensor.get("permutation") or []
        is_permuted = order != sorted(order)
        shape = tuple(tensor["shape"])
        known = all(isinstance(size, int) and size >= 0 for size in shape)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if is_permuted:
        msg = f"Column {name!r} is a tensor with permuted dimensions: send its values in order (np.ascontiguousarray)."
        raise InvalidInputError(msg)
    return shape if known else None


def messages(body: bytes | bytearray) -> Iterator[tuple[int, Table, Bytes]]:
    """Yield kind, header and content of each message of a file or stream, the schema first.

    Raises:
        ValueError: if it is damaged.
    """
    data = memoryview(body)
    return _file_messages(data) if body.startswith(_MAGIC) else _stream_messages(data)


def _file_messages(data: Bytes) -> Iterator[tuple[int, Table, Bytes]]:
    end = len(data) - 10
    if end < 0 or data[end + 4 :] != _MAGIC:
        raise ValueError
    start = end - read("<i", data, end)
    if not len(_MAGIC) <= start < end:
        raise ValueError
    footer = Table.root(data[start:end])
    schema = footer.table(1)
    if schema is None:
        raise ValueError
    yield SCHEMA, schema, data[:0]
    for offset, metadata, size in footer.structs(2, "<qi4xq") + footer.structs(3, "<qi4xq"):
        if offset < 0 or metadata < 8 or size < 0 or offset + metadata + size > start:
            raise ValueError
        prefix = 8 if read("<I", data, offset) == _CONTINUATION else 4
        yield _message(data[offset + prefix : offset + metadata], data[offset + metadata :], size)


def _stream_messages(data: Bytes) -> Iterator[tuple[int, Table, Bytes]]:
    position = 0
    while position < len(data):
        length = read("<i", data, position + 4)
        if read("<I", data, position) != _CONTINUATION or length < 0:
            raise ValueError
        if not length:
            return
        start = position + 8 + length
        metadata = data[position + 8 : start]
        size = Table.root(metadata).number(3, "<q")
        yield _message(metadata, data[start:], size)
        position = start + size


def _message(metadata: Bytes, content: Bytes, size: int) -> tuple[int, Table, Bytes]:
    message = Table.root(metadata)
    header = message.table(2)
    if header is None or not 0 <= size <= len(content):
        raise ValueError
    return message.number(1, "<B"), header, content[:size]

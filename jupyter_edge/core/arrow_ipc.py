"""Write columns as an Arrow IPC file or stream of one record batch.

All that differs between two of the same schema is the body, and a few numbers in the metadata and in a file's footer:
how many rows, and where each buffer begins and ends (Arrow columnar format 1.5, section "Serialization and
interprocess communication", with its Schema.fbs, Message.fbs and File.fbs). So the rest is built once, and kept.
"""

from __future__ import annotations

import copy
import functools
import struct
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from flatbuffers import Builder

from jupyter_edge.core.arrow_columns import Column, Field, Part
from jupyter_edge.core.flatbuffers import Table

_ALIGNMENT = 64
_PADDING = bytes(_ALIGNMENT)
_MAGIC = b"ARROW1"
_END = b"\xff\xff\xff\xff\0\0\0\0"
_V5 = np.int16(4)
_SCHEMA, _RECORD_BATCH = 1, 3
# The number that each kind of type has in Schema.fbs, and the fields of its table.
_TYPES: dict[str, tuple[int, tuple[Any, ...]]] = {
    "text": (5, ()), "|b1": (6, ()), "list": (12, ()), "struct": (13, ()), "large_text": (20, ()),
    "large_list": (21, ()), "runs": (22, ()), "<f2": (3, (np.int16(0),)), "<f4": (3, (np.int16(1),)),
    "<f8": (3, (np.int16(2),)),
}  # fmt: skip
for _bits in (8, 16, 32, 64):
    for _sign in "iu":
        _TYPES[np.dtype(f"{_sign}{_bits // 8}").str] = (2, (np.int32(_bits), np.bool_(_sign == "i")))
_SLOTS = {
    np.bool_: "PrependBoolSlot",
    np.uint8: "PrependUint8Slot",
    np.int16: "PrependInt16Slot",
    np.int32: "PrependInt32Slot",
    np.int64: "PrependInt64Slot",
}


def write(rows: int, columns: Sequence[Column], *, as_file: bool) -> list[Any]:
    """Return the parts of a file, or of a stream: the columns' buffers are not copied.

    Raises:
        ValueError: if a column has another number of rows.
    """
    if any(column.nodes[0] != rows for column in columns):
        msg = f"Not all columns have {rows} rows: {[(column.field.name, column.nodes[0]) for column in columns]}."
        raise ValueError(msg)
    nodes = [number for column in columns for number in column.nodes]
    ranges, size, body = _lay_out(buffer for column in columns for buffer in column.buffers)
    frame = _frame(tuple([column.field for column in columns]), len(nodes), len(ranges), as_file)
    head, tail = bytearray(frame.head), bytearray(frame.tail)
    struct.pack_into(f"<{len(nodes)}q", head, frame.first_node, *nodes)
    struct.pack_into(f"<{len(ranges)}q", head, frame.first_range, *ranges)
    struct.pack_into("<q", head, frame.rows, rows)
    struct.pack_into("<q", head, frame.size, size)
    if as_file:
        struct.pack_into("<q", tail, frame.size_in_tail, size)
    return [head, *body, tail]


def size_of(part: Part) -> int:
    """Return how many bytes a part has."""
    return part.nbytes if isinstance(part, np.ndarray) else len(part)


def _lay_out(buffers: Iterable[Sequence[Part]]) -> tuple[list[int], int, list[Any]]:
    """Return begin and size of each buffer, the size of all with padding, and all their parts."""
    ranges: list[int] = []
    parts: list[Any] = []
    position = 0
    for buffer in buffers:
        size = 0
        for part in buffer:
            size += size_of(part)
        ranges += (position, size)
        parts += buffer
        if padding := -size % _ALIGNMENT:
            parts.append(_PADDING[:padding])
        position += size + padding
    return ranges, position, parts


class _Frame(NamedTuple):
    """What comes before and behind a body, and where in it the numbers belong that are still missing."""

    head: bytes
    tail: bytes
    rows: int
    first_node: int
    first_range: int
    size: int
    size_in_tail: int


@functools.lru_cache(maxsize=32)
def _frame(fields: tuple[Field, ...], nodes: int, ranges: int, as_file: bool) -> _Frame:
    head = _MAGIC.ljust(8, b"\0") if as_file else b""
    builder = Builder()
    schema = _add(builder, (np.int16(0), [_field(field) for field in fields]))
    head += _message(_SCHEMA, schema, len(head), builder=copy.deepcopy(builder))
    batch_header = np.int64(0), _structs(2, [0] * nodes), _structs(2, [0] * ranges)
    message = _message(_RECORD_BATCH, batch_header, len(head))
    tail, size_in_tail = _footer(builder, schema, [len(head), len(message), 0]) if as_file else (_END, 0)
    table = Table.root(memoryview(message)[8:])
    batch = table.table(2)
    if batch is None:
        raise ValueError
    missing = [batch.place(0), batch.first_place(1), batch.first_place(2), table.place(3)]
    rows, first_node, first_range, size = (len(head) + 8 + place for place in missing)
    return _Frame(head + message, tail, rows, first_node, first_range, size, size_in_tail)


def _footer(builder: Builder, schema: int, batch: list[int]) -> tuple[bytes, int]:
    """Return what ends a file, and where in it the size of the record batch belongs."""
    content = _finished(builder, (_V5, schema, _structs(3, []), _structs(3, batch)))
    place = len(_END) + Table.root(memoryview(content)).first_place(3) + 16
    return _END + content + struct.pack("<i", len(content)) + _MAGIC, place


# Tables are written down here as tuples of their fields: scalars of numpy, texts, tables, lists of tables, arrays of
# structs, ``None`` for what is absent, and whole numbers for where in the builder something is already.


def _field(field: Field) -> tuple[Any, ...]:
    kind, parameters = _TYPES[field.kind]
    children = [_field(child) for child in field.children]
    nullable = np.bool_(field.nullable)
    return field.name, nullable, np.uint8(kind), parameters, None, children, list(field.metadata) or None


def _structs(width: int, numbers: list[int]) -> np.ndarray[Any, Any]:
    return np.array(numbers, np.int64).reshape(-1, width)


def _message(kind: int, header: Any, position: int, builder: Builder | None = None) -> bytes:
    """Return a message's metadata, padded so that what follows is aligned if it begins at ``position``."""
    metadata = _finished(builder or Builder(), (_V5, np.uint8(kind), header, np.int64(0)))
    metadata += bytes(-(position + 8 + len(metadata)) % _ALIGNMENT)
    return struct.pack("<Ii", 0xFFFFFFFF, len(metadata)) + metadata


def _finished(builder: Builder, table: tuple[Any, ...]) -> bytes:
    builder.Finish(_add(builder, table))
    return bytes(builder.Output())


def _add(builder: Builder, value: Any) -> int:
    """Write a text, table or vector that is not there yet; return its offset."""
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return int(builder.CreateSharedString(value))
    if isinstance(value, tuple):
        return _add_table(builder, value)
    if isinstance(value, list):
        items, prepend, size = [_add(builder, table) for table in value], builder.PrependUOffsetTRelative, 4
    else:
        items, prepend, size = value.ravel().tolist(), builder.PrependInt64, 8
    builder.StartVector(size * len(items) // max(1, len(value)), len(value), size)
    for item in reversed(items):
        prepend(item)
    return int(builder.EndVector())


def _add_table(builder: Builder, table: tuple[Any, ...]) -> int:
    fields = []
    for number, field in enumerate(table):
        if isinstance(field, np.generic):
            fields.append((number, _SLOTS[type(field)], field.item()))
        elif field is not None:
            fields.append((number, "PrependUOffsetTRelativeSlot", _add(builder, field)))
    builder.StartObject(len(table))
    for number, slot, content in fields:
        # Without a default, because it would not be written, and the frame needs its place.
        getattr(builder, slot)(number, content, None)
    return int(builder.EndObject())

"""Read flatbuffers without trusting them: every position is checked, and nothing is followed twice by itself.

The layout is described in "FlatBuffers Internals" of its documentation.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, Self

Bytes = memoryview


def read(layout: str, data: Bytes, position: int) -> int:
    """Return one number at a position.

    Raises:
        ValueError: if it is not within the data.
    """
    if position < 0:
        raise ValueError
    try:
        value: int = struct.unpack_from(layout, data, position)[0]
    except struct.error:
        raise ValueError from None
    return value


class Table(NamedTuple):
    """A table; its fields are numbered in the order of the schema, and an absent one is 0, empty or ``None``."""

    data: Bytes
    position: int

    @classmethod
    def root(cls, data: Bytes) -> Self:
        """Return the table that a buffer begins with."""
        return cls(data, read("<I", data, 0))

    def number(self, field: int, layout: str) -> int:
        """Return a scalar of a struct layout such as ``"<q"``."""
        position = self._position(field)
        return read(layout, self.data, position) if position else 0

    def place(self, field: int) -> int:
        """Return the position of a scalar; 0 if it is absent."""
        return self._position(field)

    def first_place(self, field: int) -> int:
        """Return the position of the first item of a vector of structs; 4 if it is absent."""
        return self._target(field) + 4

    def table(self, field: int) -> Table | None:
        """Return a nested table."""
        position = self._target(field)
        return Table(self.data, position) if position else None

    def text(self, field: int) -> str:
        """Return a string."""
        position = self._target(field)
        if not position:
            return ""
        return str(self._slice(position + 4, read("<I", self.data, position)), "utf-8")

    def tables(self, field: int) -> list[Table]:
        """Return a vector of tables."""
        return [Table(self.data, position + offset) for position, offset in self._vector(field, "<I")]

    def structs(self, field: int, layout: str) -> list[tuple[int, ...]]:
        """Return a vector of structs of a layout such as ``"<qq"``."""
        position = self._target(field)
        if not position:
            return []
        size = read("<I", self.data, position) * struct.calcsize(layout)
        return list(struct.iter_unpack(layout, self._slice(position + 4, size)))

    def _vector(self, field: int, layout: str) -> list[tuple[int, int]]:
        start = self._target(field) + 4
        size = struct.calcsize(layout)
        return [(start + size * number, item) for number, (item,) in enumerate(self.structs(field, layout))]

    def _position(self, field: int) -> int:
        vtable = self.position - read("<i", self.data, self.position)
        slot = 4 + 2 * field
        if slot >= read("<H", self.data, vtable):
            return 0
        offset = read("<H", self.data, vtable + slot)
        return self.position + offset if offset else 0

    def _target(self, field: int) -> int:
        position = self._position(field)
        return position + read("<I", self.data, position) if position else 0

    def _slice(self, start: int, size: int) -> Bytes:
        if start + size > len(self.data):
            raise ValueError
        return self.data[start : start + size]

"""Pandas-records of one long list of numbers, such as an image, read piece by piece."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import numpy as np
import orjson
import simdjson

from jupyter_edge.runtime.batch import Batch
from jupyter_edge.runtime.codecs.compiled_numbers import compiled_numbers
from jupyter_edge.runtime.codecs.json_values import view

LONG = 1024 * 1024
"""From this size of a body on, what reading it whole takes in memory is worth the work of avoiding it."""

_PIECE = 512 * 1024
_BEGINNING = re.compile(rb'[ \t\n\r]*\[[ \t\n\r]*\{[ \t\n\r]*"([^"\\]*)"[ \t\n\r]*:[ \t\n\r]*(\[+)')
_END = re.compile(rb"\][ \t\n\r]*\}[ \t\n\r]*\][ \t\n\r]*")
_MOST_AROUND = 1024  # bytes before the list, and from its last bracket on
_CLOSING = ord("]")


def decode(body: bytes | bytearray, threads: int = 1) -> Batch | None:
    """Read a body of one row and one column, a list of numbers of one shape; ``None`` if another way has to be taken.

    That is so for all other bodies, and for some of these: with lists of single numbers, or blanks between two lists.
    Where the compiled way can be taken, it is, on so many threads.
    """
    beginning = _BEGINNING.match(body, 0, _MOST_AROUND)
    end = body.rfind(b"]", 0, max(0, body.rfind(b"]")))
    if beginning is None or len(body) - end > _MOST_AROUND or not _END.fullmatch(body, end):
        return None
    try:
        name = orjson.loads(b'"%b"' % beginning[1])
        values = _read(body, beginning.start(2), end + 1, len(beginning[2]), threads)
    except (ValueError, TypeError, RuntimeError):
        return None
    return Batch(1, {name: values[np.newaxis]})


def _read(body: bytes | bytearray, start: int, end: int, depth: int, threads: int) -> np.ndarray[Any, Any]:
    values = compiled_numbers.read(memoryview(body)[start:end], depth, threads) if compiled_numbers else None
    return _LongList(depth).read(body, start, end) if values is None else values


class _LongList:
    """Reads a list of numbers, of which no more is known than how many lists its first number is in.

    A piece ends where a comma stands between two numbers, which are in the same lists then: with brackets that close
    these, and in the next piece open them again, each piece is JSON by itself if the whole is.
    """

    def __init__(self, depth: int) -> None:
        self._opening, self._closing = b"[" * depth, b"]" * depth
        self._all_whole = True
        # By level: how many elements the list has that is open, and how many those have that are closed.
        self._open = [1] * (depth - 1) + [0]
        self._closed: list[set[int]] = [set() for _ in range(depth)]

    def read(self, body: bytes | bytearray, start: int, end: int) -> np.ndarray[Any, Any]:
        """Return the array that stands between two places.

        Raises:
            ValueError, TypeError, RuntimeError: if it is no such list, or cannot be cut.
        """
        arrays, text = [], memoryview(body)
        opening = b""
        while end - start > _PIECE:
            cut = _last_comma(body, start, start + _PIECE)
            arrays.append(self._read_piece(b"".join((opening, text[start:cut], self._closing))))
            start, opening = cut + 1, self._opening
        arrays.append(self._read_piece(b"".join((opening, text[start:end]))))
        for closed, last in zip(self._closed, self._open, strict=True):
            closed.add(last)
        shape = [size for (size,) in self._closed]
        return np.concatenate(arrays).reshape(shape)

    def _read_piece(self, piece: bytes) -> np.ndarray[Any, Any]:
        numbers = view(piece)
        # An array has no more brackets than its lists: simdjson flattens lists within a row of numbers, as in [1, [2]].
        if self._count(numbers) != len(piece) - len(piece.replace(b"[", b"")):  # much quicker than bytes.count
            raise ValueError
        if self._all_whole:
            try:
                return np.frombuffer(numbers.as_buffer(of_type="i"), np.int64)
            except (TypeError, ValueError):
                self._all_whole = False
            with contextlib.suppress(TypeError, ValueError):
                numbers.as_buffer(of_type="u")
                raise RuntimeError  # whether uint64 can hold the others too, only who reads all at once can tell
        return np.frombuffer(numbers.as_buffer(of_type="d"), np.float64)

    def _count(self, numbers: simdjson.Array) -> int:
        """Take note of the sizes of a piece's lists; return how many there are."""
        lists: list[Any] = [numbers]
        count = 0
        for level, (closed, last) in enumerate(zip(self._closed, self._open, strict=True)):
            count += len(lists)
            sizes = [len(each) for each in lists]
            if 0 in sizes:
                raise ValueError
            innermost = level + 1 == len(self._open)
            sizes[0] += last if innermost else last - 1  # where the piece before ends, this one's first list goes on
            self._open[level] = sizes.pop()
            closed.update(sizes)
            if not innermost:
                lists = [element for each in lists for element in each]
        return count


def _last_comma(body: bytes | bytearray, start: int, end: int) -> int:
    """Return the place of the last comma that stands between two numbers."""
    place = body.rfind(b",", start, end)
    if body[place - 1] == _CLOSING:  # between two lists
        place = body.rfind(b",", start, place)
    if place < 0 or body[place - 1] == _CLOSING:
        raise ValueError
    return place

"""Long lists of numbers in JSON, read in C++ on several threads and without Python's lock.

The library is there if ``pip`` found a C++ compiler (``hatch_build.py``). All works without it, only slower.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np

_WINDOW = 256 * 1024  # bytes that a thread takes at a time, so that a slow one holds up no other
_NO_ARRAY, _WHOLE = 0, 1  # what read_numbers returns


class CompiledNumbers:
    """The functions of a library that was built of ``compiled_numbers.cpp``.

    Raises:
        OSError: if the file is not there, or is for other machines.
        AttributeError: if it was built of another version.
    """

    def __init__(self, file: Path) -> None:
        library = ctypes.CDLL(str(file))
        size, pointer = ctypes.c_size_t, ctypes.c_void_p
        self._count, self._read = library.count_numbers, library.read_numbers
        self._count.argtypes, self._count.restype = [pointer, size, size, size, pointer], ctypes.c_bool
        self._read.argtypes = [pointer, size, size, size, pointer, size, pointer, pointer]

    def read(self, text: bytes | bytearray | memoryview, depth: int, threads: int) -> np.ndarray[Any, Any] | None:
        """Return the array that a text is whose first number is in ``depth`` lists, as int64 if all are whole.

        ``None`` if it is no JSON of an array of numbers, or has some that are for others to judge: too large for a
        float64, too small, or whole and of more than 15 digits.
        """
        source = np.frombuffer(text, np.uint8)
        starts = np.empty(-(-len(source) // _WINDOW) + 1, np.uintp)
        counting = source.ctypes.data, len(source), _WINDOW, threads, starts.ctypes.data
        if not self._count(*counting):
            return None
        values, shape = np.empty(starts[-1]), np.empty(depth, np.uintp)
        kind = self._read(*counting, depth, values.ctypes.data, shape.ctypes.data)
        if kind == _NO_ARRAY:
            return None
        return (values.astype(np.int64) if kind == _WHOLE else values).reshape(shape)


def load(file: Path) -> CompiledNumbers | None:
    """Return the functions of a library, ``None`` if it cannot be had here."""
    try:
        return CompiledNumbers(file)
    except (OSError, AttributeError):
        return None


compiled_numbers = load(Path(__file__).with_name("libcompiled_numbers.so"))

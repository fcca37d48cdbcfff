"""The files beside a spool that hold large payloads: each is appended to, and removed once all of it was taken over.

SQLite writes a payload twice, and sums it up: that is ten times the work of appending it to a file, and more than all
else that logging a thousand rows takes. A batch names the file that its payload was appended to before it was
committed. A power cut may keep the commit without those bytes, so that they are looked at when they are read.

What stays for a second is synced to the disk with the next payload; what is taken over sooner never needs to get there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

LARGE = 32 << 10
"""Bytes from which on a payload goes to a file."""

FILE_BYTES = 4 << 20
SYNC_SECONDS = 1.0
_PARTS_AT_ONCE = 512  # Linux takes up to 1024
_CONTINUATION = b"\xff\xff\xff\xff"  # before each message of an Arrow IPC stream; of no message, at its end


class PayloadFiles:
    """The writing side; a file is named by a number that is greater than those of all files before.

    Args:
        spool: the SQLite file.
        limit: bytes from which on the next file is begun.
    """

    def __init__(self, spool: Path, limit: int = FILE_BYTES) -> None:
        self._spool = spool
        self._limit = limit
        self._sizes = {number: path.stat().st_size for number, path in files_of(spool)}
        self._current = 0
        self._descriptor: int | None = None
        self._unsynced: set[int] = set()
        self._sync_next = time.monotonic() + SYNC_SECONDS

    def append(self, parts: Sequence[Any], size: int, number: int) -> tuple[int, int]:
        """Append a payload of ``size`` bytes and return file and place; ``number`` names a file that is begun.

        Raises:
            OSError: if it cannot be written; nothing may be appended any more then.
        """
        if time.monotonic() >= self._sync_next:
            self._sync()
        descriptor = self._descriptor
        if descriptor is None or self._sizes[self._current] + size > self._limit:
            descriptor = self._begin(number)
        start = self._sizes[self._current]
        for first in range(0, len(parts), _PARTS_AT_ONCE):
            _write(descriptor, parts[first : first + _PARTS_AT_ONCE])
        self._sizes[self._current] += size
        self._unsynced.add(self._current)
        return self._current, start

    def _sync(self) -> None:
        for number in self._unsynced & self._sizes.keys():
            descriptor = os.open(path_of(self._spool, number), os.O_RDWR)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self._unsynced.clear()
        self._sync_next = time.monotonic() + SYNC_SECONDS

    def _begin(self, number: int) -> int:
        self.close()
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        self._descriptor = os.open(path_of(self._spool, number), flags, 0o600)
        self._current, self._sizes[number] = number, 0
        return self._descriptor

    def used(self, first: int | None) -> int:
        """Return how many bytes the files take from the number ``first`` on; ``None`` is after them all."""
        return 0 if first is None else sum(size for number, size in self._sizes.items() if number >= first)

    def remove_before(self, first: int | None) -> None:
        """Remove the files with numbers below ``first``; all, if it is ``None``."""
        if first is None:
            self.close()
        for number in [number for number in self._sizes if first is None or number < first]:
            path_of(self._spool, number).unlink(missing_ok=True)
            del self._sizes[number]

    def close(self) -> None:
        """End the file that is appended to."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _write(descriptor: int, parts: Sequence[Any]) -> None:
    views = [memoryview(part).cast("B") for part in parts if len(part)]
    while views:
        written = os.writev(descriptor, views)
        while views and written >= len(views[0]):
            written -= len(views.pop(0))
        if written:
            views[0] = views[0][written:]


def path_of(spool: Path, number: int) -> Path:
    """Return the path of a file beside a spool."""
    return spool.with_name(f"{spool.name}.{number}")


def files_of(spool: Path) -> Iterator[tuple[int, Path]]:
    """Yield the files beside a spool with their numbers."""
    for path in spool.parent.glob(f"{spool.name}.*"):
        number = path.name.removeprefix(f"{spool.name}.")
        if number.isdigit():
            yield int(number), path


def read_payload(spool: Path, number: int, start: int, size: int) -> bytes | None:
    """Return a payload; ``None`` if it is not there any more, or never came to the disk."""
    try:
        with path_of(spool, number).open("rb") as file:
            file.seek(start)
            payload = file.read(size)
    except FileNotFoundError:
        return None
    whole = len(payload) == size and payload.startswith(_CONTINUATION) and payload[-8:] == _CONTINUATION + bytes(4)
    return payload if whole else None

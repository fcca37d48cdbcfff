"""The files beside a spool that hold large payloads: each is written once through, and free once all was taken over.

SQLite writes a payload twice, and sums it up: that is ten times the work of writing it to a file, and more than all
else that logging a thousand rows takes. Most of what is left is the kernel's search for memory to keep a new file in,
so that a file which is free is written again from its beginning.

After a power cut such a file holds bytes of different times that nothing tells from one another. So it is volatile: its
name ends with the id of the boot, and nobody ever reads a file of another boot. What stays for some seconds is synced
to the disk, and only then its file gets a lasting name, under which nothing is written again but at its end. What is
taken over sooner never needs to get there. Whichever of their last changes SQLite and the file system take back: what
has a lasting name is what was written for it, and what has another boot's is gone.

A kill of the process takes no byte back. Where boots have no id, all names last, no file is written again, and what a
power cut took is seen from the length of a file and the ends of a payload.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_edge.core.files import sync

LARGE = 32 << 10
"""Bytes from which on a payload goes to a file."""

FILE_BYTES = 4 << 20
SPARES = 4
SYNC_SECONDS = 5.0
"""How long a payload may stay without being synced: the engine mostly has it after three."""

_PARTS_AT_ONCE = 512  # Linux takes up to 1024
_CONTINUATION = b"\xff\xff\xff\xff"  # before each message of an Arrow IPC stream; of no message, at its end


def _read_boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:  # not Linux
        return ""


_boot = _read_boot()


class PayloadFiles:
    """The writing side; a file is named by a number that is greater than those of all files before.

    Args:
        spool: the SQLite file.
        limit: bytes from which on the next file is begun.
    """

    def __init__(self, spool: Path, limit: int = FILE_BYTES) -> None:
        self._spool = spool
        self._limit = limit
        self._paths: dict[int, Path] = {}
        self._sizes: dict[int, int] = {}
        self._unsynced: dict[int, float] = {}
        self._spares: list[tuple[Path, int]] = []
        self._current = 0
        self._end = 0
        self._descriptor: int | None = None
        for number, boot, path in _all_of(spool):
            if boot not in {"", _boot}:
                path.unlink(missing_ok=True)
                continue
            self._paths[number], self._sizes[number] = path, path.stat().st_size
            self._unsynced[number] = time.monotonic()  # whoever wrote it may have been killed

    def append(self, parts: Sequence[Any], size: int, number: int) -> tuple[int, int]:
        """Append a payload of ``size`` bytes and return file and place; ``number`` names a file that is begun.

        Raises:
            OSError: if it cannot be written; nothing may be appended any more then.
        """
        descriptor = self._descriptor
        if descriptor is None or self._end + size > self._limit:
            descriptor = self._begin(number)
        start = self._end
        for first in range(0, len(parts), _PARTS_AT_ONCE):
            _write(descriptor, parts[first : first + _PARTS_AT_ONCE])
        self._end += size
        self._sizes[self._current] = max(self._sizes[self._current], self._end)
        self._unsynced.setdefault(self._current, time.monotonic())
        return self._current, start

    def _begin(self, number: int) -> int:
        """Begin a file, if possible in one that is free; the rename tells its late readers."""
        self.close()
        path_of(self._spool, number).unlink(missing_ok=True)  # the power cut that left it took back who named it
        path = _path_until_synced(self._spool, number)
        if self._spares:
            self._spares.pop()[0].rename(path)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        self._current, self._end = number, 0
        self._paths[number], self._sizes[number] = path, os.fstat(self._descriptor).st_size
        return self._descriptor

    def sync(self, seconds: float) -> None:
        """Make files last whose oldest unsynced payload is so many seconds old."""
        limit = time.monotonic() - seconds
        renamed = False
        for number in [number for number, since in self._unsynced.items() if since <= limit]:
            if number == self._current and self._descriptor is not None:
                os.ftruncate(self._descriptor, self._end)
                self._sizes[number] = self._end
            sync(self._paths[number])
            lasting = path_of(self._spool, number)
            if self._paths[number] != lasting:
                self._paths[number] = self._paths[number].rename(lasting)
                renamed = True
            del self._unsynced[number]
        if renamed:
            sync(self._spool.parent)

    def used(self, first: int | None) -> int:
        """Return how many bytes are taken by the files from the number ``first`` on, and by free ones.

        ``None`` is after them all.
        """
        sizes = [] if first is None else [size for number, size in self._sizes.items() if number >= first]
        return sum(sizes) + sum(size for _, size in self._spares)

    def free_before(self, first: int | None) -> None:
        """Remove the files with numbers below ``first``, or all if it is ``None``; some are kept to be written again.

        No batch may name them any more in what is committed.
        """
        if first is None:
            self.close()
        for number in [number for number in self._sizes if first is None or number < first]:
            path, size = self._paths.pop(number), self._sizes.pop(number)
            self._unsynced.pop(number, None)
            if path == path_of(self._spool, number) or len(self._spares) == SPARES:
                path.unlink(missing_ok=True)
            else:
                self._spares.append((path, size))

    def remove_spares(self) -> None:
        """Remove the files that are free."""
        while self._spares:
            self._spares.pop()[0].unlink(missing_ok=True)

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
    """Return the lasting path of a file beside a spool."""
    return spool.with_name(f"{spool.name}.{number}")


def _path_until_synced(spool: Path, number: int) -> Path:
    return spool.with_name(f"{spool.name}.{number}.{_boot}") if _boot else path_of(spool, number)


def _all_of(spool: Path) -> Iterator[tuple[int, str, Path]]:
    """Yield number, boot and path of the files beside a spool; a lasting name has no boot."""
    for path in spool.parent.glob(f"{spool.name}.*"):
        number, _, boot = path.name.removeprefix(f"{spool.name}.").partition(".")
        if number.isdigit():
            yield int(number), boot, path


def files_of(spool: Path) -> Iterator[tuple[int, Path]]:
    """Yield the files beside a spool with their numbers, without those of other boots."""
    return ((number, path) for number, boot, path in _all_of(spool) if boot in {"", _boot})


def read_payload(spool: Path, number: int, start: int, size: int) -> bytes | None:
    """Return a payload; ``None`` if it is not there any more, or never came to the disk."""
    payload = _read(_path_until_synced(spool, number), start, size)
    if payload is None:  # in this order: a file that is synced meanwhile is found by its lasting name
        payload = _read(path_of(spool, number), start, size)
    if payload is None or len(payload) != size:
        return None
    return payload if payload.startswith(_CONTINUATION) and payload[-8:] == _CONTINUATION + bytes(4) else None


def _read(path: Path, start: int, size: int) -> bytes | None:
    """Return bytes of a file; ``None`` if there is none, or it lost its name meanwhile, and may be written again."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(start)
        content = file.read(size)
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return content
    return None

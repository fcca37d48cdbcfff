"""A folder of blobs named by their SHA-256: uploads, registry content and pulled layers share it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Self

from jupyter_edge.core.errors import DigestError, EntityNotFoundError, StorageFullError
from jupyter_edge.core.files import sync

CHUNK_SIZE = 1 << 20
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_FULL = (errno.ENOSPC, errno.EDQUOT)


def hex_of(digest: str) -> str:
    """Return the 64 hexadecimal digits of ``sha256:<hex>``, the only form of digest that is accepted.

    Raises:
        DigestError: if the text is anything else.
    """
    match = _DIGEST.fullmatch(digest)
    if match is None:
        msg = f"{digest[:100]!r} is no digest: write sha256: and 64 lower-case hexadecimal digits."
        raise DigestError(msg)
    return match[1]


def digest_of(content: bytes) -> str:
    """Return the digest of ``content`` as ``sha256:<hex>``."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class BlobWriter:
    """One new blob in the making: a private file until ``commit`` gives it its name.

    Left without ``commit``, the context manager leaves nothing behind. The file is locked while the writer lives, so
    that ``BlobStore.sweep`` can tell it from what a killed process has left. ``path`` lets what was written be looked
    at before it is committed.
    """

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._hash = hashlib.sha256()
        self.size = 0
        try:
            store.unfinished.mkdir(parents=True, exist_ok=True)
            self._file, self.path = _create_locked(store.unfinished)
        except OSError as error:
            raise _storage_error(error) from error

    def write(self, data: bytes) -> None:
        """Append ``data``.

        Raises:
            StorageFullError: if the disk has no room for it.
        """
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise _storage_error(error) from error
        self._hash.update(data)
        self.size += len(data)

    def commit(self, expected: str | None = None) -> str:
        """Make the blob visible, on disk when this returns, and return its digest.

        Raises:
            DigestError: if ``expected`` is given and the content has another digest; nothing becomes visible.
            StorageFullError: if the disk has no room for it.
        """
        digest = f"sha256:{self._hash.hexdigest()}"
        if expected is not None and digest != expected:
            msg = f"The content has the digest {digest} where {expected} was promised: it was damaged on its way."
            raise DigestError(msg)
        target = self._store.path(digest)
        try:
            os.fsync(self._file.fileno())
            if not target.parent.is_dir():
                target.parent.mkdir(exist_ok=True)
                sync(self._store.root)
            self.path.replace(target)
            sync(target.parent)
        except OSError as error:
            raise _storage_error(error) from error
        self._file.close()
        return digest

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def discard(self) -> None:
        """Give the blob up; after ``commit`` this does nothing."""
        if not self._file.closed:
            self.path.unlink(missing_ok=True)
            self._file.close()


class BlobStore:
    """Blobs under ``root/sha256/<hex>``; what is unfinished lies in ``root/unfinished`` and is never visible."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.unfinished = root / "unfinished"
        self._folder = root / "sha256"

    def path(self, digest: str) -> Path:
        """Return where the blob lies, or would lie.

        Raises:
            DigestError: if ``digest`` is none.
        """
        return self._folder / hex_of(digest)

    def has(self, digest: str) -> bool:
        """Tell whether the blob is here."""
        return self.path(digest).is_file()

    def size(self, digest: str) -> int:
        """Return the blob's length in bytes.

        Raises:
            EntityNotFoundError: if the blob is not here.
        """
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            raise _missing(digest) from None

    def open(self, digest: str) -> BufferedReader:
        """Open the blob for reading.

        Raises:
            EntityNotFoundError: if the blob is not here.
        """
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError:
            raise _missing(digest) from None

    def writer(self) -> BlobWriter:
        """Return a writer for a new blob, to be used as a context manager."""
        return BlobWriter(self)

    def put(self, content: bytes) -> str:
        """Store ``content`` and return its digest."""
        with self.writer() as writer:
            writer.write(content)
            return writer.commit()

    def verify(self, digest: str) -> bool:
        """Read the blob again and tell whether its content still has its digest."""
        with self.open(digest) as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}" == digest

    def delete(self, digest: str) -> None:
        """Remove the blob; one that is not here is passed over."""
        self.path(digest).unlink(missing_ok=True)

    def digests(self) -> Iterator[str]:
        """Yield the digest of every blob."""
        if self._folder.is_dir():
            yield from (f"sha256:{path.name}" for path in self._folder.iterdir())

    def sweep(self) -> None:
        """Remove what killed writers have left; files that a living writer holds stay."""
        if not self.unfinished.is_dir():
            return
        for path in self.unfinished.iterdir():
            with suppress(BlockingIOError, FileNotFoundError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def _create_locked(folder: Path) -> tuple[FileIO, Path]:
    import tempfile  # see core.files

    while True:
        handle, name = tempfile.mkstemp(dir=folder)
        file = FileIO(handle, "wb")
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return file, Path(name)
        file.close()  # a sweep took it between its creation and its lock


def _storage_error(error: OSError) -> Exception:
    if error.errno not in _FULL:
        return error
    return StorageFullError("The disk is full, so the blob was not stored: free some space and try again.")


def _missing(digest: str) -> EntityNotFoundError:
    return EntityNotFoundError(f"No blob {digest} is stored here.")

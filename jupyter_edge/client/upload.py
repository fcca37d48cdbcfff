"""A model file as a multipart body that is read while it is sent."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self


class ModelUpload:
    """The two parts of an upload, ``metadata`` and ``file`` (RFC 7578), as a stream of known length.

    Use it as a context manager: it holds the file open. ``on_read`` is called with the share that was read before.
    """

    def __init__(self, metadata: dict[str, Any], path: Path, on_read: Callable[[float], None]) -> None:
        boundary = secrets.token_hex(16)
        name = path.name.replace("\\", "\\\\").replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._file = path.open("rb")
        self._size = os.fstat(self._file.fileno()).st_size
        self._on_read = on_read
        self._head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="metadata"\r\nContent-Type: application/json\r\n\r\n'
            f"{json.dumps(metadata)}\r\n"
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._length = len(self._head) + self._size + len(self._tail)

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = 1 << 16) -> bytes:
        """Return at most ``size`` next bytes; none at the end."""
        unread = len(self._head) + self._size + len(self._tail)
        self._on_read(1 - unread / self._length)
        if self._head:
            piece, self._head = self._head[:size], self._head[size:]
            return piece
        piece = self._file.read(min(size, self._size))
        self._size -= len(piece)
        if not piece:
            piece, self._tail = self._tail[:size], self._tail[size:]
        return piece

    def __enter__(self) -> Self:
        """Return the body itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

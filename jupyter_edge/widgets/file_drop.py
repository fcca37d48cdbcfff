"""A place to drop a file from the browser's machine; it arrives in pieces, so that its size does not matter."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

import anywidget
import traitlets

from jupyter_edge.widgets.front_end import script, stylesheet

MAX_BYTES = 2 << 30
_EMPTY = "or drop one here, from this computer."


class FileDrop(anywidget.AnyWidget):
    """A button and a drop zone for one file, which is kept in a temporary folder until the widget is closed.

    ``path`` is where a file that has arrived lies, and empty before; its name is the one it had. The front end sends
    ``{"kind": "begin", id, name, size}`` and then, each time it is asked by ``{"kind": "next", id, from}``, a piece
    from there on, until ``{"kind": "end", id}``.
    """

    _esm = script("file_drop")
    _css = stylesheet("file_drop")
    accept = traitlets.Unicode().tag(sync=True)
    words = traitlets.Unicode(_EMPTY).tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)
    path = traitlets.Unicode()

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._folder = tempfile.TemporaryDirectory(prefix="jupyter-edge-")
        self._file: IO[bytes] | None = None
        self._id = 0
        self._size = 0
        self.on_msg(self._take)

    def clear(self) -> None:
        """Forget the file."""
        self._drop()
        self.path, self.words = "", _EMPTY

    def close(self) -> None:
        """Remove the file and the widget."""
        self._drop()
        self._folder.cleanup()
        super().close()

    def _take(self, _widget: object, content: dict[str, Any], buffers: Sequence[memoryview]) -> None:
        if content.get("kind") == "begin":
            self._begin(int(content["id"]), str(content["name"]), int(content["size"]))
        elif content.get("kind") == "piece" and content.get("id") == self._id and self._file is not None:
            self._add(self._file, int(content["from"]), bytes(buffers[0]) if buffers else b"")

    def _begin(self, number: int, name: str, size: int) -> None:
        self.clear()
        name = PureWindowsPath(PurePosixPath(name).name).name[-200:]
        if not 0 < size <= MAX_BYTES or name in {"", ".", ".."}:
            self.words = f"{name or 'This'} cannot be taken: it must be a file of 1 byte to {MAX_BYTES >> 30} GiB."
            self.send({"kind": "end", "id": number})
            return
        self._id, self._size = number, size
        self._file = (Path(self._folder.name) / name).open("wb")
        self._ask(self._file)

    def _add(self, file: IO[bytes], start: int, piece: bytes) -> None:
        if start != file.tell() or not piece or start + len(piece) > self._size:
            self._drop()
            self.words = "The file changed while it was read: choose it again."
            return
        file.write(piece)
        if file.tell() < self._size:
            self._ask(file)
            return
        self.send({"kind": "end", "id": self._id})
        file.close()
        self._file = None
        self.path = file.name
        self.words = f"{Path(file.name).name}, {_size(self._size)}"

    def _ask(self, file: IO[bytes]) -> None:
        name, done = Path(file.name).name, file.tell()
        self.words = f"Reading {name}: {done / self._size:.0%} of {_size(self._size)}"
        self.send({"kind": "next", "id": self._id, "from": done})

    def _drop(self) -> None:
        if self._file is not None:
            self.send({"kind": "end", "id": self._id})
            self._file.close()
            self._file = None
        for left in Path(self._folder.name).glob("*"):
            left.unlink()


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"

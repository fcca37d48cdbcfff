"""Files: found, on disk when they should be, and replaced in one step."""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_edge.core.errors import InvalidInputError


def existing_file(path: str | Path) -> Path:
    """Return the path of a file, with ``~`` filled in.

    Raises:
        InvalidInputError: if it is not there, naming the working folder.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        msg = f"There is no file {path} (looked in {Path.cwd()}): check the path and the working folder."
        raise InvalidInputError(msg)
    return path


def sync(path: Path) -> None:
    """Return once a file or folder is on disk as it is now; what is in a folder's files is another matter."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_private(path: Path, text: str) -> None:
    """Replace a file by ``text`` in one step, readable by its owner only, on disk when this returns."""
    import tempfile  # with all that it imports, 3 ms, and a server writes nothing to start

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

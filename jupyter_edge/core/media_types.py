"""Media types of inference bodies."""

from __future__ import annotations

import functools
from pathlib import PurePath

from jupyter_edge.core.errors import InvalidInputError

ARROW_FILE = "application/vnd.apache.arrow.file"
JSON = "application/json"
PANDAS_RECORDS = "application/json; format=pandas-records"
LEGACY = "application/json; format=legacy"
_OF_FILES = {".arrow": ARROW_FILE, ".json": PANDAS_RECORDS}


def media_type_of_file(name: str) -> str:
    """Return the media type of a file of rows, by the end of its name.

    Raises:
        InvalidInputError: for other files.
    """
    media_type = _OF_FILES.get(PurePath(name).suffix.lower())
    if media_type is None:
        msg = f"{name} cannot be inferred on: give an Arrow file (.arrow) or JSON of pandas records (.json)."
        raise InvalidInputError(msg)
    return media_type


@functools.lru_cache(maxsize=64)
def parse_media_type(text: str) -> tuple[str, dict[str, str]]:
    """Split a header value into the lower-case type and its parameters.

    A value that repeats the header's name in front (``Content-Type: application/json``), as some callers
    send it, is read as if it did not.
    """
    kind, *parameters = text.rpartition("Content-Type:")[2].split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return kind.strip().lower(), {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}

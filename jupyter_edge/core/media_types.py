"""Media types of inference bodies."""

from __future__ import annotations

import functools

ARROW_FILE = "application/vnd.apache.arrow.file"
JSON = "application/json"
PANDAS_RECORDS = "application/json; format=pandas-records"
LEGACY = "application/json; format=legacy"


@functools.lru_cache(maxsize=64)
def parse_media_type(text: str) -> tuple[str, dict[str, str]]:
    """Split a header value into the lower-case type and its parameters.

    A value that repeats the header's name in front (``Content-Type: application/json``), as some callers
    send it, is read as if it did not.
    """
    kind, *parameters = text.rpartition("Content-Type:")[2].split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return kind.strip().lower(), {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}

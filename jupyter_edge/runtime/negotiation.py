"""Which codec reads a request, and which one writes its answer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ClassVar, NamedTuple

from jupyter_edge.core.errors import EdgeError
from jupyter_edge.core.media_types import ARROW_FILE, LEGACY, PANDAS_RECORDS, parse_media_type
from jupyter_edge.runtime.answer import Layout, Writer
from jupyter_edge.runtime.batch import Batch
from jupyter_edge.runtime.codecs import arrow_reader, records

_ARROW_TYPES = (ARROW_FILE, "application/vnd.apache.arrow.stream")
# Beside JSON itself: what clients send along by default, whatever the body is.
_JSON_TYPES = (
    "",
    "application/json",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "text/json",
    "text/plain",
)
_ARROW_STARTS = (b"ARROW1", b"\xff\xff\xff\xff")


class UnsupportedMediaTypeError(EdgeError):
    """The body is of a type that no pipeline reads."""

    status: ClassVar[int] = 415


class NotAcceptableError(EdgeError):
    """The caller wants an answer of a type that no pipeline writes."""

    status: ClassVar[int] = 406


class Format(NamedTuple):
    """A way to write answers; ``None`` for the legacy one, which is written from the record itself."""

    media_type: str
    writer: Callable[[Layout], Writer] | None


def decode(kind: str, body: bytes | bytearray, threads: int) -> Batch:
    """Read a body that was sent as ``kind``, on at most so many threads; how it begins counts for more than the kind.

    Raises:
        UnsupportedMediaTypeError: for a type that is neither JSON nor Arrow.
        InvalidInputError: if the body is not what it should be.
    """
    if kind in _ARROW_TYPES or body.startswith(_ARROW_STARTS):
        return arrow_reader.decode(body)
    if kind in _JSON_TYPES:
        return records.decode(body, threads)
    msg = f"Content-Type {kind} cannot be read: send {PANDAS_RECORDS} or {ARROW_FILE}."
    raise UnsupportedMediaTypeError(msg)


def require_plain(headers: dict[str, str]) -> None:
    """Refuse a compressed body.

    Raises:
        UnsupportedMediaTypeError: saying so.
    """
    encoding = headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        msg = f"Content-Encoding {encoding} cannot be read: send the body plain, or Arrow with compressed buffers."
        raise UnsupportedMediaTypeError(msg)


_RECORDS = Format(PANDAS_RECORDS, records.RecordsWriter)
_LEGACY = Format(LEGACY, None)


@functools.cache
def _arrow() -> Format:
    from jupyter_edge.runtime.codecs import arrow_writer  # only loaded where it is asked for

    return Format(ARROW_FILE, arrow_writer.ArrowWriter)


@functools.lru_cache(maxsize=64)
def answer_format(accept: str) -> Format:
    """Return the format that an Accept header prefers; pandas-records JSON where it leaves the choice.

    Raises:
        NotAcceptableError: if it allows neither JSON records nor Arrow.
    """
    ranges = [parse_media_type(text) for text in accept.split(",") if text.strip()] or [("*/*", {})]
    for kind, parameters in sorted(ranges, key=_quality, reverse=True):
        if _quality((kind, parameters)) <= 0:
            continue
        if kind == ARROW_FILE:
            return _arrow()
        if kind in ("*/*", "application/*", "application/json") and _is_records(parameters):
            return _RECORDS
        if kind == "application/json" and parameters.get("format") == "legacy":
            return _LEGACY
    msg = f"Accept {accept!r} allows no answer that can be given: ask for {PANDAS_RECORDS} or {ARROW_FILE}."
    raise NotAcceptableError(msg)


def _is_records(parameters: dict[str, str]) -> bool:
    return parameters.get("format", "pandas-records") in ("pandas-records", "")


def _quality(media_range: tuple[str, dict[str, str]]) -> float:
    try:
        return float(media_range[1].get("q", "1"))
    except ValueError:
        return 0.0

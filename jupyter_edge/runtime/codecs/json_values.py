"""JSON bodies as values: all of them as Python's own, or only looked at where they are."""

from __future__ import annotations

import functools
import json
import threading
from typing import Any

import numpy as np
import orjson
import simdjson

from jupyter_edge.core.records import Column

_parsers = threading.local()


def parse(body: bytes | bytearray | memoryview) -> Any:
    """Return the value of a JSON text; NaN and Infinity, which Python's own json writes, are read as well.

    Raises:
        ValueError: if it is not JSON.
        RecursionError: if it is nested too deeply.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        text = bytes(body)
        if b"NaN" in text or b"Infinity" in text:
            return json.loads(text)
        raise


def view(body: bytes | bytearray | memoryview) -> Any:
    """Return a view of a JSON text, whose lists of numbers can be had without a Python object per number.

    The view has to be gone before this thread makes its next one.

    Raises:
        ValueError, RuntimeError: if it is not JSON.
    """
    parser: simdjson.Parser | None = getattr(_parsers, "parser", None)
    if parser is None:  # one per thread: a new one for each body would fault its memory in anew
        parser = _parsers.parser = simdjson.Parser()
    return parser.parse(body)


def plain(value: Any) -> Any:
    """Return what a view shows as Python's own values."""
    if isinstance(value, simdjson.Array):
        return value.as_list()
    return value.as_dict() if isinstance(value, simdjson.Object) else value


def writable(values: Column) -> Column:
    """Return numbers in the form that orjson writes: in one piece, and with the shortest text that is exact."""
    if isinstance(values, list):
        return [writable(value) if isinstance(value, np.ndarray | list) else value for value in values]
    if values.dtype == np.float16:  # orjson writes what float32 needs
        return _halves()[np.ascontiguousarray(values).view(np.uint16)]
    return np.ascontiguousarray(values)


@functools.cache
def _halves() -> np.ndarray[Any, Any]:
    """Return, by the bits of each float16, the float64 whose shortest text is the float16's own."""
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    return np.array([float(str(half)) for half in halves])

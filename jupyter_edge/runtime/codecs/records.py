"""Pandas-records JSON: a list with one object per row, as ``DataFrame.to_json(orient="records")`` writes it."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
import orjson
import simdjson

from jupyter_edge.core.dataset import Path
from jupyter_edge.core.errors import InvalidInputError, TooLargeError
from jupyter_edge.core.records import Column
from jupyter_edge.runtime.answer import Constant, Layout, Values, arrange
from jupyter_edge.runtime.batch import Batch, as_column
from jupyter_edge.runtime.codecs import long_list
from jupyter_edge.runtime.codecs.json_values import parse, plain, view, writable

_LARGE = 64 * 1024
"""From this size on, not making a Python object per number pays for the work of avoiding it."""

_MOST_CELLS, _SPARSEST = 1 << 20, 16  # so many values, most of them missing, and of so many one that is there


def decode(body: bytes | bytearray, threads: int = 1) -> Batch:
    """Read a body; nulls among numbers become NaN, and a column that a row lacks is null there.

    A long list of numbers is read on so many threads.

    Raises:
        InvalidInputError: if the body is not JSON, no list of objects, or holds what an answer could not repeat.
        TooLargeError: if it is small only because most rows lack most columns.
    """
    if len(body) >= long_list.LONG and (batch := long_list.decode(body, threads)):
        return require_repeatable(batch)
    if len(body) >= _LARGE:
        try:
            return require_repeatable(_decode_large(body))
        except (ValueError, TypeError, RuntimeError):
            pass  # what the fast way refuses (a literal NaN, a text among numbers) the other reads, or explains
    rows = _rows(body)
    if len(rows) == 1:
        return require_repeatable(Batch(1, {name: as_column([value]) for name, value in rows[0].items()}))
    return require_repeatable(_batch(rows, as_column))


def require_repeatable(batch: Batch) -> Batch:
    """Return the batch if an answer can repeat it.

    Raises:
        InvalidInputError: for half of a surrogate pair, a whole number of more than 64 bits, and lists in lists
            beyond measure.
    """
    for name, column in batch.columns.items():
        if isinstance(column, np.ndarray) and name.isascii():
            continue
        try:
            orjson.dumps([name, column if isinstance(column, list) else None])
        except TypeError as error:
            msg = f"Column {name!r} holds what no answer could repeat ({error}): send it without."
            raise InvalidInputError(msg) from None
    return batch


def _rows(body: bytes | bytearray) -> list[dict[str, Any]]:
    try:
        rows = parse(body)
    except (ValueError, RecursionError) as error:
        msg = f"The body is not JSON ({error}): send a list of records, or an Arrow IPC file."
        raise InvalidInputError(msg) from None
    if not isinstance(rows, list):
        msg = f'The body is a JSON {_kind(rows)}: send a list of records, such as [{{"tensor": [1.0, 2.0]}}].'
        raise InvalidInputError(msg)
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            msg = f"Record {number} is a JSON {_kind(row)}: each record is an object of column names and values."
            raise InvalidInputError(msg)
    return rows


def _kind(value: Any) -> str:
    kinds = {dict: "object", list: "list", str: "text", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")


def _batch(rows: list[Any], make_column: Any) -> Batch:
    names = rows[0] if len(rows) == 1 else dict.fromkeys(name for row in rows for name in row)
    cells = len(rows) * len(names)
    if cells > _MOST_CELLS and cells > _SPARSEST * sum(map(len, rows)):
        msg = f"{len(rows)} records have {len(names)} names, each few of them: send those of one kind together."
        raise TooLargeError(msg)
    return Batch(len(rows), {name: make_column([row.get(name) for row in rows]) for name in names})


def _decode_large(body: bytes | bytearray) -> Batch:
    document = view(body)
    if not isinstance(document, simdjson.Array):
        raise TypeError
    # To find a name in simdjson's objects takes as long as there are names, in dicts it does not.
    rows = [dict(row.items()) for row in document if isinstance(row, simdjson.Object)]
    if len(rows) < len(document):
        raise TypeError
    batch = _batch(rows, _column)
    # simdjson flattens a list within a row of numbers, as in [1, [2]]: only the number of brackets tells.
    place = -1
    for _ in range(1 + sum(map(_brackets, batch.columns.values()))):
        place = body.find(b"[", place + 1)
    if body.find(b"[", place + 1) >= 0:
        raise TypeError
    return batch


def _brackets(column: Column) -> int:
    """Return how many opening brackets the JSON of an array of numbers has, without its outermost."""
    return (
        sum(math.prod(column.shape[:axis]) for axis in range(1, column.ndim)) if isinstance(column, np.ndarray) else 0
    )


def _column(values: list[Any]) -> Column:
    if all(isinstance(value, simdjson.Array) for value in values):
        array = _stack(values)
        if array is not None:
            return array
    return as_column([plain(value) for value in values])


def _stack(values: list[simdjson.Array]) -> np.ndarray[Any, Any] | None:
    """Return ``[rows, ...]`` of int64 or uint64 if all numbers are whole, else float64; ``None`` if none can hold them.

    The narrowest comes first, because each one refuses what it cannot hold.
    """
    shape, *others = {_shape(value) for value in values}
    if shape is None or others:
        return None
    kinds: tuple[tuple[Literal["i", "u", "d"], str], ...] = (("i", "i8"), ("u", "u8"), ("d", "f8"))
    for kind, dtype in kinds:
        try:
            buffers = [value.as_buffer(of_type=kind) for value in values]
        except (TypeError, ValueError):
            continue
        joined = buffers[0] if len(buffers) == 1 else b"".join(buffers)
        array = np.frombuffer(joined, dtype)
        return array.reshape(len(values), *shape) if array.size == len(values) * np.prod(shape) else None
    return None


def _shape(array: simdjson.Array) -> tuple[int, ...] | None:
    """Return the shape of a nested list of numbers; ``None`` for a ragged or empty one."""
    if not len(array):
        return None
    if not isinstance(array[0], simdjson.Array):
        return (len(array),)
    shape, *others = {_shape(part) if isinstance(part, simdjson.Array) else None for part in array}
    return None if others or shape is None else (len(array), *shape)


class _Numbers(NamedTuple):
    """The texts of all rows in one: ``between`` two of them, and nowhere else, is what separates them."""

    text: bytes
    between: bytes


_Piece = bytes | list[bytes] | _Numbers


class RecordsWriter:
    """Writes answers of one layout, one object per row: float32 in its shortest text, and NaN as null.

    The bytes between the values that a layout leaves open are the same in all answers, and made once.
    """

    def __init__(self, layout: Layout) -> None:
        self._paths: list[Path] = []
        self._between: list[bytes] = []
        shared: list[bytes] = []
        self._add_object(
            shared, arrange(layout.leaves, {leaf: leaf for leaf in layout.leaves}, layout.separator), layout
        )
        self._between.append(b"".join(shared))

    def _add_object(self, shared: list[bytes], tree: dict[str, Any], layout: Layout) -> None:
        """Add an object of names and values; ``shared`` are the bytes since the last value that is open."""
        before = b"{"
        for name, below in tree.items():
            shared.append(b"%b%b:" % (before, orjson.dumps(name)))
            before = b","
            if isinstance(below, dict):
                self._add_object(shared, below, layout)
            elif below in layout.fixed:
                shared.append(orjson.dumps(layout.fixed[below].value))
            else:
                self._paths.append(below)
                self._between.append(b"".join(shared))
                shared.clear()
        shared.append(b"}" if tree else b"{}")

    def write(self, values: Values) -> bytes:
        """Write all rows as one list."""
        if values.rows == 1:
            return self._row(values)
        if not values.rows:
            return b"[]"
        pieces = self._pieces(values)
        match pieces:
            case [bytes(before), _Numbers(text, between), bytes(after)]:
                return b"[%b%b%b]" % (before, text.replace(between, b"%b,%b" % (after, before)), after)
        parts = _parts(pieces, values.rows)
        parts[0] = b"[" + parts[0].removeprefix(b",")
        parts.append(b"]")
        return b"".join(parts)

    def write_rows(self, values: Values) -> list[bytes]:
        """Write each row as a list of its own."""
        texts = [_texts(piece, values.rows) for piece in (b"[", *self._pieces(values), b"]")]
        return list(map(b"".join, zip(*texts, strict=True)))

    def _row(self, values: Values) -> bytes:
        parts = [b"["]
        for path, before in zip(self._paths, self._between, strict=False):
            value = values.by_path[path]
            if isinstance(value, Constant):
                text = orjson.dumps(value.value)
            elif isinstance(value, list) or value.ndim > 1:
                text = _text(value[0])
            else:
                text = _text(value)[1:-1]
            parts += (before, text)
        parts += (self._between[-1], b"]")
        return b"".join(parts)

    def _pieces(self, values: Values) -> list[_Piece]:
        """Return what a row is made of, in order: bytes that all rows share, and between them the bytes of each row."""
        pieces: list[_Piece] = []
        shared = [self._between[0]]
        for path, behind in zip(self._paths, self._between[1:], strict=True):
            value = values.by_path[path]
            if isinstance(value, Constant):
                shared.append(orjson.dumps(value.value))
            else:
                _add_column(pieces, shared, value)
            shared.append(behind)
        pieces.append(b"".join(shared))
        return pieces


def _parts(pieces: list[_Piece], rows: int) -> list[bytes]:
    """Return the bytes of all rows, each row as many parts as there are pieces, the first with a comma before it."""
    parts: list[bytes] = [b""] * (rows * len(pieces))
    for position, piece in enumerate(pieces):
        before = b"" if position else b","
        parts[position :: len(pieces)] = _texts(before + piece if isinstance(piece, bytes) else piece, rows)
    return parts


def _texts(piece: _Piece, rows: int) -> list[bytes]:
    if isinstance(piece, bytes):
        return [piece] * rows
    return piece.text.split(piece.between) if isinstance(piece, _Numbers) else piece


def _add_column(pieces: list[_Piece], shared: list[bytes], column: Column) -> None:
    closing = b""
    piece: _Piece
    if isinstance(column, np.ndarray) and column.size:
        nesting = column.ndim - 1
        opening, closing = b"[" * nesting, b"]" * nesting
        shared.append(opening)
        text = _text(column)
        piece = _Numbers(text[1 + nesting : -1 - nesting], closing + b"," + opening)
    else:
        piece = [_text(value) for value in column]
    pieces += (b"".join(shared), piece)
    shared[:] = [closing]


def _text(value: Any) -> bytes:
    if isinstance(value, np.ndarray | list):
        value = writable(value)
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)

"""Read Arrow IPC data into columns, in place where it is not compressed.

It is read here and not by a library because a request may hold anything, and the libraries that are small enough for a
device do not survive it: some damaged files make arro3 0.9 abort the whole process (a panic that Python cannot catch),
others make nanoarrow 0.9 read where it may not. To check a file beforehand takes what reading it takes: every offset,
length and buffer. `python -m benchmarks.arrow` shows what damaged files do here and to pyarrow, which is too large, and
that reading a thousand rows takes no longer than there. The layout is that of the Arrow columnar format 1.5, section
"Physical memory layout".
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from jupyter_edge.core.errors import InvalidInputError, TooLargeError
from jupyter_edge.core.flatbuffers import Bytes, Table, read
from jupyter_edge.core.records import Column
from jupyter_edge.runtime.batch import Batch, bytes_per_row
from jupyter_edge.runtime.codecs import arrow_frame
from jupyter_edge.runtime.codecs.arrow_messages import (
    DICTIONARY_BATCH,
    RECORD_BATCH,
    SCHEMA,
    ArrowField,
    messages,
    read_schema,
)

MAX_UNPACKED = 256 * 1024 * 1024

_CODECS = ("lz4", "zstd")
_BYTES_OF_NOTHING = 8  # what a row costs in memory whose column has no data of its own


def decode(body: bytes | bytearray) -> Batch:
    """Read an Arrow IPC file, or a stream.

    Columns are numbers, booleans, text, dates, timestamps, dictionaries of these, structs, and lists of any nesting.
    Nulls among numbers become NaN. A shape that a flat column says its rows have (field metadata ``tensor_type``, or
    that of the extension type fixed_shape_tensor) comes along.

    Raises:
        InvalidInputError: if the body is no Arrow data, is damaged, or has a column of another type.
        TooLargeError: if it unpacks to more than ``MAX_UNPACKED`` bytes.
    """
    if (again := arrow_frame.read_again(body)) is not None:
        return again
    try:
        fields, batches, header = _read(body)
    except (ValueError, IndexError, TypeError, StopIteration):
        msg = "The body is not a whole Arrow IPC file: write it with pyarrow.ipc.new_file, or send JSON records."
        raise InvalidInputError(msg) from None
    names = [field.name for field in fields]
    if len(set(names)) < len(names):
        msg = f"The Arrow table has columns of the same name ({', '.join(names)}): name each one differently."
        raise InvalidInputError(msg)
    rows = sum(len(columns[0]) if columns else 0 for columns in batches)
    batches = batches or [[_no_values(field) for field in fields]]
    joined = [_joined(list(parts)) for parts in zip(*batches, strict=True)]
    shapes = {field.name: field.shape for field in fields if field.shape is not None}
    batch = Batch(rows, dict(zip(names, joined, strict=True)), shapes)
    if header is not None:
        arrow_frame.keep(body, header, batch)
    return batch


def _read(body: bytes | bytearray) -> tuple[tuple[ArrowField, ...], list[list[Column]], Table | None]:
    """Return fields and batches, and the header of the only message that is not the schema, if it is a record batch."""
    fields: tuple[ArrowField, ...] | None = None
    batches: list[list[Column]] = []
    headers: list[Table] = []
    dictionaries: dict[int, Column] = {}
    budget = _Budget()
    for kind, header, content in messages(body):
        if kind == SCHEMA:
            fields = read_schema(header)
        elif kind == RECORD_BATCH and fields is not None:
            batches.append(_BatchReader(header, content, dictionaries, budget).columns(fields))
            headers.append(header)
        elif kind == DICTIONARY_BATCH and fields is not None:
            data, number = header.table(1), header.number(0, "<q")
            if data is None or header.number(2, "<B"):
                raise ValueError
            field = next(field for field in _all_fields(fields) if field.dictionary == number)
            dictionaries[number] = _BatchReader(data, content, dictionaries, budget).values(field)
        else:
            raise ValueError
    if fields is None:
        raise ValueError
    return fields, batches, headers[0] if len(headers) == 1 and not dictionaries else None


def _all_fields(fields: tuple[ArrowField, ...]) -> Iterator[ArrowField]:
    for field in fields:
        yield field
        yield from _all_fields(field.children)


def _no_values(field: ArrowField) -> Column:
    """Return a column of no rows, of the field's type as far as numbers go."""
    size, child = 0, field
    while child.kind.endswith("list") and child.children:
        size, child = child.size, child.children[0]
    if child.kind not in ("int", "float", "bool"):
        return []
    dtype = np.dtype(bool) if child.dtype is None else child.dtype
    return np.zeros(0 if child is field else (0, size), dtype)


def _joined(parts: list[Column]) -> Column:
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    if len(parts) == 1:
        return parts[0]
    if len(arrays) == len(parts) and len({array.shape[1:] for array in arrays}) == 1:
        return np.concatenate(arrays)
    return [value for part in parts for value in part]


class _Budget:
    """How many bytes may still be made that were not in the body."""

    def __init__(self) -> None:
        self._left = MAX_UNPACKED

    def take(self, size: int) -> None:
        if size < 0:
            raise ValueError
        self._left -= size
        if self._left < 0:
            msg = f"The Arrow data unpacks to more than {MAX_UNPACKED} bytes, the limit here: send fewer rows at once."
            raise TooLargeError(msg)


class _BatchReader:
    """Reads the columns of one record batch: its nodes and buffers come in the order of the fields."""

    def __init__(self, header: Table, content: Bytes, dictionaries: dict[int, Column], budget: _Budget) -> None:
        self._rows = header.number(0, "<q")
        self._nodes = iter(header.structs(1, "<qq"))
        self._buffers = iter(header.structs(2, "<qq"))
        compression = header.table(3)
        self._codec = None if compression is None else _CODECS[compression.number(0, "<B")]
        self._variadic = iter(header.structs(4, "<q"))
        self._content = content
        self._dictionaries = dictionaries
        self._budget = budget

    def columns(self, fields: tuple[ArrowField, ...]) -> list[Column]:
        """Return all columns, each of as many rows as the batch says."""
        columns = [self._column(field) for field in fields]
        if any(len(column) != self._rows for column in columns):
            raise ValueError
        return columns

    def _column(self, field: ArrowField) -> Column:
        if field.dictionary is None:
            return self.values(field)
        count, valid = self._node()
        indices = self._integers(field.index, count)
        values = self._dictionaries.get(field.dictionary, [])
        if not len(values):  # below a null struct, an index need not say anything
            valid = np.zeros(count, bool)
        used = indices if valid is None else indices[valid]
        if (used < 0).any():
            raise ValueError
        self._budget.take(count * _BYTES_OF_NOTHING + _bytes_of_all(values, used))
        if isinstance(values, np.ndarray) and len(values):
            return _with_nulls(values[indices if valid is None else np.where(valid, indices, 0)], valid)
        there = itertools.repeat(True) if valid is None else valid
        return [values[index] if known else None for index, known in zip(indices.tolist(), there, strict=False)]

    def values(self, field: ArrowField) -> Column:
        """Return the next column, of the field's own type even where the field holds a dictionary's indices."""
        read_kind = _READERS.get(field.kind)
        if read_kind is None:
            kind = field.kind
            msg = f"Column {field.name!r} has the Arrow type {kind}: send numbers, booleans, text, or lists of them."
            raise InvalidInputError(msg)
        if field.kind == "null":
            count, _ = next(self._nodes)
            return self._nothing(field, count)
        count, valid = self._node()
        return _with_nulls(read_kind(self, field, count), valid)

    def _node(self) -> tuple[int, np.ndarray[Any, Any] | None]:
        """Return how many values follow, and which of them are there; ``None`` if all are."""
        count, nulls = next(self._nodes)
        validity = self._buffer()
        if count < 0:
            raise ValueError
        return count, self._bits(validity, count) if nulls else None

    def _buffer(self) -> Bytes:
        offset, size = next(self._buffers)
        if offset < 0 or size < 0 or offset + size > len(self._content):
            raise ValueError
        data = self._content[offset : offset + size]
        if self._codec is None or not size:
            return data
        unpacked = read("<q", data, 0)
        if unpacked == -1:
            return data[8:]
        if unpacked < 0:
            raise ValueError
        self._budget.take(unpacked)
        return _unpack(self._codec, data[8:], unpacked)

    def _integers(self, dtype: np.dtype[Any] | None, count: int) -> np.ndarray[Any, Any]:
        data = self._buffer()
        numbers = np.frombuffer(data, dtype, count) if count else np.zeros(0, dtype)
        return numbers if numbers.flags.aligned else numbers.copy()

    def _bits(self, data: Bytes, count: int) -> np.ndarray[Any, Any]:
        self._budget.take(count)
        packed = np.frombuffer(data, np.uint8, (count + 7) // 8) if count else np.zeros(0, np.uint8)
        return np.unpackbits(packed, count=count, bitorder="little").astype(bool)

    def _offsets(self, field: ArrowField, count: int) -> np.ndarray[Any, Any]:
        dtype = np.dtype("<i8" if field.kind.startswith("large") else "<i4")
        data = self._buffer()
        offsets = np.frombuffer(data, dtype, count + 1) if count else np.zeros(1, dtype)
        if offsets[0] < 0 or (offsets[1:] < offsets[:-1]).any():
            raise ValueError
        return offsets

    def _child(self, field: ArrowField) -> Column:
        (child,) = field.children
        return self._column(child)

    # One method for each kind of field: each returns ``count`` values, nulls among them or not.

    def _numbers(self, field: ArrowField, count: int) -> Column:
        return self._integers(field.dtype, count)

    def _times(self, field: ArrowField, count: int) -> Column:
        texts = np.datetime_as_string(self._integers(field.dtype, count)).tolist()
        return [None if text == "NaT" else text for text in texts]

    def _dates(self, field: ArrowField, count: int) -> Column:
        texts = np.datetime_as_string(self._integers(field.dtype, count).astype("<M8[D]")).tolist()
        return [None if text == "NaT" else text for text in texts]

    def _booleans(self, field: ArrowField, count: int) -> Column:
        return self._bits(self._buffer(), count)

    def _texts(self, field: ArrowField, count: int) -> Column:
        offsets, data = self._offsets(field, count), self._buffer()
        if offsets[-1] > len(data):
            raise ValueError
        return [str(data[start:stop], "utf-8") for start, stop in itertools.pairwise(offsets.tolist())]

    def _text_views(self, field: ArrowField, count: int) -> Column:
        """Read texts of up to 12 bytes from the views themselves, and others from where their view points."""
        views = self._buffer()
        (more,) = next(self._variadic)
        buffers = [self._buffer() for _ in range(more)]
        texts = []
        for position in range(0, 16 * count, 16):
            size = read("<i", views, position)
            source, start = views, position + 4
            if size > 12:
                source, start = buffers[read("<I", views, position + 8)], read("<I", views, position + 12)
            if not 0 <= size <= len(source) - start:
                raise ValueError
            self._budget.take(size)
            texts.append(str(source[start : start + size], "utf-8"))
        return texts

    def _variable_lists(self, field: ArrowField, count: int) -> Column:
        return _lists(self._offsets(field, count), self._child(field))

    def _fixed_lists(self, field: ArrowField, count: int) -> Column:
        self._budget.take(count * _BYTES_OF_NOTHING)
        return _lists(np.arange(count + 1) * field.size, self._child(field))

    def _structs(self, field: ArrowField, count: int) -> Column:
        names = [child.name for child in field.children]
        self._budget.take(count * (_BYTES_OF_NOTHING + sys.getsizeof(dict.fromkeys(names))))
        columns = [self._column(child) for child in field.children]
        lists = [column.tolist() if isinstance(column, np.ndarray) else column for column in columns]
        if any(len(column) != count for column in lists):
            raise ValueError
        return [{name: column[row] for name, column in zip(names, lists, strict=True)} for row in range(count)]

    def _nothing(self, field: ArrowField, count: int) -> Column:
        self._budget.take(count * _BYTES_OF_NOTHING)
        return [None] * count


_READERS = {
    "int": _BatchReader._numbers,
    "float": _BatchReader._numbers,
    "timestamp": _BatchReader._times,
    "date": _BatchReader._dates,
    "bool": _BatchReader._booleans,
    "text": _BatchReader._texts,
    "large_text": _BatchReader._texts,
    "text_view": _BatchReader._text_views,
    "list": _BatchReader._variable_lists,
    "large_list": _BatchReader._variable_lists,
    "fixed_size_list": _BatchReader._fixed_lists,
    "struct": _BatchReader._structs,
    "null": _BatchReader._nothing,
}


def _bytes_of_all(values: Column, indices: np.ndarray[Any, Any]) -> int:
    """Return how many bytes the values at ``indices`` have, of which many rows may share one that is long."""
    if isinstance(values, np.ndarray):
        return len(indices) * bytes_per_row(values)
    sizes = np.array([bytes_per_row([value]) for value in values], np.int64)
    return int(sizes[indices].sum())


def _lists(offsets: np.ndarray[Any, Any], inner: Column) -> Column:
    """Return ``[rows, ...]`` if all lists are of one length, else one value per row."""
    if offsets[-1] > len(inner):
        raise ValueError
    lengths = np.diff(offsets)
    if isinstance(inner, np.ndarray) and (lengths == lengths[:1]).all():
        size = int(lengths[0]) if len(lengths) else 0
        return inner[offsets[0] : offsets[-1]].reshape(len(lengths), size, *inner.shape[1:])
    return [inner[start:stop] for start, stop in itertools.pairwise(offsets.tolist())]


def _with_nulls(values: Column, valid: np.ndarray[Any, Any] | None) -> Column:
    """Return values with nulls where they are not valid: NaN among numbers, ``None`` elsewhere."""
    if valid is None or valid.all():
        return values
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "iuf":
        numbers = values.astype(values.dtype if values.dtype.kind == "f" else np.float64)
        numbers[~valid] = np.nan
        return numbers
    return [value if there else None for value, there in zip(values, valid, strict=True)]


def _unpack(codec: str, data: Bytes, size: int) -> Bytes:
    try:
        import cramjam  # only few requests are compressed
    except ImportError:
        msg = f"The Arrow buffers are compressed with {codec}, which this server cannot read: write them uncompressed."
        raise InvalidInputError(msg) from None
    target = bytearray(size)
    try:
        unpacked = getattr(cramjam, codec).decompress_into(data, target)
    except cramjam.DecompressionError:
        unpacked = -1
    if unpacked != size:
        raise ValueError
    return memoryview(target)

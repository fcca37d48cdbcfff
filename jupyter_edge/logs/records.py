"""Records as Arrow: what is written to a spool, shipped to the engine, and read back there.

One payload is one Arrow IPC stream of one batch. Its columns are flat: ``time`` (milliseconds since the epoch),
``in.<column>``, ``out.<output>``, ``check_failures``, ``metadata.last_model``, ``metadata.pipeline_version``,
``metadata.elapsed``, ``metadata.dropped``. Who wrote the rows is not among them: the reader knows it better.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import arro3.core as arrow
import numpy as np
from arro3.io import write_ipc_stream

from jupyter_edge.core.arrow_template import Body, Templates
from jupyter_edge.core.records import Column, InferenceRecord

MAX_PAYLOAD = 4 << 20
"""Bytes of values from which on rows go to the next payload; a single row may still be larger."""

_UTF8 = arrow.DataType.utf8()
_TEXTS = arrow.DataType.list(arrow.Field("item", _UTF8))
_DICTIONARY = arrow.DataType.dictionary(arrow.DataType.int32(), _UTF8)
_SCALAR_BYTES = 16
_SMALL_PIECE = 2048  # of a column of so few bytes, to copy it is less work than to keep it apart
_templates = Templates()

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class _Values:
    """A column that is no plain array: numbers or texts, one to a row, or ``lengths`` of them to each row."""

    flat: Array | list[Any]
    lengths: Array | None


Columns = dict[str, Array | _Values]
Schema = list[tuple[str, Any, Any]]


def size_of(record: InferenceRecord) -> int:
    """Return about how many bytes a record's values take."""
    size = record.rows * _SCALAR_BYTES
    for columns in (record.inputs, record.outputs):
        for column in columns.values():
            size += column.nbytes if type(column) is np.ndarray else _size_of_list(column)
    return size


def group(records: Iterable[InferenceRecord], limit: int = MAX_PAYLOAD) -> Iterator[list[InferenceRecord]]:
    """Cut records, in order, into runs of about ``limit`` bytes; larger records are cut by rows."""
    run: list[InferenceRecord] = []
    size = 0
    for record in records:
        more = size_of(record)
        if run and size + more > limit:
            yield run
            run, size = [], 0
        if more > limit and record.rows > 1:
            yield from ([piece] for piece in _split(record, max(1, record.rows * limit // more)))
            continue
        run.append(record)
        size += more
    if run:
        yield run


def encode(records: Iterable[InferenceRecord]) -> Iterator[tuple[int, bytes]]:
    """Yield rows and payload for each run of records that have the same schema, in order."""
    return ((rows, b"".join(parts)) for rows, parts in encode_in_parts(records))


def encode_in_parts(records: Iterable[InferenceRecord]) -> Iterator[tuple[int, list[Any]]]:
    """Do as ``encode``, but leave the numbers where they are: a payload is given in parts."""
    run: list[InferenceRecord] = []
    run_columns: list[Columns] = []
    run_schema: Schema = []
    for record in records:
        columns = _columns(record)
        schema = [(name, *_form(column)) for name, column in columns.items()]
        if run and not (schema == run_schema and _same_metadata(record, run[-1])):
            yield _encode_run(run, run_columns)
            run, run_columns = [], []
        run_schema = schema
        run.append(record)
        run_columns.append(columns)
    if run:
        yield _encode_run(run, run_columns)


def _size_of_list(column: Any) -> int:
    if isinstance(column, np.ndarray) and column.dtype != object:
        return int(column.nbytes)
    if isinstance(column, str):
        return len(column)
    if isinstance(column, list | tuple | np.ndarray):
        nested = len(column) > 0 and isinstance(column[0], list | tuple | np.ndarray | str)
        return sum(map(_size_of_list, column)) if nested else _SCALAR_BYTES * len(column)
    return _SCALAR_BYTES


def _split(record: InferenceRecord, rows: int) -> Iterator[InferenceRecord]:
    for start in range(0, record.rows, rows):
        yield _cut(record, start, min(start + rows, record.rows))


def _cut(record: InferenceRecord, start: int, stop: int) -> InferenceRecord:
    return replace(
        record,
        rows=stop - start,
        inputs={name: column[start:stop] for name, column in record.inputs.items()},
        outputs={name: column[start:stop] for name, column in record.outputs.items()},
        check_failures=record.check_failures[start:stop],
    )


def _columns(record: InferenceRecord) -> Columns:
    columns: Columns = {}
    for prefix, group_columns in (("in.", record.inputs), ("out.", record.outputs)):
        for name, column in group_columns.items():
            if isinstance(column, np.ndarray) and column.dtype.kind in "fiub":
                native = column if column.dtype.isnative else column.astype(column.dtype.newbyteorder("="))
                columns[prefix + name] = native
            else:
                columns[prefix + name] = _values(column)
    return columns


def _same_metadata(record: InferenceRecord, other: InferenceRecord) -> bool:
    return (
        record.last_model == other.last_model
        and record.pipeline_version == other.pipeline_version
        and record.dropped == other.dropped
        and len(record.elapsed) == len(other.elapsed)
    )


def _form(column: Array | _Values) -> tuple[Any, Any]:
    if isinstance(column, _Values):
        return ("text" if isinstance(column.flat, list) else column.flat.dtype.str), column.lengths is None
    return column.dtype, column.shape[1:]


def _values(column: Column) -> _Values:
    values = column.tolist() if isinstance(column, np.ndarray) else column
    if all(value is None or isinstance(value, str) for value in values):
        return _Values(values, None)
    if all(isinstance(value, list | tuple | np.ndarray) for value in values):
        return _values_of_lists([_array(value) for value in values])
    scalars = _array([np.nan if value is None else value for value in values])
    if scalars.ndim == 1 and scalars.dtype.kind in "fiub":
        return _Values(scalars, None)
    return _Values([value if value is None else _as_text(value) for value in values], None)


def _values_of_lists(rows: list[Array]) -> _Values:
    lengths = np.array([row.size for row in rows])
    if all(row.dtype.kind in "fiub" for row in rows):
        return _Values(np.concatenate([row.reshape(-1) for row in rows]), lengths)
    return _Values([_as_text(value) for row in rows for value in row.reshape(-1)], lengths)


def _array(value: Any) -> Array:
    """Return numbers as an array of numbers, and all else as an array of objects."""
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        objects = np.empty(len(value), dtype=object)
        for index, item in enumerate(value):
            objects[index] = item
        return objects
    return array if array.dtype.kind in "fiub" else np.asarray(value, dtype=object)


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value.tolist() if hasattr(value, "tolist") else value, default=str)


def _encode_run(records: list[InferenceRecord], run_columns: list[Columns]) -> tuple[int, list[Any]]:
    counts = np.array([record.rows for record in records])
    rows = int(counts.sum())
    times = np.repeat(np.array([record.time for record in records], np.int64), counts)
    elapsed = np.repeat(np.array([record.elapsed for record in records], np.uint64), counts, axis=0)
    body = Body(rows)
    if _add_plain(body, records, run_columns, times, elapsed):
        return rows, _templates.fill(body, lambda: _by_library(records, run_columns, times, elapsed))
    return rows, [_by_library(records, run_columns, times, elapsed)]


def _add_plain(
    body: Body, records: list[InferenceRecord], run_columns: list[Columns], times: Array, elapsed: Array
) -> bool:
    """Add columns to a record batch's body as ``_by_library`` writes them; return ``False`` for what only that can."""
    first = records[0]
    if first.dropped or any(any(record.check_failures) for record in records):
        return False
    body.layout += (first.last_model, first.pipeline_version)
    _add_numbers(body, "time", [times])
    for name, column in run_columns[0].items():
        pieces: list[Any] = [columns[name] for columns in run_columns]
        if isinstance(column, _Values) or column.dtype.kind == "b":
            return False
        if [len(piece) for piece in pieces] != [record.rows for record in records]:
            return False
        _add_numbers(body, name, pieces)
    _add_no_texts(body)
    for _ in ("metadata.last_model", "metadata.pipeline_version"):
        body.add_array(body.rows, np.zeros(body.rows, np.int32))
    _add_numbers(body, "metadata.elapsed", [elapsed])
    _add_no_texts(body)
    return True


def _add_numbers(body: Body, name: str, pieces: list[Any]) -> None:
    first = pieces[0]
    body.layout += (name, first.dtype.str, first.shape[1:])
    if first.dtype == np.float16:
        pieces = [piece.astype(np.float32) for piece in pieces]
    if first.ndim > 1:
        size = math.prod(first.shape[1:])
        body.add_array(body.rows, np.arange(body.rows + 1, dtype=np.int32) * np.int32(size))
    if len(pieces) > 1 and first.nbytes < _SMALL_PIECE:
        pieces = [np.concatenate(pieces)]
    body.add_pieces(sum(piece.size for piece in pieces), [np.ascontiguousarray(piece) for piece in pieces])


def _add_no_texts(body: Body) -> None:
    body.add_array(body.rows, np.zeros(body.rows + 1, np.int32))
    body.add_array(0, bytes(4), b"")


def _by_library(records: list[InferenceRecord], run_columns: list[Columns], times: Array, elapsed: Array) -> bytes:
    first, rows = records[0], len(times)
    columns = {"time": arrow.Array.from_numpy(times)}
    for name in run_columns[0]:
        columns[name] = _join([columns_of_one[name] for columns_of_one in run_columns])
    columns["check_failures"] = _lists_of_texts(
        [row for record in records for row in record.check_failures or [[]] * record.rows]
    )
    columns["metadata.last_model"] = _repeated(first.last_model, rows)
    columns["metadata.pipeline_version"] = _repeated(first.pipeline_version, rows)
    columns["metadata.elapsed"] = _lists(elapsed, np.full(rows, len(first.elapsed)))
    columns["metadata.dropped"] = _lists_of_texts([first.dropped] * rows)
    schema = arrow.Schema([arrow.Field(name, array.type) for name, array in columns.items()])
    buffer = io.BytesIO()
    write_ipc_stream(arrow.RecordBatch.from_arrays(list(columns.values()), schema=schema), buffer, compression=None)
    return buffer.getvalue()


def _join(parts: list[Any]) -> arrow.Array:
    if not isinstance(parts[0], _Values):
        array = np.concatenate(parts) if len(parts) > 1 else parts[0]
        lengths = None if array.ndim == 1 else np.full(len(array), array[:1].size)
        return _lists(array, lengths)
    lengths = None if parts[0].lengths is None else np.concatenate([part.lengths for part in parts])
    if isinstance(parts[0].flat, list):
        texts = arrow.Array(list(chain.from_iterable(part.flat for part in parts)), type=_UTF8)
        return texts if lengths is None else arrow.list_array(_offsets(lengths), texts, type=_TEXTS)
    return _lists(np.concatenate([part.flat for part in parts]), lengths)


def _lists(array: Array, lengths: Array | None) -> arrow.Array:
    flat = array.reshape(-1)
    if flat.dtype == np.float16:
        flat = flat.astype(np.float32)
    values = arrow.Array.from_numpy(np.ascontiguousarray(flat))
    if lengths is None:
        return values
    return arrow.list_array(_offsets(lengths), values, type=arrow.DataType.list(arrow.Field("item", values.type)))


def _lists_of_texts(rows: list[list[str]]) -> arrow.Array:
    if not any(rows):
        return arrow.list_array(_offsets(np.zeros(len(rows), np.int32)), arrow.Array([], type=_UTF8), type=_TEXTS)
    texts = arrow.Array(list(chain.from_iterable(rows)), type=_UTF8)
    return arrow.list_array(_offsets([len(row) for row in rows]), texts, type=_TEXTS)


def _offsets(lengths: Sequence[int] | Array) -> arrow.Array:
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return arrow.Array.from_numpy(offsets)


def _repeated(text: str, rows: int) -> arrow.Array:
    """Return a column that says the same in every row, stored once."""
    dictionary = arrow.Array([text], type=_UTF8).cast(_DICTIONARY)
    return dictionary.take(arrow.Array.from_numpy(np.zeros(rows, np.uint32)))

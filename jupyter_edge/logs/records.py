"""Records as Arrow: what is written to a spool, shipped to the engine, and read back there.

One payload is one Arrow IPC stream of one batch. Its columns are flat: ``time`` (milliseconds since the epoch),
``in.<column>``, ``out.<output>``, ``check_failures``, ``metadata.last_model``, ``metadata.pipeline_version``,
``metadata.elapsed``, ``metadata.dropped``. Who wrote the rows is not among them: the reader knows it better.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from jupyter_edge.core import arrow_columns as arrow
from jupyter_edge.core.arrow_ipc import write
from jupyter_edge.core.records import Column, InferenceRecord

MAX_PAYLOAD = 4 << 20
"""Bytes of values from which on rows go to the next payload; a single row may still be larger."""

_NO_TEXTS = arrow.texts("item", [])
_SCALAR_BYTES = 16
_SMALL_PIECE = 2048  # of a column of so few bytes, to copy it is less work than to keep it apart

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
    first = records[0]
    counts = [record.rows for record in records]
    rows = sum(counts)
    times = np.repeat(np.array([record.time for record in records], np.int64), counts)
    elapsed = np.repeat(np.array([record.elapsed for record in records], np.uint64), counts, axis=0)
    failures: list[list[str]] = []
    if any(any(record.check_failures) for record in records):
        failures = [row for record in records for row in record.check_failures or [[]] * record.rows]
    columns = [
        arrow.numbers("time", times),
        *(_joined(name, [columns[name] for columns in run_columns]) for name in run_columns[0]),
        _lists_of_texts("check_failures", failures, rows),
        arrow.repeated("metadata.last_model", first.last_model, rows),
        arrow.repeated("metadata.pipeline_version", first.pipeline_version, rows),
        _joined("metadata.elapsed", [elapsed]),
        _lists_of_texts("metadata.dropped", [first.dropped] * rows if first.dropped else [], rows),
    ]
    return rows, write(rows, columns, as_file=False)


def _joined(name: str, parts: list[Any]) -> arrow.Column:
    first, pieces = parts[0], parts
    places: Array | None = None
    if isinstance(first, _Values):
        pieces = [part.flat for part in parts]
        if first.lengths is not None:
            places = arrow.offsets(chain.from_iterable(part.lengths for part in parts))
    elif first.ndim > 1:
        places = arrow.even_offsets(sum(map(len, parts)), math.prod(first.shape[1:]))
    item = name if places is None else "item"
    texts = isinstance(pieces[0], list)
    values = arrow.texts(item, list(chain.from_iterable(pieces))) if texts else _numbers(item, pieces)
    return values if places is None else arrow.lists(name, places, values)


def _numbers(name: str, pieces: list[Array]) -> arrow.Column:
    if pieces[0].dtype.char == "e":  # half precision
        pieces = [piece.astype(np.float32) for piece in pieces]
    if len(pieces) > 1 and pieces[0].nbytes < _SMALL_PIECE:
        pieces = [np.concatenate(pieces)]
    return arrow.numbers(name, *pieces)


def _lists_of_texts(name: str, values: list[list[str]], rows: int) -> arrow.Column:
    """Return a list of texts for each row, or an empty one if there are no values at all."""
    if not values:
        return arrow.lists(name, arrow.even_offsets(rows, 0), _NO_TEXTS)
    return arrow.lists(name, arrow.offsets(map(len, values)), arrow.texts("item", list(chain.from_iterable(values))))

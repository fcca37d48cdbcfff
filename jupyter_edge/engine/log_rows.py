"""Rows of the log as Arrow tables: checked when they come in, brought to one schema when they are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from jupyter_edge.core.errors import InvalidInputError, TooLargeError
from jupyter_edge.core.flatbuffers import Table
from jupyter_edge.engine.log_tables import LogFile, LogSegment

Array = npt.NDArray[Any]

PARTITION = "metadata.partition"
MAX_REPEATED_BYTES = 1 << 28
_PREFIXES = ("in.", "out.", "out_")
_TEXTS = pa.list_(pa.string())
_FIXED = {
    "time": pa.int64(),
    "check_failures": _TEXTS,
    "metadata.last_model": pa.string(),
    "metadata.pipeline_version": pa.string(),
    "metadata.elapsed": pa.list_(pa.uint64()),
    "metadata.dropped": _TEXTS,
}
_NEEDED = f"A batch of the log needs rows and the columns {', '.join(_FIXED)}, without nulls."


def split(body: bytes) -> Iterator[bytes]:
    """Yield the Arrow IPC streams that follow one another in a body, each of which marks its own end.

    Raises:
        InvalidInputError: if the body is something else, or holds compressed buffers, which may unpack to anything.
    """
    source = pa.BufferReader(body)
    while (start := source.tell()) < len(body):
        try:
            compressed = any(list(map(_is_compressed, pa.ipc.MessageReader.open_stream(source))))
        except (pa.ArrowException, OSError, ValueError) as error:
            msg = f"The batch at byte {start} of the body is not an Arrow IPC stream: {error}"
            raise InvalidInputError(msg) from None
        if compressed:
            raise InvalidInputError(f"The batch at byte {start} of the body is compressed: send it as it is.")
        yield body[start : source.tell()]


def _is_compressed(message: pa.Message) -> bool:
    """Tell whether a message's flatbuffer (Arrow format, Message.fbs) names a codec for its buffers."""
    batch = Table.root(memoryview(message.metadata)).table(2)
    if message.type == "dictionary" and batch is not None:
        batch = batch.table(1)
    return message.type != "schema" and batch is not None and batch.table(3) is not None


def decode(payload: bytes) -> pa.Table:
    """Read what a spool holds: plain columns in the order of an answer, null where an input was left out.

    Raises:
        InvalidInputError: if it is not what ``logs.records`` writes.
        TooLargeError: if its repeated values take more than ``MAX_REPEATED_BYTES`` when written out.
    """
    try:
        table = pa.ipc.open_stream(payload).read_all()
        table.validate(full=True)
        _check(table.schema)
        table = _unpack(table)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        msg = f"A batch of the log is not an Arrow IPC stream: {error}"
        raise InvalidInputError(msg) from None
    if not table.num_rows or any(table.column(name).null_count for name in _FIXED):
        raise InvalidInputError(_NEEDED)
    return table


def _unpack(table: pa.Table) -> pa.Table:
    columns = {name: _plain(table.column(name)) for name in table.column_names}
    for path in columns["metadata.dropped"].combine_chunks().flatten().unique().to_pylist():
        if path and path.startswith(_PREFIXES):
            columns.setdefault(path, pa.nulls(table.num_rows))
    return pa.table({name: columns[name] for name in sorted(columns, key=_rank)})


def _rank(name: str) -> int:
    groups = ("time", "in", "out", "check_failures")
    group = name.partition(".")[0]
    return groups.index(group) if group in groups else 5 if group == "metadata" else 4


def _check(schema: pa.Schema) -> None:
    names = schema.names
    if {name: _plain_type(schema.field(name).type) for name in _FIXED if names.count(name) == 1} != _FIXED:
        raise InvalidInputError(_NEEDED)
    others = [field for field in schema if field.name not in _FIXED]
    odd = [field.name for field in others if not (field.name.startswith(_PREFIXES) and _is_loggable(field.type))]
    if odd or len(set(names)) < len(names):
        msg = f"A batch of the log has columns that are not known or come twice: {odd or names}."
        raise InvalidInputError(msg)


def _is_loggable(kind: pa.DataType) -> bool:
    value = kind.value_type if pa.types.is_list(kind) else kind
    checks = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string)
    return any(check(value) for check in checks)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_run_end_encoded(kind) else kind


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write out what is stored once for a run of rows, as far as that stays small."""
    if not pa.types.is_run_end_encoded(column.type):
        return column
    return pa.chunked_array([_written_out(chunk) for chunk in column.chunks], column.type.value_type)


def _written_out(chunk: pa.RunEndEncodedArray) -> pa.Array:
    values, lengths = chunk.values, np.diff(np.minimum(chunk.run_ends, len(chunk)), prepend=0)
    may_be_large = len(chunk) * values.nbytes > MAX_REPEATED_BYTES
    if may_be_large and np.dot(lengths.astype(float), _bytes_each(values)) > MAX_REPEATED_BYTES:
        msg = f"A batch of the log repeats more than {MAX_REPEATED_BYTES} bytes of values: send fewer rows at once."
        raise TooLargeError(msg)
    return values.take(pa.array(np.repeat(np.arange(len(values)), lengths)))


def _bytes_each(values: pa.Array) -> Array:
    """Return how many bytes each of some numbers, texts, or lists of them takes."""
    if pa.types.is_list(values.type):
        ends = np.concatenate([[0], np.cumsum(_bytes_each(values.values))])
        return np.asarray(np.diff(ends[values.offsets]) + 4)
    if pa.types.is_string(values.type):
        return np.asarray(pc.add(pc.binary_length(values).fill_null(0), 4))
    return np.full(len(values), values.type.byte_width)


def times_of(table: pa.Table) -> tuple[int, int]:
    """Return the earliest and the latest time of a table's rows."""
    bounds = pc.min_max(table.column("time"))
    return bounds["min"].as_py(), bounds["max"].as_py()


def widen(known: pa.Schema, new: pa.Schema) -> pa.Schema | None:
    """Return the schema that holds the rows of both; ``None`` if their columns differ in more than width."""
    if set(known.names) != set(new.names):
        return None
    try:
        return pa.unify_schemas([known, new], promote_options="permissive")
    except pa.ArrowTypeError:
        return None


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the columns that ``schema`` names, in its types."""
    columns = []
    for field in schema:
        column = table.column(field.name)
        if pa.types.is_null(column.type):
            column = pa.chunked_array([pa.nulls(len(column), field.type)])
        columns.append(column if column.type == field.type else column.cast(field.type))
    return pa.table(columns, schema=schema)


@dataclass(frozen=True)
class Segment:
    """A run of rows of one partition; ``file`` is the Parquet file that holds it, if it was compacted."""

    id: int
    partition_id: int
    schema_id: int
    start: int
    rows: int
    min_time: int
    max_time: int
    size: int
    received_at: datetime
    row_group: int | None
    file: str | None


def find_segments(*criteria: ColumnElement[bool]) -> Select[Any]:
    """Return the statement that finds segments; ``Segment(*row)`` reads its rows."""
    names = [field.name for field in fields(Segment)][:-1]
    columns = [getattr(LogSegment, name) for name in names]
    return select(*columns, LogFile.name).outerjoin(LogFile, LogFile.id == LogSegment.file_id).where(*criteria)


def load(session: Session, folder: Path, segment: Segment, schema: pa.Schema) -> pa.Table:
    """Read the columns of a segment that ``schema`` names, in its types.

    Raises:
        FileNotFoundError: if the segment was compacted or removed meanwhile.
    """
    if segment.file:
        with pq.ParquetFile(folder / segment.file) as parquet:
            return conform(parquet.read_row_group(segment.row_group, columns=schema.names), schema)
    payload = session.scalar(select(LogSegment.payload).where(LogSegment.id == segment.id))
    if payload is None:
        raise FileNotFoundError(f"log segment {segment.id}")
    return conform(_unpack(pa.ipc.open_stream(payload).read_all()), schema)


def read_schema(fields: bytes) -> pa.Schema:
    """Read a schema as ``log_schema`` keeps it."""
    return pa.ipc.read_schema(pa.py_buffer(fields))

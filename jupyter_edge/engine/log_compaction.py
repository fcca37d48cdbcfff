"""Keep the log small and quick to read: received batches become Parquet files, old files go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import chain, takewhile
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from jupyter_edge.core.files import sync
from jupyter_edge.engine import log_rows
from jupyter_edge.engine.database import Sessions
from jupyter_edge.engine.log_rows import PARTITION, Segment
from jupyter_edge.engine.log_tables import LogFile, LogPartition, LogSchema, LogSegment, RequestCount

MAX_GROUP_ROWS = 1 << 16
MAX_GROUP_BYTES = 32 << 20
MAX_FILE_BYTES = 256 << 20
SMALL_FILE_BYTES = 16 << 20
MANY_FILES = 8

_Key = tuple[int, int, date]


def compact(sessions: Sessions, folder: Path, go_on: Callable[[], bool] = lambda: True) -> int:
    """Move all batches as received into Parquet files, and merge small files of a day; return how many were made.

    What is left once ``go_on`` is false stays as it is for the next time.

    A file is on disk under its name before one transaction puts it in the place of what it replaces; a crash leaves
    at most files that nothing names, for ``sweep``.
    """
    with sessions() as session:
        groups = _groups(session)
    parts = ((key, segments) for key, group in groups for segments in _cut(group))
    return sum(_write(sessions, folder, *part) for part in takewhile(lambda _: go_on(), parts))


def _groups(session: Session) -> list[tuple[_Key, list[Segment]]]:
    """Return received batches, and small files if there are many, by pipeline, schema and day."""
    statement = log_rows.find_segments(LogSegment.file_id.is_(None)).add_columns(LogPartition.pipeline_id)
    found: dict[_Key, list[Segment]] = defaultdict(list)
    for *row, pipeline_id in session.execute(statement.join(LogPartition)):
        segment = Segment(*row)
        day = datetime.fromtimestamp(_clamp(segment.min_time) / 1000, UTC).date()
        found[pipeline_id, segment.schema_id, day].append(segment)
    by_day = (LogFile.pipeline_id, LogFile.schema_id, LogFile.day)
    small = LogFile.size < SMALL_FILE_BYTES
    many = select(*by_day).where(small).group_by(*by_day).having(func.count() >= MANY_FILES)
    for pipeline_id, schema_id, day in session.execute(many).all():
        same = (LogFile.pipeline_id == pipeline_id, LogFile.schema_id == schema_id, LogFile.day == day)
        rows = session.execute(log_rows.find_segments(small, *same))
        found[pipeline_id, schema_id, day] += [Segment(*row) for row in rows]
    return list(found.items())


def _clamp(time: int) -> int:
    """Return a time that has a date, whatever an edge's clock says."""
    return min(max(time, 0), 253_402_300_799_000)


def _cut(segments: list[Segment]) -> Iterator[list[Segment]]:
    """Cut what goes into files of about ``MAX_FILE_BYTES``; a file that is replaced goes whole into one of them."""
    units: dict[object, list[Segment]] = defaultdict(list)
    for segment in segments:
        units[segment.file or segment.id].append(segment)
    part: list[Segment] = []
    for unit in units.values():
        if part and sum(segment.size for segment in chain(part, unit)) > MAX_FILE_BYTES:
            yield part
            part = []
        part += unit
    yield part


def _write(sessions: Sessions, folder: Path, key: _Key, segments: list[Segment]) -> int:
    pipeline_id, schema_id, day = key
    replaced = {segment.file for segment in segments if segment.file}
    name = f"{pipeline_id}/{day.isoformat()}-{uuid4().hex}.parquet"
    with sessions() as session:
        schema = log_rows.read_schema(session.scalars(select(LogSchema.fields).where(LogSchema.id == schema_id)).one())
        made = _write_file(session, folder, name, schema, segments)
    received_at = max(segment.received_at for segment in segments)
    with sessions.begin() as session:
        file = LogFile(pipeline_id=pipeline_id, schema_id=schema_id, day=day, name=name, received_at=received_at)
        file.size = (folder / name).stat().st_size
        session.add(file)
        session.flush()
        for new in made:
            new.file_id = file.id
        session.add_all(made)
        for segment in segments:
            session.execute(delete(LogSegment).where(LogSegment.id == segment.id))
        _forget(session, replaced)
    for old in replaced:
        (folder / old).unlink(missing_ok=True)
    return 1


def _write_file(
    session: Session, folder: Path, name: str, schema: pa.Schema, segments: list[Segment]
) -> list[LogSegment]:
    """Write a row group for each run of rows that follow one another in a partition; return the segments they are."""
    names = dict(session.execute(select(LogPartition.id, LogPartition.name)).all())
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    made = []
    with pq.ParquetWriter(unfinished, schema.append(pa.field(PARTITION, pa.string())), compression="zstd") as writer:
        for group, run in enumerate(_runs(segments)):
            table = pa.concat_tables([log_rows.load(session, folder, segment, schema) for segment in run])
            first = run[0]
            column = pa.repeat(names[first.partition_id], table.num_rows)
            writer.write_table(table.append_column(PARTITION, column), row_group_size=table.num_rows)
            made.append(
                LogSegment(
                    partition_id=first.partition_id,
                    schema_id=first.schema_id,
                    start=first.start,
                    rows=table.num_rows,
                    min_time=min(segment.min_time for segment in run),
                    max_time=max(segment.max_time for segment in run),
                    size=sum(segment.size for segment in run),
                    received_at=max(segment.received_at for segment in run),
                    row_group=group,
                )
            )
    sync(unfinished)
    unfinished.rename(path)
    sync(path.parent)
    return made


def _runs(segments: list[Segment]) -> Iterator[list[Segment]]:
    run: list[Segment] = []
    rows = size = 0
    for segment in sorted(segments, key=lambda segment: (segment.partition_id, segment.start)):
        follows = run and (segment.partition_id, segment.start) == (run[0].partition_id, run[0].start + rows)
        if run and not (follows and rows + segment.rows <= MAX_GROUP_ROWS and size + segment.size <= MAX_GROUP_BYTES):
            yield run
            run, rows, size = [], 0, 0
        run.append(segment)
        rows += segment.rows
        size += segment.size
    yield run


def _forget(session: Session, names: Iterable[str]) -> None:
    for name in names:
        file_id = select(LogFile.id).where(LogFile.name == name).scalar_subquery()
        session.execute(delete(LogSegment).where(LogSegment.file_id == file_id))
        session.execute(delete(LogFile).where(LogFile.name == name))


def prune(sessions: Sessions, folder: Path, oldest: datetime, max_bytes: int) -> int:
    """Remove what was received before ``oldest``, then the oldest files while the rest is too large; return the files.

    The age is that of the arrival: an edge's clock may say anything.
    """
    with sessions.begin() as session:
        session.execute(delete(LogSegment).where(LogSegment.file_id.is_(None), LogSegment.received_at < oldest))
        session.execute(delete(RequestCount).where(RequestCount.time < oldest.timestamp() * 1000))
        doomed, kept_bytes = [], 0
        for file in session.scalars(select(LogFile).order_by(LogFile.received_at.desc(), LogFile.id.desc())):
            kept_bytes += file.size
            if file.received_at < oldest or kept_bytes > max_bytes:
                doomed.append(file.name)
        _forget(session, doomed)
    for name in doomed:
        (folder / name).unlink(missing_ok=True)
    return len(doomed)

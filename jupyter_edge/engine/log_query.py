"""Read the log in pages: by time over all partitions, each row once, however many arrive meanwhile.

A page holds rows whose wanted columns are the same. Of each partition it takes the next rows in the order of their
positions, so that a position for each partition says exactly what is left; between partitions rows are merged by time.
Only the segments that a page can need are opened: first their times, where they differ, then the wanted columns.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from sqlalchemy import select
from sqlalchemy.orm import Session

from jupyter_edge.engine import log_rows
from jupyter_edge.engine.log_rows import PARTITION, Segment
from jupyter_edge.engine.log_tables import LogPartition, LogSchema, LogSegment

MAX_PAGE_BYTES = 100 << 20
Status = Literal["All", "RecordLimited", "ByteLimited", "SchemaChange"]
_TIME = pa.schema([("time", pa.int64())])
_SEGMENTS_AT_ONCE = 256
_FAR_PAST, _FAR_FUTURE = -(1 << 63), (1 << 63) - 1


@dataclass(frozen=True)
class Query:
    """Which rows of a pipeline's log.

    Args:
        pipeline_id: whose log.
        select: gets the columns that rows have and those of all rows of the log, and returns the wanted ones.
        limit: how many rows at most.
        descending: newest first, else oldest first.
        first: earliest time in milliseconds since the epoch, inclusive.
        last: latest time, inclusive.
        positions: where the page before ended, by partition; empty for the first page.
        partitions: the names of those whose rows are wanted; ``None`` for all.
        max_bytes: about how large the page may become; one row is always returned.
    """

    pipeline_id: int
    select: Callable[[list[str], list[str]], list[str]]
    limit: int = 1000
    descending: bool = False
    first: int = _FAR_PAST
    last: int = _FAR_FUTURE
    positions: dict[str, int] = field(default_factory=dict)
    partitions: list[str] | None = None
    max_bytes: int = MAX_PAGE_BYTES


@dataclass(frozen=True)
class Page:
    """Rows, why they end where they do, and where each partition's next page begins."""

    rows: pa.Table
    status: Status
    positions: dict[str, int]


@dataclass
class _Scan:
    """One partition on the way through its segments; ``key`` never falls, whatever the writer's clock does."""

    name: str
    position: int
    segments: Iterator[Segment]
    key: int = _FAR_PAST


@dataclass(frozen=True)
class _Piece:
    """Rows of one segment that the page may take: their offsets in scan order, and the keys they are merged by."""

    scan: _Scan
    segment: Segment
    offsets: np.ndarray[Any, Any]
    keys: np.ndarray[Any, Any]


def read_page(session: Session, folder: Path, query: Query) -> Page:
    """Return the next rows.

    Raises:
        FileNotFoundError: if rows were compacted while they were read: read again.
    """
    return _Reader(session, folder, query).read()


class _Reader:
    def __init__(self, session: Session, folder: Path, query: Query) -> None:
        self._session = session
        self._folder = folder
        self._query = query
        owned = LogSchema.pipeline_id == query.pipeline_id
        schemas = {
            schema.id: log_rows.read_schema(schema.fields) for schema in session.scalars(select(LogSchema).where(owned))
        }
        known = [*dict.fromkeys(name for schema in schemas.values() for name in schema.names), PARTITION]
        self._views = {number: _view(schema, query, known) for number, schema in schemas.items()}
        self._scans = [self._scan(partition) for partition in self._partitions()]
        self._heap: list[tuple[int, int, Segment]] = []
        self._view: pa.Schema | None = None
        self._blocked = False

    def read(self) -> Page:
        for index in range(len(self._scans)):
            self._push(index)
        pieces = self._gather()
        view = self._view
        if view is None:
            return Page(pa.table({}), "All", {scan.name: scan.position for scan in self._scans})
        owners = np.repeat(np.arange(len(pieces)), [len(piece.keys) for piece in pieces])
        order = np.argsort(np.concatenate([piece.keys for piece in pieces]), kind="stable")
        order = order[: self._query.limit]
        sizes = np.array([piece.segment.size / piece.segment.rows for piece in pieces])[owners[order]]
        fitting = max(1, int(np.searchsorted(np.cumsum(sizes), self._query.max_bytes, side="right")))
        status = self._status(len(order), fitting, more=len(owners) > len(order))
        order = order[:fitting]
        return Page(self._take(view, pieces, owners, order), status, {scan.name: scan.position for scan in self._scans})

    def _status(self, rows: int, fitting: int, *, more: bool) -> Status:
        if fitting < rows:
            return "ByteLimited"
        if rows == self._query.limit and (more or self._heap or self._blocked):
            return "RecordLimited"
        return "SchemaChange" if self._blocked else "All"

    def _partitions(self) -> list[LogPartition]:
        wanted = [LogPartition.pipeline_id == self._query.pipeline_id]
        if self._query.partitions is not None:
            wanted.append(LogPartition.name.in_(self._query.partitions))
        return list(self._session.scalars(select(LogPartition).where(*wanted).order_by(LogPartition.name)))

    def _scan(self, partition: LogPartition) -> _Scan:
        query = self._query
        default = 0 if query.positions or not query.descending else partition.end
        position = query.positions.get(partition.name, default)
        return _Scan(partition.name, position, self._segments(partition.id, position))

    def _segments(self, partition_id: int, position: int) -> Iterator[Segment]:
        """Yield the segments from a position on, in scan order, a few at a time."""
        down = self._query.descending
        start = LogSegment.start
        while True:
            ahead = start < position if down else start + LogSegment.rows > position
            found = self._session.execute(
                log_rows.find_segments(
                    LogSegment.partition_id == partition_id,
                    ahead,
                    LogSegment.max_time >= self._query.first,
                    LogSegment.min_time <= self._query.last,
                )
                .order_by(start.desc() if down else start)
                .limit(_SEGMENTS_AT_ONCE)
            ).all()
            segments = [Segment(*row) for row in found]
            yield from segments
            if len(segments) < _SEGMENTS_AT_ONCE:
                return
            position = segments[-1].start if down else segments[-1].start + segments[-1].rows

    def _push(self, index: int) -> None:
        """Put a partition's next segment on the heap, by the earliest key that a row of it can have."""
        scan = self._scans[index]
        segment = next(scan.segments, None)
        if segment is not None:
            key = -segment.max_time if self._query.descending else segment.min_time
            heapq.heappush(self._heap, (max(key, scan.key), index, segment))

    def _gather(self) -> list[_Piece]:
        """Return pieces that hold the page's rows: no row elsewhere can come before the last one of them."""
        pieces: list[_Piece] = []
        rows, check_at = 0, self._query.limit
        while self._heap:
            if rows >= check_at:
                settled = sum(int(np.searchsorted(piece.keys, self._heap[0][0], side="right")) for piece in pieces)
                if settled >= self._query.limit:
                    break
                check_at = rows + max(1, self._query.limit // 4)
            _, index, segment = heapq.heappop(self._heap)
            view = self._views[segment.schema_id]
            if self._view not in (None, view):
                self._blocked = True  # the partition goes on in another page
                continue
            piece = self._open(self._scans[index], segment)
            if len(piece.keys):
                self._view = view
                pieces.append(piece)
                rows += len(piece.keys)
            self._push(index)
        return pieces

    def _open(self, scan: _Scan, segment: Segment) -> _Piece:
        query = self._query
        if segment.min_time == segment.max_time:
            times = np.full(segment.rows, segment.min_time)
        else:
            table = log_rows.load(self._session, self._folder, segment, _TIME)
            times = table.column("time").to_numpy()
        offsets = np.arange(segment.rows)
        positions = segment.start + offsets
        ahead = positions < scan.position if query.descending else positions >= scan.position
        offsets = offsets[ahead & (times >= query.first) & (times <= query.last)]
        if query.descending:
            offsets = offsets[::-1]
        keys = times[offsets] * (-1 if query.descending else 1)
        keys = np.maximum.accumulate(np.maximum(keys, scan.key))
        if len(keys):
            scan.key = int(keys[-1])
        return _Piece(scan, segment, offsets, keys)

    def _take(
        self, view: pa.Schema, pieces: list[_Piece], owners: np.ndarray[Any, Any], order: np.ndarray[Any, Any]
    ) -> pa.Table:
        """Read the chosen rows, which are the first ones of each piece, and move the partitions on."""
        wanted = view.names
        own = pa.schema([field for field in view if field.name != PARTITION])
        counts = np.bincount(owners[order], minlength=len(pieces))
        used = [(piece, int(count)) for piece, count in zip(pieces, counts, strict=True) if count]
        for piece, count in used:
            last = piece.segment.start + int(piece.offsets[count - 1])
            piece.scan.position = last if self._query.descending else last + 1
        names = pa.array([piece.scan.name for piece in pieces])
        columns: dict[str, Any] = {PARTITION: names.take(pa.array(owners[order]))}
        if len(own):
            tables = [log_rows.load(self._session, self._folder, piece.segment, own) for piece, _ in used]
            starts = np.cumsum(
                [0, *(piece.segment.rows if count else 0 for piece, count in zip(pieces, counts, strict=True))]
            )
            places = np.concatenate([piece.offsets + start for piece, start in zip(pieces, starts[:-1], strict=True)])[
                order
            ]
            table = pa.concat_tables(tables).take(pa.array(places))
            columns |= zip(own.names, table.columns, strict=True)
        return pa.table({name: columns[name] for name in wanted})


def _view(schema: pa.Schema, query: Query, known: list[str]) -> pa.Schema:
    """Return the wanted columns of rows that have a schema; the partition's name is not stored with them."""
    whole = schema.append(pa.field(PARTITION, pa.string()))
    return pa.schema([whole.field(name) for name in query.select(whole.names, known)])

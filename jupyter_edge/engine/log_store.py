"""The engine's inference log: rows of replicas and edges, taken over exactly once, kept, and read in pages.

What needs pyarrow is imported when it is first used, so that an engine starts without it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.engine.database import Sessions
from jupyter_edge.engine.log_grid import Grid, TimeBucket
from jupyter_edge.engine.log_tables import LogFile, LogPartition, LogSegment, LogSource
from jupyter_edge.engine.tables import now
from jupyter_edge.logs.spool_reader import SpoolReader

if TYPE_CHECKING:
    from jupyter_edge.engine.log_query import Page, Query

_log = logging.getLogger(__name__)
Result = TypeVar("Result")

KEEP = timedelta(days=90)
KEEP_BYTES = 20 << 30
TIDY_SECONDS = 30.0
_READ_ATTEMPTS = 5


class LogStore:
    """The log of all pipelines of one engine; its methods may be called from any thread.

    Args:
        sessions: on the engine's database.
        folder: where Parquet files are kept, by pipeline and day.
    """

    def __init__(self, sessions: Sessions, folder: Path) -> None:
        self._sessions = sessions
        self._folder = folder
        self._ingesting = threading.Lock()
        self._tidying = threading.Lock()
        self._ending = False

    def ingest(self, source: LogSource, batches: Sequence[tuple[int, bytes]], dropped_rows: int | None = None) -> int:
        """Commit batches, given by rising number and payload, in one transaction; return how many were new.

        Args:
            source: who sends them.
            batches: payloads as ``logs.records`` encodes them.
            dropped_rows: how many rows the sender says it lost so far.

        Raises:
            InvalidInputError: if a payload is no batch of the log.
            EntityNotFoundError: if the pipeline does not exist.
        """
        from jupyter_edge.engine.log_ingest import ingest

        with self._ingesting:
            return ingest(self._sessions, source, batches, dropped_rows)

    def ingest_shipment(self, source: LogSource, sequence: Sequence[int], body: bytes, dropped_rows: int) -> int:
        """Commit the batches that follow one another in ``body``, numbered by ``sequence``; see ``ingest``."""
        from jupyter_edge.engine.log_rows import split

        payloads = list(split(body))
        if len(payloads) != len(sequence):
            msg = f"The body holds {len(payloads)} batches of the log, and its headers number {len(sequence)}."
            raise InvalidInputError(msg)
        return self.ingest(source, list(zip(sequence, payloads, strict=True)), dropped_rows)

    def drain(self, spool_path: Path, pipeline_id: int, go_on: Callable[[], bool] = lambda: True) -> int:
        """Take over what a replica's spool holds, and return how many batches were new. Raises as ``ingest`` does.

        What is written meanwhile may be left to the next call, so that it ends however fast a replica writes; all is
        left once ``go_on`` is false. Several may drain one spool at once: what one of them has committed is not new to
        the others.
        """
        new = 0
        with SpoolReader(spool_path) as reader:
            newest, position = reader.newest(), 0
            while position < newest and go_on() and (batches := reader.pending()):
                dropped = reader.dropped_rows()
                for (partition, epoch), part in groupby(batches, key=lambda batch: (batch.partition, batch.epoch)):
                    source = LogSource(pipeline_id, partition, epoch)
                    new += self.ingest(source, [(batch.seq, batch.payload) for batch in part], dropped)
                position = batches[-1].position
                reader.acknowledge(position)
        return new

    def partitions(self, pipeline_id: int) -> tuple[dict[str, tuple[int, int]], int]:
        """Return where each partition's positions start and end, and about how many bytes the rows take."""
        owned = LogPartition.pipeline_id == pipeline_id
        first, size = func.min(LogSegment.start), func.sum(LogSegment.size)
        statement = select(LogPartition.name, LogPartition.end, first, size).where(owned).group_by(LogPartition.id)
        with self._sessions() as session:
            rows = session.execute(statement.outerjoin(LogSegment)).all()
        spans = {name: (end if start is None else start, end) for name, end, start, _ in rows}
        return spans, sum(size or 0 for *_, size in rows)

    def totals(self, names: Sequence[str]) -> dict[tuple[int, str], tuple[int, int]]:
        """Return the rows that the named partitions logged and lost so far, by pipeline and name."""
        wanted = LogPartition.name.in_(names)
        columns = (LogPartition.pipeline_id, LogPartition.name, LogPartition.end, LogPartition.dropped_rows)
        with self._sessions() as session:
            rows = session.execute(select(*columns).where(wanted)).all()
        return {(pipeline_id, name): (logged, lost) for pipeline_id, name, logged, lost in rows}

    def read(self, query: Query) -> Page:
        """Return the next rows of a pipeline's log."""
        from jupyter_edge.engine.log_query import read_page

        return self._read(lambda session: read_page(session, self._folder, query))

    def timings(self, pipeline_id: int, partition: str | None, grid: Grid) -> list[TimeBucket]:
        """Return how much a pipeline was asked, and how long it took, in each stretch of a grid."""
        from jupyter_edge.engine.log_timings import read_timings

        return self._read(lambda session: read_timings(session, self._folder, pipeline_id, partition, grid))

    def count(self, pipeline_id: int, counts: dict[tuple[str, int], tuple[int, int]]) -> None:
        """Add requests, and errors among them, to those of a pipeline by partition and moment (ms since the epoch)."""
        from jupyter_edge.engine.log_timings import add_counts

        with self._sessions.begin() as session:
            add_counts(session, pipeline_id, counts)

    def _read(self, work: Callable[[Session], Result]) -> Result:
        """Return what ``work`` reads, also where rows move while it does."""
        for attempt in range(_READ_ATTEMPTS):
            try:
                with self._sessions() as session:
                    return work(session)
            except FileNotFoundError:  # compacted between the look at the tables and the look at the file
                if attempt == _READ_ATTEMPTS - 1:
                    raise
        raise AssertionError

    def compact(self) -> int:
        """Move received batches into Parquet files and merge small ones; return how many files were made."""
        from jupyter_edge.engine.log_compaction import compact

        with self._tidying:
            return compact(self._sessions, self._folder, lambda: not self._ending)

    def prune(self, keep: timedelta = KEEP, keep_bytes: int = KEEP_BYTES) -> int:
        """Remove what is older than ``keep``, and the oldest files beyond ``keep_bytes``; return how many files."""
        from jupyter_edge.engine.log_compaction import prune

        with self._tidying:
            return prune(self._sessions, self._folder, now() - keep, keep_bytes)

    async def tidy_for_ever(self) -> None:
        """Compact and prune now and then, until cancelled; what fails is logged and tried again."""
        try:
            while True:
                await asyncio.sleep(TIDY_SECONDS)
                for work in (self.compact, self.prune):
                    try:
                        await asyncio.to_thread(work)
                    except (OSError, SQLAlchemyError):
                        _log.exception("The inference log could not be tidied; it is tried again")
        finally:
            self._ending = True  # a thread cannot be cancelled, and the engine waits for it

    def sweep(self) -> None:
        """Remove files that nothing names: what a killed engine left half-done. For the start of an engine."""
        with self._tidying, self._sessions() as session:
            known = set(session.scalars(select(LogFile.name)))
            for path in self._folder.glob("*/*"):
                if path.relative_to(self._folder).as_posix() not in known:
                    path.unlink(missing_ok=True)

"""The inference log's tables: positions, what was received, and where the rows are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from jupyter_edge.engine.tables import Base, now

SLOT_MS = 10_000


@dataclass(frozen=True)
class LogSource:
    """Who sends batches: the partition of a pipeline's log, and the opening of the spool that numbers them."""

    pipeline_id: int
    partition: str
    epoch: str


class LogPartition(Base):
    """The rows that one writer, a replica or an edge, logged for a pipeline; their positions count from 0 to ``end``.

    ``dropped_rows`` is what an edge last said that it lost.
    """

    __tablename__ = "log_partition"
    __table_args__ = (UniqueConstraint("pipeline_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    pipeline_id: Mapped[int] = mapped_column(ForeignKey("pipeline.id", ondelete="CASCADE"))
    name: Mapped[str]
    end: Mapped[int] = mapped_column(BigInteger, default=0)
    dropped_rows: Mapped[int] = mapped_column(BigInteger, default=0)


class LogEpoch(Base):
    """The high-water mark of what a writer sent since it opened its spool: all up to ``seq`` is here."""

    __tablename__ = "log_epoch"
    partition_id: Mapped[int] = mapped_column(ForeignKey("log_partition.id", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, default=0)


class LogSchema(Base):
    """Columns that rows of a pipeline have in common, as a serialised Arrow schema; its types only ever widen."""

    __tablename__ = "log_schema"
    id: Mapped[int] = mapped_column(primary_key=True)
    pipeline_id: Mapped[int] = mapped_column(ForeignKey("pipeline.id", ondelete="CASCADE"), index=True)
    fields: Mapped[bytes] = mapped_column(LargeBinary)


class LogFile(Base):
    """A Parquet file with rows of one pipeline, day (UTC) and schema; ``name`` is its path in the log's folder."""

    __tablename__ = "log_file"
    id: Mapped[int] = mapped_column(primary_key=True)
    pipeline_id: Mapped[int] = mapped_column(ForeignKey("pipeline.id", ondelete="CASCADE"))
    schema_id: Mapped[int] = mapped_column(ForeignKey("log_schema.id", ondelete="CASCADE"))
    day: Mapped[date]
    name: Mapped[str] = mapped_column(unique=True)
    size: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime]


class RequestCount(Base):
    """The requests that one replica answered in a slot of ``SLOT_MS``, and those that it refused or failed on.

    ``time`` is the slot's start in milliseconds since the epoch. Refused requests have no rows in the log.
    """

    __tablename__ = "request_count"
    __table_args__ = ()
    pipeline_id: Mapped[int] = mapped_column(ForeignKey("pipeline.id", ondelete="CASCADE"), primary_key=True)
    partition: Mapped[str] = mapped_column(primary_key=True)
    time: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    answered: Mapped[int] = mapped_column(BigInteger)
    errors: Mapped[int] = mapped_column(BigInteger)


class LogSegment(Base):
    """A run of rows of one partition and schema: as received in ``payload``, or in a row group of a file."""

    __tablename__ = "log_segment"
    __table_args__ = (Index(None, "partition_id", "start"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    partition_id: Mapped[int] = mapped_column(ForeignKey("log_partition.id", ondelete="CASCADE"))
    schema_id: Mapped[int] = mapped_column(ForeignKey("log_schema.id", ondelete="CASCADE"))
    start: Mapped[int] = mapped_column(BigInteger)
    rows: Mapped[int]
    min_time: Mapped[int] = mapped_column(BigInteger)
    max_time: Mapped[int] = mapped_column(BigInteger)
    size: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime] = mapped_column(default=now)
    payload: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    file_id: Mapped[int | None] = mapped_column(ForeignKey("log_file.id", ondelete="CASCADE"), index=True)
    row_group: Mapped[int | None]

"""Take batches over into the log, each exactly once by its name (partition, epoch, seq)."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from jupyter_edge.core.errors import EntityNotFoundError, InvalidInputError
from jupyter_edge.engine import log_rows
from jupyter_edge.engine.database import Sessions
from jupyter_edge.engine.log_tables import LogEpoch, LogPartition, LogSchema, LogSegment, LogSource


def ingest(
    sessions: Sessions, source: LogSource, batches: Sequence[tuple[int, bytes]], dropped_rows: int | None
) -> int:
    """Commit the batches, given by number and payload in rising order, that are not here yet; return their count.

    Raises:
        InvalidInputError: if a payload is no batch of the log.
        EntityNotFoundError: if the pipeline does not exist.
    """
    tables = [(seq, payload, log_rows.decode(payload)) for seq, payload in batches]
    numbers = [seq for seq, _ in batches]
    if numbers != sorted(set(numbers)):
        raise InvalidInputError("The batches of the log are not in the order of their numbers.")
    try:
        with sessions.begin() as session:
            owner = _partition(session, source)
            mark = session.get(LogEpoch, (owner.id, source.epoch))
            if mark is None:
                mark = LogEpoch(partition_id=owner.id, epoch=source.epoch, seq=0)
                session.add(mark)
            new = [batch for batch in tables if batch[0] > mark.seq]
            schema_ids: dict[pa.Schema, int] = {}
            for seq, payload, table in new:
                if table.schema not in schema_ids:
                    schema_ids[table.schema] = _schema_id(session, owner.pipeline_id, table.schema)
                _add(session, owner, schema_ids[table.schema], payload, table)
                mark.seq = seq
            if dropped_rows is not None:
                owner.dropped_rows = dropped_rows
    except IntegrityError as error:
        msg = f"The log of pipeline {source.pipeline_id} cannot take rows: the pipeline does not exist."
        raise EntityNotFoundError(msg) from error
    return len(new)


def _partition(session: Session, source: LogSource) -> LogPartition:
    own = (LogPartition.pipeline_id == source.pipeline_id, LogPartition.name == source.partition)
    wanted = select(LogPartition).where(*own)
    found = session.scalar(wanted.with_for_update())
    if found is None:
        found = LogPartition(pipeline_id=source.pipeline_id, name=source.partition, end=0, dropped_rows=0)
        session.add(found)
        session.flush()
    return found


def _add(session: Session, owner: LogPartition, schema_id: int, payload: bytes, table: pa.Table) -> None:
    earliest, latest = log_rows.times_of(table)
    segment = LogSegment(
        partition_id=owner.id,
        schema_id=schema_id,
        start=owner.end,
        rows=table.num_rows,
        min_time=earliest,
        max_time=latest,
        size=table.nbytes,
        payload=payload,
    )
    session.add(segment)
    owner.end += table.num_rows


def _schema_id(session: Session, pipeline_id: int, schema: pa.Schema) -> int:
    """Return the schema that these rows fit, widened where needed; a new one if they fit none."""
    for known in session.scalars(select(LogSchema).where(LogSchema.pipeline_id == pipeline_id)):
        fields = log_rows.read_schema(known.fields)
        wider = log_rows.widen(fields, schema)
        if wider is not None:
            if wider != fields:
                known.fields = wider.serialize().to_pybytes()
            return known.id
    new = LogSchema(pipeline_id=pipeline_id, fields=schema.serialize().to_pybytes())
    session.add(new)
    session.flush()
    return new.id

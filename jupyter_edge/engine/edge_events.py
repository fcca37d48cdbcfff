"""The history of edges: when they joined, were lost, came back, stopped, and were removed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from jupyter_edge.engine.tables import Edge, EdgeEvent

KEPT_EVENTS = 10_000


def add_events(session: Session, edges: Sequence[Edge], kind: str) -> None:
    """Note that the same has happened to some edges, and forget what happened longest ago."""
    events = [EdgeEvent(edge_id=edge.id, edge_name=edge.name, kind=kind) for edge in edges]
    session.add_all(events)
    session.flush()
    if events:
        session.execute(delete(EdgeEvent).where(EdgeEvent.id <= events[-1].id - KEPT_EVENTS))


def list_events(session: Session, since: datetime | None, name: str | None, limit: int) -> list[EdgeEvent]:
    """Return what happened after a moment, or ever, to the edges of a name, or to all, newest first."""
    query = select(EdgeEvent).order_by(EdgeEvent.id.desc()).limit(limit)
    if since is not None:
        query = query.where(EdgeEvent.time > since)
    if name is not None:
        query = query.where(EdgeEvent.edge_name == name)
    return list(session.scalars(query))

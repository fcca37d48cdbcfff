"""Tell listeners what has changed: what the database's sessions commit, and what runs.

A listener gets one change for each thing since it was last told, however many there were; one that does not keep up is
told to look at everything again. So a listener costs bounded memory, and never makes anybody wait.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction, object_session

from jupyter_edge.engine.database import Sessions
from jupyter_edge.engine.log_tables import LogPartition
from jupyter_edge.engine.tables import (
    Deployment,
    Edge,
    Job,
    Model,
    ModelConfig,
    ModelVersion,
    Pipeline,
    PipelineVersion,
    Publish,
    Workspace,
)

PAUSE_SECONDS = 0.2
KEEP_ALIVE_SECONDS = 15.0
MAX_PENDING = 1000
MANY = 20
_PENDING, _WRITTEN = "jupyter_edge_pending", "jupyter_edge_written"
_STRENGTH = ("changed", "created", "deleted")

Action = Literal["created", "changed", "deleted"]


@dataclass(frozen=True)
class Change:
    """What happened to a thing: its kind (workspace, model, pipeline, deployment, publish, edge, job or log) and id.

    A log has the id of its pipeline. Without an id, several of the kind have changed; the kind ``all`` asks to look at
    everything again.
    """

    kind: str
    id: int | str | None
    action: Action
    workspace_id: int | None


EVERYTHING = Change("all", None, "changed", None)
_Changes = dict[tuple[str, int | str | None], Change]


class Events:
    """Hands changes on to those who listen; ``tell`` and ``close`` may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: set[_Listener] = set()
        self._closed = False

    def tell(self, changes: Iterable[Change]) -> None:
        """Tell all who listen, without waiting for them."""
        told = list(changes)
        with self._lock:
            for listener in self._listeners:
                listener.add(told)

    def close(self) -> None:
        """End the listening, now and from now on."""
        self._closed = True
        self.tell([EVERYTHING])

    async def listen(self) -> AsyncIterator[list[Change]]:
        """Yield changes as they come; nothing at the start, once all that follows is heard, and after each silence."""
        listener = _Listener()
        with self._lock:
            self._listeners.add(listener)
        try:
            yield []
            while not self._closed:
                yield await listener.wait()
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            with self._lock:
                self._listeners.discard(listener)


class _Listener:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._pending: _Changes = {}

    def add(self, changes: list[Change]) -> None:
        for change in changes:
            _merge(self._pending, change)
        if len(self._pending) > MAX_PENDING or EVERYTHING in changes:
            self._pending = {(EVERYTHING.kind, None): EVERYTHING}
        if changes:
            self._loop.call_soon_threadsafe(self._wake.set)

    async def wait(self) -> list[Change]:
        try:
            async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return []
        self._wake.clear()
        pending, self._pending = self._pending, {}
        return _shorten(list(pending.values()))


def _shorten(changes: list[Change]) -> list[Change]:
    """Tell of many things of a kind as one: a fleet's heartbeats are not worth a look each."""
    numbers = Counter(change.kind for change in changes)
    few = [change for change in changes if numbers[change.kind] <= MANY]
    return few + [Change(kind, None, "changed", None) for kind, number in numbers.items() if number > MANY]


def _merge(changes: _Changes, change: Change) -> None:
    """Note a change, unless what is noted of the thing says more: no id comes back once it was deleted."""
    key = (change.kind, change.id)
    known = changes.get(key)
    if known is None or _STRENGTH.index(known.action) < _STRENGTH.index(change.action):
        changes[key] = change


def watch(sessions: Sessions, tell: Callable[[Iterable[Change]], None]) -> None:
    """Tell of every change to a table that matters to a listener, once it is committed, and only then.

    Changes are seen that go through the session: as objects, or as UPDATE and DELETE of whole tables.
    """
    sessions.on("before_flush", _note_deleted)
    sessions.on("after_flush", _gather_written)
    sessions.on("after_flush_postexec", _note_written)
    sessions.on("do_orm_execute", _note_statement)
    sessions.on("after_rollback", lambda session: session.info.pop(_PENDING, None))
    sessions.on("after_commit", lambda session: tell(session.info.pop(_PENDING, {}).values()))


def _note_deleted(session: Session, _flush: UOWTransaction, _instances: object) -> None:
    for row in session.deleted:  # before they are gone, as their parents may go with them
        _note(session, row, "deleted")


def _gather_written(session: Session, _flush: UOWTransaction) -> None:
    written = [(row, "created") for row in session.new]
    written += [(row, "changed") for row in session.dirty if session.is_modified(row)]
    session.info[_WRITTEN] = written


def _note_written(session: Session, _flush: UOWTransaction) -> None:
    for row, action in session.info.pop(_WRITTEN):  # only now do new rows find their parents
        _note(session, row, action)


def _note_statement(execution: ORMExecuteState) -> None:
    mapper = execution.bind_mapper
    if mapper is None or mapper.class_ not in _PLACES or not (execution.is_update or execution.is_delete):
        return
    statement: Any = execution.statement
    rows = select(mapper.class_)
    if statement.whereclause is not None:
        rows = rows.where(statement.whereclause)
    for row in execution.session.scalars(rows):
        _note(execution.session, row, "deleted" if execution.is_delete else "changed")


def changed(row: Workspace | Model | Pipeline | Deployment | Publish | Edge | Job) -> Change:
    """Return what listeners are told where a thing is another than it was, and its row the same."""
    kind, number, workspace_id = _PLACES[type(row)](row)
    return Change(kind, number, "changed", workspace_id)


def _note(session: Session, row: object, action: Action) -> None:
    if place := _PLACES.get(type(row)):
        kind, number, workspace_id = place(row)
        own = "changed" if isinstance(row, _PARTS) else action
        _merge(session.info.setdefault(_PENDING, {}), Change(kind, number, own, workspace_id))


def _place_of_publish(publish: Publish) -> tuple[str, int, int]:
    return "publish", publish.id, publish.pipeline_version.pipeline.workspace_id


def _place_of_edge(edge: Edge) -> tuple[str, str, int]:
    return "edge", edge.id, _place_of_publish(edge.publish)[2]


def _place_of_log(partition: LogPartition) -> tuple[str, int, int | None]:
    session = object_session(partition)
    pipeline = session.get(Pipeline, partition.pipeline_id) if session else None
    return "log", partition.pipeline_id, pipeline.workspace_id if pipeline else None


_PARTS = (ModelVersion, ModelConfig, PipelineVersion, LogPartition)
_PLACES: dict[type, Callable[[Any], tuple[str, int | str, int | None]]] = {
    Workspace: lambda row: ("workspace", row.id, row.id),
    Model: lambda row: ("model", row.id, row.workspace_id),
    ModelVersion: lambda row: ("model", row.model_id, row.model.workspace_id),
    ModelConfig: lambda row: ("model", row.model_version.model_id, row.model_version.model.workspace_id),
    Pipeline: lambda row: ("pipeline", row.id, row.workspace_id),
    PipelineVersion: lambda row: ("pipeline", row.pipeline_id, row.pipeline.workspace_id),
    Deployment: lambda row: ("deployment", row.id, row.pipeline.workspace_id),
    Publish: _place_of_publish,
    Edge: _place_of_edge,
    Job: lambda row: ("job", row.id, None),
    LogPartition: _place_of_log,
}

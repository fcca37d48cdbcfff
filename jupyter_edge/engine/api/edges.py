"""Endpoints on edges."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, Field
from typing_extensions import TypedDict

from jupyter_edge.core.errors import ConflictError
from jupyter_edge.engine import edge_events, edges
from jupyter_edge.engine.api.dependencies import Id, RequestBody, State, json_router
from jupyter_edge.engine.api.items import EdgeItem, PublishItem, edge_item, publish_item
from jupyter_edge.engine.api.notices import warn
from jupyter_edge.engine.api.pages import Paged, PageRequest, paged
from jupyter_edge.engine.fleet import Fleet
from jupyter_edge.engine.pipelines import UNFINISHED
from jupyter_edge.engine.publishes import get_publish
from jupyter_edge.engine.state import EngineState
from jupyter_edge.engine.tables import Edge, EdgeEvent, timestamp

PUBLISH_PATIENCE = 45.0
_LOOK_SECONDS = 0.1

_pipelines = json_router("pipelines")
_edges = json_router("edges")


class NewEdge(RequestBody):
    """An edge's name, unique in this engine, and the publish that it is to run."""

    name: str
    pipeline_publish_id: Id
    tags: list[str] = Field(default_factory=list)


class EdgeName(RequestBody):
    """Which edge."""

    name: str


class EdgeFilter(PageRequest):
    """Which publish's, pipeline's or workspace's edges; all where none is given."""

    pipeline_id: Id | None = None
    pipeline_publish_id: Id | None = None
    workspace_id: Id | None = None


class ListedEdge(EdgeItem):
    """An edge, with when it joined and was last heard of, what it shipped, and what it last said of itself.

    ``state`` is waiting (to join), online, late, lost, or stopped (it said goodbye); ``rows`` is how many the log has
    under its name, ``dropped_rows`` how many it says that it lost, ``backlog_rows`` how many it has not shipped yet,
    ``pipeline_version`` the UUID of what it serves.
    """

    pipeline_publish_id: int
    state: str
    joined_at: str | None
    last_seen: str | None
    started_at: str | None
    agent_version: str | None
    pipeline_version: str | None
    rows: int
    backlog_rows: int | None
    backlog_bytes: int | None
    dropped_rows: int


class EdgesAnswer(Paged):
    """Edges, oldest first."""

    edges: list[ListedEdge]


class EventFilter(RequestBody):
    """Which events: those after a moment, of the edges of one name; the newest ``limit`` of them."""

    since: AwareDatetime | None = None
    name: str | None = None
    limit: Annotated[int, Field(ge=1, le=edge_events.KEPT_EVENTS)] = 1000


class EventItem(TypedDict):
    """What happened to an edge at a time; ``kind`` is joined, lost, back, stopped or removed."""

    id: int
    edge_id: str
    name: str
    kind: str
    time: str


class EventsAnswer(TypedDict):
    """Events, newest first."""

    events: list[EventItem]


class JoinRequest(RequestBody):
    """The name and the join token of an edge's bundle, and the credential that the edge wants to be known by."""

    edge_name: str
    join_token: str
    credential: str | None = Field(default=None, min_length=32, max_length=256)


class JoinAnswer(TypedDict):
    """The edge's credential, shown this once."""

    edge_id: str
    credential: str


@_pipelines.post("/add_edge_to_publish", status_code=201)
async def add_edge(body: NewEdge, state: State) -> PublishItem:
    """Add an edge and return its publish with the bundle that lets it join; waits for a publish that is under way."""
    deadline = asyncio.get_running_loop().time() + PUBLISH_PATIENCE
    while await asyncio.to_thread(_is_unfinished, state, body.pipeline_publish_id):
        if asyncio.get_running_loop().time() > deadline:
            msg = f"Publish {body.pipeline_publish_id} is still under way: add the edge once it is complete."
            raise ConflictError(msg)
        await asyncio.sleep(_LOOK_SECONDS)
    return await asyncio.to_thread(_add_edge, body, state)


@_pipelines.post("/remove_edge")
@_pipelines.post("/remove_edge_from_publish")
def remove_edge(body: EdgeName, state: State, response: Response) -> None:
    """Remove an edge; its credential is refused from then on, and its log stays."""
    with state.sessions.begin() as session:
        if not edges.remove_edge(session, body.name):
            warn(response, f"There is no edge {body.name}, so nothing was removed.")


@_pipelines.post("/list_edges")
def list_edges(body: EdgeFilter, state: State) -> EdgesAnswer:
    """List edges."""
    with state.sessions() as session:
        page = edges.list_edges(
            session,
            body.window(),
            pipeline_id=body.pipeline_id,
            workspace_id=body.workspace_id,
            publish_id=body.pipeline_publish_id,
        )
        totals = state.logs.totals([edge.name for edge in page.rows])
        return EdgesAnswer(edges=[_listed(edge, totals, state.fleet) for edge in page.rows], **paged(page))


@_edges.post("/events")
def list_events(body: EventFilter, state: State) -> EventsAnswer:
    """List what happened to edges, also to those that are gone; the newest 10,000 events are kept."""
    with state.sessions() as session:
        found = edge_events.list_events(session, body.since, body.name, body.limit)
        return EventsAnswer(events=[_event(event) for event in found])


@_edges.post("/join")
def join(body: JoinRequest, state: State) -> JoinAnswer:
    """Let an edge in by its join token, which works once; needs no other authorization."""
    with state.sessions.begin() as session:
        joined = edges.join(session, body.edge_name, body.join_token, body.credential)
        state.fleet.hear(session, joined.edge)
        return JoinAnswer(edge_id=joined.edge.id, credential=joined.credential)


def _is_unfinished(state: EngineState, publish_id: int) -> bool:
    with state.sessions() as session:
        return get_publish(session, publish_id).status in UNFINISHED


def _add_edge(body: NewEdge, state: EngineState) -> PublishItem:
    with state.sessions.begin() as session:
        engine_host = urlsplit(state.url).netloc
        bundle = edges.add_edge(session, body.pipeline_publish_id, body.name, body.tags, engine_host)
        return publish_item(get_publish(session, body.pipeline_publish_id), bundle)


def _listed(edge: Edge, totals: dict[tuple[int, str], tuple[int, int]], fleet: Fleet) -> ListedEdge:
    rows, dropped = totals.get((edge.publish.pipeline_version.pipeline_id, edge.name), (0, 0))
    return ListedEdge(
        **edge_item(edge),
        pipeline_publish_id=edge.publish_id,
        state=fleet.state_of(edge),
        joined_at=_moment(edge.joined_at),
        last_seen=_moment(edge.last_seen),
        started_at=_moment(edge.started_at),
        agent_version=edge.agent_version,
        pipeline_version=edge.pipeline_version,
        rows=rows,
        backlog_rows=edge.backlog_rows,
        backlog_bytes=edge.backlog_bytes,
        dropped_rows=max(dropped, edge.dropped_rows or 0),
    )


def _event(event: EdgeEvent) -> EventItem:
    return EventItem(
        id=event.id, edge_id=event.edge_id, name=event.edge_name, kind=event.kind, time=timestamp(event.time)
    )


def _moment(value: datetime | None) -> str | None:
    return None if value is None else timestamp(value)


router = APIRouter()
router.include_router(_pipelines)
router.include_router(_edges)

"""Where edges say how they are."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from jupyter_edge.engine import edges
from jupyter_edge.engine.api.dependencies import EdgeCredential, RequestBody, State, json_router

router = json_router("edges")
Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Word = Annotated[str, Field(max_length=64)]


class Heartbeat(RequestBody):
    """How an edge is: what it runs, what it has not shipped yet, what it lost, and whether it is about to end."""

    agent_version: Word
    pipeline_version: Word
    uptime_seconds: Annotated[float, Field(ge=0, lt=1e9)]
    backlog_rows: Count
    backlog_bytes: Count
    dropped_rows: Count
    stopping: bool = False


class HeartbeatAnswer(TypedDict):
    """When the engine wants to hear the next one."""

    next_seconds: float


@router.post("/heartbeat")
def take_heartbeat(body: Heartbeat, credential: EdgeCredential, state: State) -> HeartbeatAnswer:
    """Note that an edge is there, and how it is; the caller's bearer token is the edge's credential."""
    with state.sessions.begin() as session:
        edge = edges.recognise(session, credential)
        report = edges.Report(**body.model_dump(exclude={"stopping"}))
        edges.keep_report(edge, report)
        state.fleet.hear(session, edge, stopping=body.stopping)
    return HeartbeatAnswer(next_seconds=state.fleet.period)

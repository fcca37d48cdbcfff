"""Edges: places where a publish runs, let in once by a join token and then known by a credential."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, selectinload

from jupyter_edge.core.bundle import EdgeBundle
from jupyter_edge.core.deployment import limits_of
from jupyter_edge.core.errors import AuthenticationError, ConflictError, ForbiddenError
from jupyter_edge.core.naming import check_name, new_uuid
from jupyter_edge.core.secret import hash_token, new_token
from jupyter_edge.engine.edge_events import add_events
from jupyter_edge.engine.paging import EVERYTHING, Order, Page, Window, read_page
from jupyter_edge.engine.publishes import get_publish
from jupyter_edge.engine.tables import Edge, Pipeline, PipelineVersion, Publish, now

_NO_HASH = hash_token("")


@dataclass(frozen=True)
class Joined:
    """What an edge that has joined is known by from then on."""

    edge: Edge
    credential: str = field(repr=False)


@dataclass(frozen=True)
class Report:
    """What an edge says of itself: versions of its agent and of what it serves, and rows that have not arrived here."""

    agent_version: str
    pipeline_version: str
    uptime_seconds: float
    backlog_rows: int
    backlog_bytes: int
    dropped_rows: int


def add_edge(session: Session, publish_id: int, name: str, tags: list[str], engine_host: str) -> EdgeBundle:
    """Add an edge to a complete publish and return what it joins with; the join token is kept as a hash only.

    Args:
        engine_host: ``host:port`` at which edges find this engine.

    Raises:
        InvalidInputError: if the name may not name an edge.
        EntityNotFoundError: if there is no such publish.
        ConflictError: if an edge has this name already, naming where, or the publish is not complete.
        IntegrityError: if another request takes the name at the same moment.
    """
    check_name("edge", name)
    publish = get_publish(session, publish_id)
    if publish.status != "Published" or publish.pipeline_url is None:
        reason = publish.error or f"its state is {publish.status}."
        raise ConflictError(f"Publish {publish_id} is not complete, so no edge can be added to it: {reason}")
    _require_free(session, name)
    token = new_uuid()
    asked = (publish.engine_config["engine"].get("resources") or {}).get("limits") or {}
    session.add(
        Edge(
            name=name,
            publish_id=publish_id,
            tags=tags,
            cpus=limits_of(publish.engine_config).cpus or 1.0,
            memory=str(asked.get("memory") or "512Mi"),
            join_token_hash=hash_token(token),
        )
    )
    session.flush()
    workspace_id = publish.pipeline_version.pipeline.workspace_id
    return EdgeBundle(name, token, engine_host, publish.pipeline_url, workspace_id)


def remove_edge(session: Session, name: str) -> bool:
    """Remove an edge, whose credential is refused from then on; return whether there was one of this name."""
    edge = session.scalar(select(Edge).where(Edge.name == name))
    if edge is None:
        return False
    add_events(session, [edge], "removed")
    session.delete(edge)
    return True


def list_edges(
    session: Session,
    window: Window = EVERYTHING,
    *,
    pipeline_id: int | None = None,
    workspace_id: int | None = None,
    publish_id: int | None = None,
) -> Page[Edge]:
    """Return all edges, or those of a publish, or of a pipeline's or a workspace's publishes, oldest first."""
    wanted = ((Pipeline.id, pipeline_id), (Pipeline.workspace_id, workspace_id), (Publish.id, publish_id))
    query = select(Edge).join(Publish).join(PipelineVersion).join(Pipeline)
    query = query.where(*(column == value for column, value in wanted if value is not None))
    published = selectinload(Edge.publish).load_only(Publish.pipeline_version_id)
    parts = (published.joinedload(Publish.pipeline_version).load_only(PipelineVersion.pipeline_id),)
    return read_page(session, query, Order((Edge.created_at, Edge.name), Edge.name), window, parts)


def join(session: Session, name: str, token: str, credential: str | None = None) -> Joined:
    """Let an edge in by its join token, once, and return its credential, which is kept as a hash only.

    An edge that names its credential itself may join again with the same one: the first answer may have got lost.

    Raises:
        AuthenticationError: if there is no such edge, or the token is not its token.
        ForbiddenError: if the token was used already.
    """
    edge = session.scalar(select(Edge).where(Edge.name == name))
    expected = edge.join_token_hash if edge else None
    if not hmac.compare_digest(hash_token(token), expected or _NO_HASH) or edge is None or expected is None:
        msg = f"No edge {name} with this join token is registered: add the edge again and use its new bundle."
        raise AuthenticationError(msg)
    credential = credential or new_token()
    unused = update(Edge).where(Edge.id == edge.id, Edge.joined_at.is_(None))
    values = {"joined_at": now(), "credential_hash": hash_token(credential)}
    if session.scalar(unused.values(**values).returning(Edge.id)) is None:
        session.refresh(edge)
        if not hmac.compare_digest(hash_token(credential), edge.credential_hash or _NO_HASH):
            msg = (
                f"The join token of edge {name} was used already: start the edge with the data folder that it had, "
                "or remove the edge and add it again."
            )
            raise ForbiddenError(msg)
    return Joined(edge, credential)


def recognise(session: Session, credential: str) -> Edge:
    """Return the edge that has this credential.

    Raises:
        ForbiddenError: if there is none, or not any more.
    """
    edge = session.scalar(select(Edge).where(Edge.credential_hash == hash_token(credential)))
    if edge is None:
        msg = "The engine does not know this edge any more: add it again and start it with the new EDGE_BUNDLE."
        raise ForbiddenError(msg)
    return edge


def keep_report(edge: Edge, report: Report) -> None:
    """Remember what an edge says of itself."""
    edge.agent_version = report.agent_version
    edge.pipeline_version = report.pipeline_version
    edge.started_at = now() - timedelta(seconds=report.uptime_seconds)
    edge.backlog_rows = report.backlog_rows
    edge.backlog_bytes = report.backlog_bytes
    edge.dropped_rows = report.dropped_rows


def _require_free(session: Session, name: str) -> None:
    edge = session.scalar(select(Edge).where(Edge.name == name))
    if edge:
        pipeline = edge.publish.pipeline_version.pipeline.name
        msg = (
            f"An edge {name} runs publish {edge.publish_id} of pipeline {pipeline!r} already: "
            "choose another name, or remove that edge first."
        )
        raise ConflictError(msg)

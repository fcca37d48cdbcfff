"""Endpoints on publishes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field
from typing_extensions import TypedDict

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.engine import publishes
from jupyter_edge.engine.api.dependencies import JOB_HEADER, Id, RequestBody, State, json_router
from jupyter_edge.engine.api.items import EdgeItem, PublishItem, edge_item, publish_item
from jupyter_edge.engine.api.notices import warn
from jupyter_edge.engine.edges import list_edges
from jupyter_edge.engine.jobs import JobContext
from jupyter_edge.engine.pipelines import get_pipeline
from jupyter_edge.engine.specs import find_version
from jupyter_edge.engine.tables import ModelConfig, Publish

_pipelines = json_router("pipelines")


class NewPublish(RequestBody):
    """Which version to publish; ``model_config_ids`` may hold ids of model configs or of model versions."""

    pipeline_version_id: Id
    pipeline_id: Id | None = None
    model_config_ids: list[Id] = Field(default_factory=list)
    engine_config: dict[str, Any] | None = None


class PublishId(RequestBody):
    """Which publish, by either name."""

    id: Id | None = None
    publish_id: Id | None = None


class PublishesOf(RequestBody):
    """Which pipeline's publishes; ``publish_id`` is another name of the pipeline's id here."""

    pipeline_id: Id | None = None
    publish_id: Id | None = None


class PublishesAnswer(TypedDict):
    """The publishes of a pipeline and their edges, oldest first."""

    publishes: list[PublishItem]
    edges: list[EdgeItem]


class WorkspaceFilter(RequestBody):
    """Of which workspace; of all where none is given."""

    workspace_id: Id | None = None


class WorkspacePublishes(TypedDict):
    """Publishes, newest first."""

    publishes: list[PublishItem]


@_pipelines.post("/publish", status_code=202)
def publish(body: NewPublish, state: State, response: Response) -> PublishItem:
    """Start to push a pipeline version to the edge registry."""
    with state.sessions.begin() as session:
        version = find_version(session, body.pipeline_version_id)
        chosen = publishes.chosen_configs(session, version, body.model_config_ids)
        made = publishes.add_publish(session, version, chosen, body.engine_config, state.owner_id)
        if sentence := _oddity(body, made, chosen):
            warn(response, sentence)
        item = publish_item(made)
        job_id = state.jobs.add(session, "publish")

    def push(job: JobContext) -> None:
        publishes.push(state.sessions, state.registry, state.blobs, item["id"], job)

    state.jobs.run(job_id, push, lambda session, reason: publishes.mark_failed(session, item["id"], reason))
    response.headers[JOB_HEADER] = str(job_id)
    return item


@_pipelines.post("/get_publish_status")
def get_publish_status(body: PublishId, state: State) -> PublishItem:
    """Look a publish up."""
    with state.sessions() as session:
        return publish_item(publishes.get_publish(session, _given(body.id, body.publish_id, "id")))


@_pipelines.post("/list_publishes_for_pipeline", status_code=202)
def list_publishes(body: PublishesOf, state: State) -> PublishesAnswer:
    """List the publishes of all versions of a pipeline, and their edges."""
    pipeline_id = _given(body.pipeline_id, body.publish_id, "pipeline_id")
    with state.sessions() as session:
        get_pipeline(session, pipeline_id)
        return PublishesAnswer(
            publishes=[publish_item(row) for row in publishes.list_publishes(session, pipeline_id)],
            edges=[edge_item(edge) for edge in list_edges(session, pipeline_id)],
        )


@_pipelines.post("/list_publishes")
def list_workspace_publishes(body: WorkspaceFilter, state: State) -> WorkspacePublishes:
    """List publishes, of whatever pipeline."""
    with state.sessions() as session:
        found = publishes.list_workspace_publishes(session, body.workspace_id)
        return WorkspacePublishes(publishes=[publish_item(row) for row in found])


@_pipelines.post("/delete_publish")
def delete_publish(body: PublishId, state: State) -> None:
    """Delete a publish; one that has edges is refused with 409."""
    with state.sessions.begin() as session:
        publishes.delete_publish(session, _given(body.id, body.publish_id, "id"))


def _oddity(body: NewPublish, made: Publish, chosen: list[ModelConfig]) -> str | None:
    """Return what in the request contradicts what is published, if anything does."""
    version = made.pipeline_version
    if body.pipeline_id not in (None, version.pipeline_id):
        return (
            f"Version {version.id} is of pipeline {version.pipeline_id}, not {body.pipeline_id}: "
            f"pipeline {version.pipeline_id} is published."
        )
    unused = [str(config.id) for config in chosen if config.id not in made.model_config_ids]
    return f"No step uses the model configs {', '.join(unused)}: they are passed over." if unused else None


def _given(first: int | None, second: int | None, name: str) -> int:
    value = second if first is None else first
    if value is None:
        raise InvalidInputError(f"The field '{name}' is missing.")
    return value


router = APIRouter()
router.include_router(_pipelines)

"""Endpoints on publishes."""

from __future__ import annotations

from typing import Any, NotRequired

from fastapi import APIRouter, Response
from pydantic import Field

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.engine import publishes
from jupyter_edge.engine.api.dependencies import JOB_HEADER, Id, RequestBody, State, json_router
from jupyter_edge.engine.api.items import EdgeItem, PublishItem, edge_item, publish_item
from jupyter_edge.engine.api.notices import warn
from jupyter_edge.engine.api.pages import Paged, PageRequest, paged
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


class PublishesOf(PageRequest):
    """Which pipeline's publishes; ``publish_id`` is another name of the pipeline's id here.

    ``name_contains`` looks at the UUIDs of the versions.
    """

    pipeline_id: Id | None = None
    publish_id: Id | None = None


class PublishesAnswer(Paged):
    """The publishes of a pipeline and their edges, oldest first; a page has no edges, which ``list_edges`` pages."""

    publishes: list[PublishItem]
    edges: NotRequired[list[EdgeItem]]


class PublishFilter(PageRequest):
    """Which publishes: of all workspaces where none is given; ``name_contains`` looks at the pipelines' names."""

    workspace_id: Id | None = None


class ListedPublish(PublishItem):
    """A publish and its pipeline."""

    pipeline_id: int
    pipeline_name: str
    workspace_id: int


class ListedPublishesAnswer(Paged):
    """Publishes, newest first."""

    publishes: list[ListedPublish]


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
        job_id = state.jobs.add(session, "publish", version.pipeline.name)

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
def publishes_of_pipeline(body: PublishesOf, state: State) -> PublishesAnswer:
    """List the publishes of all versions of a pipeline, and their edges."""
    pipeline_id = _given(body.pipeline_id, body.publish_id, "pipeline_id")
    with state.sessions() as session:
        get_pipeline(session, pipeline_id)
        page = publishes.publishes_of(session, pipeline_id, body.window())
        answer: PublishesAnswer = {"publishes": [publish_item(row) for row in page.rows]}
        if page.total is None:
            answer["edges"] = [edge_item(edge) for edge in list_edges(session, pipeline_id=pipeline_id).rows]
        else:
            answer["next"], answer["total"] = page.next, page.total
        return answer


@_pipelines.post("/list_publishes")
def list_publishes(body: PublishFilter, state: State) -> ListedPublishesAnswer:
    """List the publishes of all pipelines."""
    with state.sessions() as session:
        page = publishes.list_publishes(session, body.workspace_id, body.window())
        return ListedPublishesAnswer(publishes=[_listed(row) for row in page.rows], **paged(page))


@_pipelines.post("/delete_publish")
def delete_publish(body: PublishId, state: State) -> None:
    """Delete a publish; one that has edges is refused with 409."""
    with state.sessions.begin() as session:
        publishes.delete_publish(session, _given(body.id, body.publish_id, "id"))


def _listed(publish: Publish) -> ListedPublish:
    pipeline = publish.pipeline_version.pipeline
    return ListedPublish(
        **publish_item(publish),
        pipeline_id=pipeline.id,
        pipeline_name=pipeline.name,
        workspace_id=pipeline.workspace_id,
    )


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

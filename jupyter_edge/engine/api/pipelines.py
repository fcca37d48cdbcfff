"""Endpoints on pipelines and their versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from jupyter_edge.core.deployment import limits_of
from jupyter_edge.engine import pipelines
from jupyter_edge.engine.api.dependencies import Id, RequestBody, State, json_router
from jupyter_edge.engine.api.pages import Paged, PageRequest, paged
from jupyter_edge.engine.deployed import DeploymentStatus
from jupyter_edge.engine.tables import Deployment, Pipeline, PipelineVersion, timestamp

router = json_router("pipelines")
StatusOf = Callable[[Deployment], DeploymentStatus | None]


class VersionItem(TypedDict):
    """A pipeline version; ``version`` is its UUID."""

    id: int
    version: str
    created_at: str
    definition: dict[str, Any]


class DeploymentItem(TypedDict):
    """How a pipeline is deployed, or was last.

    ``deployed`` says what is asked for, ``status`` how it is: Starting, Running, Error or Stopping, and null once
    nothing runs; ``details`` says why, ``running`` of how many ``replicas`` serve.
    """

    id: int
    deploy_id: str
    deployed: bool
    pipeline_version_id: int
    model_config_ids: list[int]
    engine_config: dict[str, Any]
    url: str | None
    status: str | None
    details: list[str]
    replicas: int
    running: int


class PipelineItem(TypedDict):
    """A pipeline; its versions are newest first, and ``published`` tells whether one publish at least is complete."""

    id: int
    name: str
    workspace_id: int
    created_at: str
    updated_at: str
    tags: list[str]
    published: bool
    versions: list[VersionItem]
    steps: list[str]
    deployment: DeploymentItem | None


class PipelinesAnswer(Paged):
    """Pipelines, newest first."""

    pipelines: list[PipelineItem]


class VersionMade(TypedDict):
    """The pipeline and its new version."""

    pipeline_pk_id: int
    pipeline_variant_pk_id: int
    pipeline_variant_version: str


class VersionAnswer(TypedDict):
    """A version's definition; ``pipeline_id`` is the pipeline's name."""

    pipeline_id: str
    version: str
    definition: dict[str, Any]


class Definition(RequestBody):
    """The steps of a pipeline."""

    model_config = ConfigDict(extra="allow")
    steps: list[dict[str, Any]] = Field(default_factory=list)


class NewVersion(RequestBody):
    """The steps of a new version; ``pipeline_id`` is the pipeline's name."""

    pipeline_id: str
    workspace_id: Id
    definition: Definition = Definition()


class PipelineFilter(PageRequest):
    """Which pipelines; all of them where nothing is given."""

    workspace_id: Id | None = None
    name: str | None = None


class PipelineId(RequestBody):
    """Which pipeline."""

    id: Id


class VersionName(RequestBody):
    """Which pipeline version, by its UUID."""

    version: str


@router.post("/create")
def create_version(body: NewVersion, state: State) -> VersionMade:
    """Add a version to a pipeline, making the pipeline if the workspace has none of this name."""
    definition = body.definition.model_dump(exclude_unset=True)
    made = pipelines.create_version(state.sessions, body.pipeline_id, body.workspace_id, definition)
    return VersionMade(
        pipeline_pk_id=made.pipeline_id,
        pipeline_variant_pk_id=made.id,
        pipeline_variant_version=made.version,
    )


@router.post("/list")
def list_pipelines(body: PipelineFilter, state: State) -> PipelinesAnswer:
    """List pipelines."""
    with state.sessions() as session:
        page = pipelines.list_pipelines(session, body.workspace_id, body.name, body.window())
        return PipelinesAnswer(pipelines=_items(session, page.rows, state.deployments.status_of), **paged(page))


@router.post("/get")
def get_pipeline(body: PipelineId, state: State) -> PipelineItem:
    """Look a pipeline up."""
    with state.sessions() as session:
        (item,) = _items(session, [pipelines.get_pipeline(session, body.id)], state.deployments.status_of)
        return item


@router.post("/get_version")
def get_version(body: VersionName, state: State) -> VersionAnswer:
    """Look the definition of a version up."""
    with state.sessions() as session:
        version = pipelines.get_version(session, body.version)
        return VersionAnswer(pipeline_id=version.pipeline.name, version=version.version, definition=version.definition)


@router.post("/delete")
def delete_pipeline(body: PipelineId, state: State) -> None:
    """Delete a pipeline; one that is deployed or runs on edges is refused with 409."""
    with state.sessions.begin() as session:
        pipelines.delete_pipeline(session, body.id)


def _items(session: Session, rows: list[Pipeline], status_of: StatusOf) -> list[PipelineItem]:
    steps = pipelines.steps_of(session, rows)
    return [_item(row, steps.get(row.id, []), status_of) for row in rows]


def _item(pipeline: Pipeline, steps: list[str], status_of: StatusOf) -> PipelineItem:
    publishes = (publish for version in pipeline.versions for publish in version.publishes)
    return PipelineItem(
        id=pipeline.id,
        name=pipeline.name,
        workspace_id=pipeline.workspace_id,
        created_at=timestamp(pipeline.created_at),
        updated_at=timestamp(pipeline.updated_at),
        tags=[],
        published=any(publish.status == "Published" for publish in publishes),
        versions=[_version_item(version) for version in pipeline.versions],
        steps=steps,
        deployment=_deployment_item(pipeline.deployment, status_of) if pipeline.deployment else None,
    )


def _version_item(version: PipelineVersion) -> VersionItem:
    return VersionItem(
        id=version.id,
        version=version.version,
        created_at=timestamp(version.created_at),
        definition=version.definition,
    )


def _deployment_item(deployment: Deployment, status_of: StatusOf) -> DeploymentItem:
    name, port = deployment.pipeline.name, deployment.port
    status = status_of(deployment)
    replicas = status["engines"] if status else []
    return DeploymentItem(
        id=deployment.id,
        deploy_id=name,
        deployed=deployment.deployed,
        pipeline_version_id=deployment.pipeline_version_id,
        model_config_ids=deployment.model_config_ids,
        engine_config=deployment.engine_config,
        url=f"http://127.0.0.1:{port}/pipelines/{name}" if port else None,
        status=status["status"] if status else None,
        details=status["details"] if status else [],
        replicas=limits_of(deployment.engine_config).replicas,
        running=sum(replica["status"] == "Running" for replica in replicas),
    )

"""Endpoints on deployments."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from jupyter_edge.core.deployment import DeploymentConfigBuilder
from jupyter_edge.core.errors import EntityNotFoundError, InvalidInputError
from jupyter_edge.core.pipeline import ModelRef
from jupyter_edge.engine import specs
from jupyter_edge.engine.api.dependencies import JOB_HEADER, Id, RequestBody, State, json_router
from jupyter_edge.engine.api.notices import warn
from jupyter_edge.engine.deployed import DeploymentStatus
from jupyter_edge.engine.deployment_jobs import run_deploy, run_undeploy
from jupyter_edge.engine.deployments import id_of
from jupyter_edge.engine.pipelines import get_pipeline
from jupyter_edge.engine.tables import ModelConfig, PipelineVersion

_pipelines = json_router("pipelines")
_status = json_router("status")


class ModelName(RequestBody):
    """A model version as a step names it."""

    name: str
    version: str
    sha: str = ""


class NewDeployment(RequestBody):
    """Which version to deploy, and with which models; those of its steps where none are given.

    ``model_ids`` are ids of model versions.
    """

    pipeline_version_pk_id: Id
    pipeline_id: Id | None = None
    engine_config: dict[str, Any] | None = None
    model_configs: list[Id] = Field(default_factory=list)
    models: list[ModelName] = Field(default_factory=list)
    model_ids: list[Id] = Field(default_factory=list)


class DeploymentMade(TypedDict):
    """The id of the pipeline's deployment."""

    id: int


class OldDeployment(RequestBody):
    """Which deployment to end; that of the pipeline where no deployment is given."""

    deployment_id: Id | None = None
    pipeline_id: Id | None = None


class DeploymentName(RequestBody):
    """Which deployment: ``<pipeline>-<deployment id>``."""

    name: str


@_pipelines.post("/deploy")
def deploy(body: NewDeployment, state: State, response: Response) -> DeploymentMade:
    """Start a deployment of a pipeline version; one that runs answers until the new one does."""
    engine_config = DeploymentConfigBuilder().build() if body.engine_config is None else body.engine_config
    with state.sessions.begin() as session:
        version = specs.find_version(session, body.pipeline_version_pk_id)
        if body.pipeline_id not in (None, version.pipeline_id):
            warn(response, f"Version {version.id} is of pipeline {version.pipeline_id}, not {body.pipeline_id}.")
        configs = specs.configs_of_steps(session, version, _chosen(session, version, body))
        specs.require_steps(version, configs, "deploy")
        deployment_id = state.deployments.want(session, version, configs, engine_config)
        job_id = state.jobs.add(session, "deploy", version.pipeline.name)
    run_deploy(state.jobs, job_id, state.sessions, state.deployments, deployment_id)
    response.headers[JOB_HEADER] = str(job_id)
    return DeploymentMade(id=deployment_id)


@_pipelines.post("/undeploy")
def undeploy(body: OldDeployment, state: State, response: Response) -> None:
    """End a deployment once it has answered what it accepted; one that has ended stays so."""
    deployment_id = body.deployment_id
    if deployment_id is None:
        deployment_id = _deployment_of(state, body.pipeline_id)
    if deployment_id is not None:
        with state.sessions.begin() as session:
            name = state.deployments.unwant(session, deployment_id)
            job_id = state.jobs.add(session, "undeploy", name)
        run_undeploy(state.jobs, job_id, state.deployments, deployment_id)
        response.headers[JOB_HEADER] = str(job_id)


@_status.post("/get_deployment")
def get_status(body: DeploymentName, state: State) -> DeploymentStatus:
    """Tell how a deployment is; 404 once it is gone."""
    status = state.deployments.status(id_of(body.name))
    if status is None:
        raise EntityNotFoundError(f"{body.name} is not deployed: deploy its pipeline first.")
    return status


def _chosen(session: Session, version: PipelineVersion, body: NewDeployment) -> list[ModelConfig]:
    models = [ModelRef(model.name, model.version, model.sha) for model in body.models]
    return (
        specs.configs_by_id(session, body.model_configs)
        or specs.configs_of_models(session, version.pipeline.workspace_id, models)
        or specs.configs_of_versions(session, body.model_ids)
    )


def _deployment_of(state: State, pipeline_id: int | None) -> int | None:
    if pipeline_id is None:
        raise InvalidInputError("The field 'deployment_id' is missing.")
    with state.sessions() as session:
        deployment = get_pipeline(session, pipeline_id).deployment
        return deployment.id if deployment else None


router = APIRouter()
router.include_router(_pipelines)
router.include_router(_status)

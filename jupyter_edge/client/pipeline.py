"""Pipelines: build, deploy, infer, publish."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import requests

from jupyter_edge.client.deployment import UNDEPLOYED, Deployment, plain_config
from jupyter_edge.client.edge import Edge
from jupyter_edge.client.inference_target import InferenceTarget
from jupyter_edge.client.jobs import Job, cancelled_by_interrupt, get_job, wait_for_job
from jupyter_edge.client.model import ModelVersion
from jupyter_edge.client.panels import load_panel
from jupyter_edge.client.pipeline_log import PipelineLog
from jupyter_edge.client.pipeline_version import PipelineVersion, version_listing
from jupyter_edge.client.publish import Publish, publish_listing
from jupyter_edge.client.transport import Answer
from jupyter_edge.client.twins import Kinds, TwinListing, Twins, reading, workspace_name
from jupyter_edge.core.deployment import DeploymentConfig, DeploymentConfigBuilder
from jupyter_edge.core.errors import (
    DeploymentError,
    EngineUnavailableError,
    EntityNotFoundError,
    InvalidInputError,
    PublishError,
)
from jupyter_edge.core.pipeline import definition_of
from jupyter_edge.display import Details, Dots, list_time, table_time
from jupyter_edge.display.twins import post

if TYPE_CHECKING:
    from jupyter_edge.client.client import Client
    from jupyter_edge.client.inference import Request

_DEPLOY_SECONDS = 45.0
_PUBLISH_SECONDS = 600.0


class Pipeline(InferenceTarget, PipelineLog, Twins, Details):
    """A pipeline of the engine, with the steps that were added here and are not deployed or published yet."""

    def __init__(self, client: Client, data: dict[str, Any]) -> None:
        self._client = client
        self._data = data
        self._models: list[ModelVersion] = []
        self._cleared = False
        self.job: Job | None = None
        """The deploy, undeploy or publish that was last started through this object."""

    def id(self) -> int:
        """Return the pipeline's id."""
        return int(self._data["id"])

    def name(self) -> str:
        """Return the pipeline's name."""
        return str(self._data["name"])

    def created_at(self) -> datetime:
        """Return when the pipeline was made."""
        return datetime.fromisoformat(self._data["created_at"])

    def updated_at(self) -> datetime:
        """Return when the pipeline last got a version."""
        return datetime.fromisoformat(self._data["updated_at"])

    def workspace_id(self) -> int:
        """Return the id of the pipeline's workspace."""
        return int(self._data["workspace_id"])

    def published(self) -> bool:
        """Say whether a publish of any version succeeded."""
        return bool(self._data["published"])

    def versions(self) -> TwinListing[PipelineVersion]:
        """Return the versions, the newest first."""
        return self.refresh().versions_read()

    def versions_read(self) -> TwinListing[PipelineVersion]:
        """Return the versions, the newest first, as they were when the pipeline was last read."""
        return version_listing(self, self._data["versions"])

    def latest_version(self) -> PipelineVersion:
        """Return the newest version."""
        return self.versions()[0]

    def refresh(self) -> Self:
        """Read the pipeline from the engine again; steps added here stay."""
        self._data = self._client.transport.post("pipelines/get", {"id": self.id()})
        return self

    def add_model_step(self, model: ModelVersion) -> Self:
        """Add a model as the last step, fed with what the step before it returns; return the pipeline."""
        if not isinstance(model, ModelVersion):
            msg = f"A step is a model version, as upload_model() or get_model() returns it, not {model!r}."
            raise InvalidInputError(msg)
        if any(step.id() == model.id() for step in self._models):
            message = f"{model.name()} is a step already and now runs twice in a row: clear() starts the steps anew."
            warnings.warn(message, stacklevel=2)
        self._models.append(model)
        return self

    def clear(self) -> Self:
        """Remove all steps, for new ones to be added; what is deployed stays as it is."""
        self._models.clear()
        self._cleared = True
        return self

    def steps(self) -> list[dict[str, Any]]:
        """Return the steps: those added here, else those of the newest version that the engine has."""
        if self._models or self._cleared:
            return list(definition_of(self.name(), [model.ref() for model in self._models])["steps"])
        return self.versions_read()[0].steps()

    def create_version(self) -> PipelineVersion:
        """Keep the steps as a new version, without deploying it."""
        definition = {"id": self.name(), "steps": self.steps()} if self.steps() else {}
        body = {"pipeline_id": self.name(), "workspace_id": self.workspace_id(), "definition": definition}
        self._client.transport.post("pipelines/create", body)
        return self.latest_version()

    def deploy(
        self, deployment_config: DeploymentConfig | DeploymentConfigBuilder | None = None, wait: bool = True
    ) -> Self:
        """Run the pipeline on the engine, as a new version, and return it once it answers.

        Args:
            deployment_config: replicas and the limits of each; the engine's default if not given.
            wait: whether to wait, at most 45 s, showing progress; an interrupt cancels the deployment. Without,
                ``job`` tells how far it is.

        Raises:
            InvalidInputError: if the pipeline has no steps.
            DeploymentError: with the cause, if it does not come up.
        """
        models = list(self._models)
        version = self._version_with_steps()
        body: dict[str, Any] = {
            "deploy_id": self.name(),
            "pipeline_version_pk_id": version.id(),
            "pipeline_id": self.id(),
            "engine_config": {**(plain_config(deployment_config) or {}), "workspace_id": self.workspace_id()},
        }
        if models:
            body["model_configs"] = [model.config_id() for model in models]
        else:
            body["models"] = [step["ModelInference"]["models"][0] for step in version.steps()]
        self._work("pipelines/deploy", body, "deployment", wait)
        return self

    def undeploy(self, wait: bool = True) -> Self:
        """Stop the pipeline on the engine and free what it used; nothing happens where it does not run."""
        self.job = None
        deployment = self.refresh()._deployment
        if deployment is not None:
            body = {"deployment_id": deployment.id(), "pipeline_id": self.id()}
            self._work("pipelines/undeploy", body, "undeployment", wait)
        return self

    def status(self) -> dict[str, Any]:
        """Return the state of the deployment and of its replicas; its ``status`` is Undeployed where there is none."""
        deployment = self.refresh()._deployment
        return dict(UNDEPLOYED) if deployment is None else deployment.status()

    @property
    def _deployment(self) -> Deployment | None:
        data = self._data["deployment"]
        return None if data is None else Deployment(self._client, self.workspace_id(), self.name(), data)

    def url(self) -> str:
        """Return the address that answers inference requests, with the bearer token of ``client.auth``.

        Raises:
            DeploymentError: if the pipeline is not deployed.
        """
        deployment = self._deployment
        if deployment is None or not deployment.deployed():
            deployment = self.refresh()._deployment
        if deployment is None or not deployment.deployed():
            msg = f"Pipeline {self.name()} is not deployed: call deploy() first."
            raise DeploymentError(msg)
        return deployment.url()

    def publish(
        self, deployment_config: DeploymentConfig | DeploymentConfigBuilder | None = None, wait: bool = True
    ) -> Publish:
        """Push the steps, as a new version, to the edge registry; return the publish once it is there.

        ``deployment_config`` is what an edge takes where nothing else is said. An interrupt cancels the publish; with
        ``wait=False`` it is returned as it begins, and ``job`` tells how far it is.

        Raises:
            InvalidInputError: if the pipeline has no steps.
            PublishError: with the cause.
        """
        models = list(self._models)
        version = self._version_with_steps()
        body = {
            "pipeline_id": self.id(),
            "pipeline_version_id": version.id(),
            "model_config_ids": [model.config_id() for model in models],
            "engine_config": plain_config(deployment_config),
        }
        answer = self._start("pipelines/publish", body)
        if not wait:
            return Publish(self._client, answer.value)
        budget = f"It may take up to {_PUBLISH_SECONDS:.0f} sec."
        dots = Dots(f"Waiting for pipeline publish... {budget}\nPipeline is Publishing..", done="Published.")
        wait_for_job(self._client.transport, answer.job_id, dots, _PUBLISH_SECONDS, PublishError)
        self.refresh()
        return Publish(self._client, answer.value).refresh()

    def publishes(self) -> TwinListing[Publish]:
        """Return all publishes of the pipeline's versions."""
        request = ("pipelines/list_publishes_for_pipeline", {"pipeline_id": self.id()})
        found = self._client.transport.post(*request)["publishes"]
        twins = reading(
            post(*request), f"print(client.get_pipeline({self.name()!r}).publishes())", self._workspace_name
        )
        return publish_listing((Publish(self._client, data) for data in found), twins)

    def list_edges(self) -> TwinListing[Edge]:
        """Return the edges of all publishes of the pipeline."""
        return self._client.list_edges(pipeline=self)

    def panel(self) -> Any:
        """Return the form that changes, deploys and tries the pipeline, to be shown in a notebook."""
        return load_panel("PipelinePanel")(self._client, self)

    def details(self) -> dict[str, object]:
        """Return the rows of the pipeline's table."""
        return self._row(table_time)

    def _repr_html_(self) -> str:
        with suppress(EngineUnavailableError, EntityNotFoundError):  # show what is known rather than fail
            self.refresh()
        return super()._repr_html_()

    def __repr__(self) -> str:
        shown = ("name", "deployed", "steps", "published")
        row = self.details()
        return f"Pipeline({', '.join(f'{key}={row[key]!r}' for key in shown)})"

    def _twins(self) -> Kinds:
        return reading(
            post("pipelines/get", {"id": self.id()}),
            f"print(client.get_pipeline({self.name()!r}))",
            self._workspace_name,
        )

    def _workspace_name(self) -> str:
        return workspace_name(self._client, self.workspace_id())

    def _row(self, write_time: Callable[[datetime | None], str]) -> dict[str, object]:
        deployment = self._deployment
        engine = deployment.engine_config().get("engine", {}) if deployment else {}
        return {
            "name": self.name(),
            "created": write_time(self.created_at()),
            "last_updated": write_time(self.updated_at()),
            "deployed": deployment.deployed() if deployment else "(none)",
            "arch": engine.get("arch"),
            "tags": ", ".join(self._data["tags"]),
            "versions": ", ".join(version["version"] for version in self._data["versions"]),
            "steps": ", ".join(self._data["steps"]),
            "published": self.published(),
        }

    def _version_with_steps(self) -> PipelineVersion:
        if not self.refresh().steps():
            msg = f"Pipeline {self.name()} has no steps: add_model_step(model) adds one."
            raise InvalidInputError(msg)
        return self.create_version()

    def _work(self, path: str, body: dict[str, Any], what: str, wait: bool) -> None:
        answer = self._start(path, body)
        if wait:
            dots = Dots(f"Waiting for {what} - this will take up to {_DEPLOY_SECONDS:.0f}s ")
            wait_for_job(self._client.transport, answer.job_id, dots, _DEPLOY_SECONDS, DeploymentError)
        self.refresh()

    def _start(self, path: str, body: dict[str, Any]) -> Answer:
        answer = self._client.transport.start(path, body)
        with cancelled_by_interrupt(self._client.transport, answer.job_id):
            self.job = None if answer.job_id is None else get_job(self._client.transport, answer.job_id)
        return answer

    def _send(self, request: Request, query: Sequence[tuple[str, str]], timeout: float | None) -> bytes:
        try:
            return self._client.transport.send(
                self.url(), request.body, request.headers, query=query, timeout=timeout
            ).content
        except EngineUnavailableError as error:
            self.refresh().url()  # says so if the pipeline was undeployed elsewhere, or the engine has stopped
            if isinstance(error.__cause__, requests.Timeout):
                raise
            msg = (
                f"Pipeline {self.name()} broke off before it had answered, as one does whose replica is killed: "
                "send the rows again; status() tells of its replicas."
            )
            raise DeploymentError(msg) from error

    def _address(self) -> tuple[str, dict[str, str]]:
        return self.url(), self._client.auth.auth_header()

    def _described(self) -> str:
        return f"pipeline {self.name()}"


def pipeline_listing(pipelines: Sequence[Pipeline], twins: Kinds) -> TwinListing[Pipeline]:
    """Return pipelines as a list that shows as a table."""
    columns = ["name", "created", "last_updated", "deployed", "arch", "tags", "versions", "steps", "published"]
    return TwinListing(pipelines, columns, lambda pipeline: list(pipeline._row(list_time).values()), twins)

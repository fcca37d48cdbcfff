"""A pipeline's deployment on the engine: where it answers, and how it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_edge.client.twins import Kinds, Twins, reading, workspace_name
from jupyter_edge.core.deployment import DeploymentConfig, DeploymentConfigBuilder
from jupyter_edge.core.errors import EntityNotFoundError
from jupyter_edge.display import Details
from jupyter_edge.display.twins import post

if TYPE_CHECKING:
    from jupyter_edge.client.client import Client


class Deployment(Twins, Details):
    """How a pipeline runs, or last ran, on the engine."""

    def __init__(self, client: Client, workspace_id: int, pipeline_name: str, data: dict[str, Any]) -> None:
        self._client = client
        self._workspace_id = workspace_id
        self._pipeline_name = pipeline_name
        self._data = data

    def id(self) -> int:
        """Return the deployment's id."""
        return int(self._data["id"])

    def name(self) -> str:
        """Return the deployment's name: the pipeline's, with the id after a ``-``."""
        return f"{self._data['deploy_id']}-{self.id()}"

    def deployed(self) -> bool:
        """Say whether the pipeline was deployed when this was read."""
        return bool(self._data["deployed"])

    def version_id(self) -> int:
        """Return the id of the pipeline version that is deployed, or was last."""
        return int(self._data["pipeline_version_id"])

    def engine_config(self) -> DeploymentConfig:
        """Return the deployment configuration."""
        return dict(self._data["engine_config"])

    def url(self) -> str:
        """Return the address of inference: the deployment's own port, or the engine's forward from another machine."""
        if self._client.is_local:
            return str(self._data["url"])
        return f"{self._client.api_endpoint}/v1/api/pipelines/infer/{self.name()}/{self._pipeline_name}"

    _url = url

    def status(self) -> dict[str, Any]:
        """Return the state of the deployment and of its replicas.

        The keys are ``status`` (Running, Starting, Error, or Undeployed), ``details``, ``engines`` (one for each
        replica, with its models, restarts and limits), ``engine_lbs`` and ``sidekicks``.
        """
        try:
            return dict(self._client.transport.post("status/get_deployment", {"name": self.name()}))
        except EntityNotFoundError:
            return dict(UNDEPLOYED)

    def details(self) -> dict[str, object]:
        """Return the rows of the deployment's table."""
        status = self.status()
        engines = [f"{engine['name']}: {engine['status']}" for engine in status["engines"]]
        return {"name": self.name(), "status": status["status"], "url": self.url(), "engines": ", ".join(engines)}

    def _twins(self) -> Kinds:
        return reading(
            post("status/get_deployment", {"name": self.name()}),
            f"print(client.get_pipeline({self._pipeline_name!r}).status())",
            lambda: workspace_name(self._client, self._workspace_id),
        )

    def __repr__(self) -> str:
        return f"Deployment(name={self.name()!r}, deployed={self.deployed()})"


UNDEPLOYED: dict[str, Any] = {"status": "Undeployed", "details": [], "engines": [], "engine_lbs": [], "sidekicks": []}


def plain_config(config: DeploymentConfig | DeploymentConfigBuilder | None) -> DeploymentConfig | None:
    """Return a deployment configuration as it travels; a builder is taken as it stands."""
    return config.build() if isinstance(config, DeploymentConfigBuilder) else config

"""The client: where a notebook starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jupyter_edge.client.discovery import locate_engine
from jupyter_edge.client.edge import Edge, edge_listing
from jupyter_edge.client.jobs import Job, get_job, job_listing
from jupyter_edge.client.model import Model, ModelVersion, list_models
from jupyter_edge.client.model_file import ModelWish, start_upload, upload_model
from jupyter_edge.client.panels import load_panel
from jupyter_edge.client.pipeline import Pipeline, pipeline_listing
from jupyter_edge.client.publish import Publish, publish_listing
from jupyter_edge.client.transport import Transport
from jupyter_edge.client.twins import TwinListing, reading, workspace_name
from jupyter_edge.client.workspace import Workspace, workspace_listing
from jupyter_edge.core.batching import DynamicBatchingConfig
from jupyter_edge.core.errors import ConflictError, EntityNotFoundError, InvalidInputError
from jupyter_edge.core.framework import Acceleration, Architecture, Framework
from jupyter_edge.core.naming import check_name
from jupyter_edge.display.twins import post

DEFAULT_WORKSPACE = "default"


class Client:
    """A connection to an engine.

    Without arguments it is the engine of this user's home (JUPYTER_EDGE_HOME), which is started where none runs and
    goes on running when the notebook is closed; or the one that JUPYTER_EDGE_URL and JUPYTER_EDGE_TOKEN name.

    Raises:
        EngineUnavailableError: if the engine cannot be reached or started, with the end of its log.
        AuthenticationError: if it refuses the token.
    """

    def __init__(self, api_endpoint: str | None = None, token: str | None = None) -> None:
        address = locate_engine(api_endpoint, token)
        self.transport = Transport(address)
        self.auth = self.transport.auth
        self.api_endpoint = address.url
        self.is_local = address.pid != 0
        me = self.transport.post("users/me")
        self._emails: dict[str, str] = {me["id"]: me["email"]}
        self._workspace: Workspace | None = None

    def __repr__(self) -> str:
        return f"Client(api_endpoint={self.api_endpoint!r})"

    def list_workspaces(self) -> TwinListing[Workspace]:
        """Return all workspaces."""
        found = self.transport.post("workspaces/list")["workspaces"]
        return workspace_listing([Workspace(self, data) for data in found])

    def create_workspace(self, workspace_name: str) -> Workspace:
        """Make a workspace.

        Raises:
            ConflictError: if there is one of this name.
        """
        check_name("workspace", workspace_name)
        made = self.transport.post("workspaces/create", {"workspace_name": workspace_name})
        return Workspace(self, self.transport.post("workspaces/get", {"id": made["workspace_id"]}))

    def get_workspace(self, name: str, create_if_not_exist: bool = False) -> Workspace:
        """Return the workspace of a name; make it where there is none, if asked to."""
        workspace = self._find_workspace(name)
        if workspace is None and create_if_not_exist:
            try:
                workspace = self.create_workspace(name)
            except ConflictError:  # another client was quicker
                workspace = self._find_workspace(name)
        if workspace is None:
            msg = f"There is no workspace {name!r}: list_workspaces() shows them, create_workspace() makes one."
            raise EntityNotFoundError(msg)
        return workspace

    def set_current_workspace(self, workspace: Workspace) -> Workspace:
        """Make a workspace the place of later uploads and pipelines of this client, and return it."""
        if not isinstance(workspace, Workspace):
            msg = f"{workspace!r} is no workspace: give what get_workspace() or create_workspace() returns."
            raise InvalidInputError(msg)
        self._workspace = workspace
        return workspace

    def get_current_workspace(self) -> Workspace:
        """Return the current workspace: the one set, else the one named ``default``."""
        if self._workspace is None:
            self._workspace = self.get_workspace(DEFAULT_WORKSPACE, create_if_not_exist=True)
        return self._workspace

    def upload_model(  # noqa: PLR0913 (what may be said of a model)
        self,
        name: str,
        path: str | Path,
        framework: Framework | str | None = None,
        *,
        arch: Architecture | str | None = None,
        accel: Acceleration | str | None = None,
        tensor_fields: Sequence[str] | None = None,
        batch_config: str | None = None,
        dynamic_batching_config: DynamicBatchingConfig | None = None,
    ) -> ModelVersion:
        """Upload a model file to the current workspace, as a new version if the name is there already.

        Args:
            name: the model's name.
            path: the file, which is sent without being read into memory.
            framework: what the file is; not needed for a file named ``.onnx``.
            arch: the processor architecture it is meant for.
            accel: the accelerator that is to run it. Deployments and publishes take both over where they name none.
            tensor_fields: as of ``configure``, like what follows: checked with the file, and if it does not fit the
                model no version is made.
            batch_config: as of ``configure``.
            dynamic_batching_config: as of ``configure``.

        Raises:
            InvalidInputError: if the file is no model that the engine can run, with the reason.
        """
        wish = ModelWish(name, path, framework, tensor_fields, batch_config, dynamic_batching_config, arch, accel)
        return upload_model(self, wish)

    def start_upload(
        self, name: str, path: str | Path, on_sent: Callable[[float], None] | None = None, **said: Any
    ) -> Job:
        """Send a model file, and return the job that checks it; once that has succeeded, ``get_model(name)`` has it.

        ``on_sent`` is called with the sent share of the file, 0 to 1; what it raises ends the upload. What else is
        ``said`` of the model is that of ``upload_model``.
        """
        return start_upload(self, ModelWish(name, path, **said), on_sent)

    def get_model(self, name: str, version: str | None = None) -> ModelVersion:
        """Return a model of the current workspace: its latest version, or the one of this UUID."""
        model = next((model for model in self.list_models() if model.name() == name), None)
        if model is None:
            msg = f"Workspace {self.get_current_workspace().name()} has no model {name!r}: upload_model() brings one."
            raise EntityNotFoundError(msg)
        if version is None:
            return model.latest_version()
        found = next((one for one in model.versions() if one.version() == version), None)
        if found is None:
            msg = f"Model {name} has no version {version!r}: get_model({name!r}) returns its latest."
            raise EntityNotFoundError(msg)
        return found

    def list_models(self) -> TwinListing[Model]:
        """Return the models of the current workspace."""
        return list_models(self, self.get_current_workspace().id())

    def build_pipeline(self, pipeline_name: str) -> Pipeline:
        """Return the pipeline of this name in the current workspace, without steps: a new one, or a new version."""
        check_name("pipeline", pipeline_name)
        workspace_id = self.get_current_workspace().id()
        body = {"pipeline_id": pipeline_name, "workspace_id": workspace_id, "definition": {}}
        made = self.transport.post("pipelines/create", body)
        return Pipeline(self, self.transport.post("pipelines/get", {"id": made["pipeline_pk_id"]}))

    def get_pipeline(self, name: str, create_if_not_exist: bool = False) -> Pipeline:
        """Return the pipeline of a name in the current workspace; make it where there is none, if asked to."""
        workspace = self.get_current_workspace()
        found = self._find_pipelines({"name": name, **_within(workspace)})
        if not found and create_if_not_exist:
            return self.build_pipeline(name)
        if not found:
            msg = f"Workspace {workspace.name()} has no pipeline {name!r}: build_pipeline({name!r}) makes it."
            raise EntityNotFoundError(msg)
        return found[0]

    def pipelines_by_name(self, pipeline_name: str) -> TwinListing[Pipeline]:
        """Return the pipelines of a name in all workspaces, the newest first.

        Raises:
            EntityNotFoundError: if there is none.
        """
        found = self._pipelines({"name": pipeline_name}, f"client.pipelines_by_name({pipeline_name!r})")
        if not found:
            msg = f"There is no pipeline {pipeline_name!r}: build_pipeline({pipeline_name!r}) makes it."
            raise EntityNotFoundError(msg)
        return found

    def list_pipelines(self, workspace: Workspace | None = None) -> TwinListing[Pipeline]:
        """Return the pipelines of all workspaces, or of one, the newest first."""
        return self._pipelines(_within(workspace), f"client.list_pipelines({_code_of(workspace)})")

    def list_publishes(self, workspace: Workspace | None = None) -> TwinListing[Publish]:
        """Return the publishes of all workspaces, or of one, the newest first."""
        request = ("pipelines/list_publishes", _within(workspace))
        found = self.transport.post(*request)["publishes"]
        twins = reading(post(*request), f"print(client.list_publishes({_code_of(workspace)}))")
        return publish_listing((Publish(self, data) for data in found), twins)

    def list_edges(
        self, pipeline: Pipeline | None = None, publish: Publish | None = None, workspace: Workspace | None = None
    ) -> TwinListing[Edge]:
        """Return all edges, or those of one pipeline, publish or workspace, the oldest first."""
        body, code = _within(workspace), [f"workspace={_code_of(workspace)}"] if workspace else []
        if pipeline is not None:
            body["pipeline_id"] = pipeline.id()
            code.append(f"pipeline=client.get_pipeline({pipeline.name()!r})")
        if publish is not None:
            body["pipeline_publish_id"] = publish.id
            code.append(f"publish=client.get_publish({publish.id})")
        found = self.transport.post("pipelines/list_edges", body)["edges"]
        place = (lambda: workspace_name(self, pipeline.workspace_id())) if pipeline else None
        twins = reading(post("pipelines/list_edges", body), f"print(client.list_edges({', '.join(code)}))", place)
        return edge_listing((Edge(self, data) for data in found), twins)

    def remove_edge(self, name: str) -> None:
        """Remove an edge by its name; one that does not exist gives a warning."""
        self.transport.post("pipelines/remove_edge", {"name": name})

    def jobs(self) -> TwinListing[Job]:
        """Return the engine's jobs, running and ended."""
        return job_listing(Job(self.transport, data) for data in self.transport.post("jobs/list")["jobs"])

    def panel(self) -> Any:
        """Return the app with all panels in tabs, to be shown in a notebook."""
        return load_panel("EdgeApp")(self)

    def get_job(self, job_id: int) -> Job:
        """Return a job by its id, as it stands now."""
        return get_job(self.transport, job_id)

    def get_publish(self, publish_id: int) -> Publish:
        """Return a publish by its id."""
        return Publish(self, self.transport.post("pipelines/get_publish_status", {"id": publish_id}))

    def email_of(self, user_id: str) -> str:
        """Return a user's email, or the id itself where the engine does not know it."""
        if user_id not in self._emails:
            users = self.transport.post("users/query", {"user_ids": [user_id]})["users"]
            self._emails[user_id] = users.get(user_id, {}).get("email") or user_id
        return self._emails[user_id]

    def _find_workspace(self, name: str) -> Workspace | None:
        return next((workspace for workspace in self.list_workspaces() if workspace.name() == name), None)

    def _find_pipelines(self, query: dict[str, Any]) -> list[Pipeline]:
        return [Pipeline(self, data) for data in self.transport.post("pipelines/list", query)["pipelines"]]

    def _pipelines(self, query: dict[str, Any], code: str) -> TwinListing[Pipeline]:
        twins = reading(post("pipelines/list", query), f"print({code})")
        return pipeline_listing(self._find_pipelines(query), twins)


def _within(workspace: Workspace | None) -> dict[str, Any]:
    """Return the filter of what is in a workspace, or anywhere."""
    return {} if workspace is None else {"workspace_id": workspace.id()}


def _code_of(workspace: Workspace | None) -> str:
    """Return the Python that gets a workspace."""
    return "" if workspace is None else f"client.get_workspace({workspace.name()!r})"

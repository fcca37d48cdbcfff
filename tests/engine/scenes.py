"""What tests on pipelines start from: a model, a pipeline, a deployment in a real engine."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from .process import EngineProcess, wait_for

ROW = {"tensor": [0.1] * 29}
JSON_RECORDS = {"Content-Type": "application/json; format=pandas-records"}
SMALL: dict[str, Any] = {
    "engine": {"replicas": 1, "cpu": 1, "resources": {"limits": {"cpu": 1, "memory": "900Mi"}}},
    "enginelb": {},
    "engineAux": {"images": {}},
    "node_selector": {},
}


@dataclass
class Scene:
    """A pipeline with one step in a workspace of its own; `empty_version_id` is its first version, without steps."""

    engine: EngineProcess
    workspace_id: int
    name: str
    model_version_id: int
    config_id: int
    pipeline_id: int
    empty_version_id: int
    version_id: int
    definition: dict[str, Any]

    def new_version(self) -> int:
        made: int = create(self.engine, self.workspace_id, self.name, self.definition)["pipeline_variant_pk_id"]
        return made

    def deploy(self, version_id: int | None = None, config: dict[str, Any] | None = None) -> int:
        """Deploy, wait until it runs, and return the deployment's id."""
        answer = self.start_deploy(version_id, config)
        job = wait_for_job(self.engine, answer)
        assert job["state"] == "succeeded", job
        deployment: int = answer.json()["id"]
        return deployment

    def start_deploy(self, version_id: int | None = None, config: dict[str, Any] | None = None) -> httpx.Response:
        body = {
            "deploy_id": self.name,
            "pipeline_version_pk_id": version_id or self.version_id,
            "pipeline_id": self.pipeline_id,
            "engine_config": {**(config or SMALL), "workspace_id": self.workspace_id},
            "model_configs": [self.config_id],
        }
        answer = self.engine.client.post("/v1/api/pipelines/deploy", json=body)
        assert answer.status_code == 200, answer.text
        return answer

    def status(self, deployment_id: int) -> httpx.Response:
        name = {"name": f"{self.name}-{deployment_id}"}
        return self.engine.client.post("/v1/api/status/get_deployment", json=name)

    def undeploy(self, deployment_id: int) -> None:
        answer = self.engine.client.post("/v1/api/pipelines/undeploy", json={"deployment_id": deployment_id})
        assert (answer.status_code, answer.json()) == (200, None)
        until(lambda: self.status(deployment_id).status_code == 404)

    def url(self) -> str:
        """The deployment's own address."""
        url: str = self.engine.post("pipelines/get", id=self.pipeline_id)["deployment"]["url"]
        return url

    def infer(self, rows: int = 1) -> httpx.Response:
        """Ask the deployment itself, over a connection of its own."""
        headers = {"Authorization": f"Bearer {self.engine.token}", **JSON_RECORDS}
        return httpx.post(self.url(), json=[ROW] * rows, headers=headers, timeout=60)

    def publish(self, version_id: int | None = None, **more: Any) -> dict[str, Any]:
        """Publish, wait for the end, and return the publish."""
        answer = self.engine.client.post(
            "/v1/api/pipelines/publish", json={"pipeline_version_id": version_id or self.version_id, **more}
        )
        assert answer.status_code == 202, answer.text
        wait_for_job(self.engine, answer)
        publish: dict[str, Any] = self.engine.post("pipelines/get_publish_status", id=answer.json()["id"])
        return publish


def make_scene(engine: EngineProcess) -> Scene:
    workspace_id = engine.post("workspaces/create", workspace_name=f"w{uuid.uuid4().hex[:12]}")["workspace_id"]
    name = f"p{uuid.uuid4().hex[:12]}"
    model_version_id = engine.add_model("ccfraud", workspace_id)
    config = engine.post("models/insert_model_config", model_version_id=model_version_id, tensor_fields=["tensor"])
    model = engine.post("models/get_version_by_id", model_version_id=model_version_id)["model_version"]["model_version"]
    info = model["file_info"]
    step = {"name": "ccfraud", "version": info["version"], "sha": info["sha"]}
    definition = {"id": name, "steps": [{"ModelInference": {"models": [step]}}]}
    first = create(engine, workspace_id, name, {})
    second = create(engine, workspace_id, name, definition)
    return Scene(
        engine=engine,
        workspace_id=workspace_id,
        name=name,
        model_version_id=model_version_id,
        config_id=config["model_config"]["id"],
        pipeline_id=first["pipeline_pk_id"],
        empty_version_id=first["pipeline_variant_pk_id"],
        version_id=second["pipeline_variant_pk_id"],
        definition=definition,
    )


def create(engine: EngineProcess, workspace_id: int, name: str, definition: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = engine.post(
        "pipelines/create", pipeline_id=name, workspace_id=workspace_id, definition=definition
    )
    return made


def wait_for_job(engine: EngineProcess, answer: httpx.Response) -> dict[str, Any]:
    """Return the job that an answer names once it is over."""
    job_id = int(answer.headers["Jupyter-Edge-Job"])
    job: dict[str, Any] = {}

    def is_over() -> bool:
        job.update(engine.post("jobs/get", id=job_id))
        return job["state"] in {"succeeded", "failed", "cancelled"}

    until(is_over)
    return job


def until(condition: Callable[[], object]) -> None:
    """Return once the condition holds; fail after a time in which a busy machine starts several replicas."""
    wait_for(condition, 120)

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from jupyter_edge.core.batching import DynamicBatchingConfig
from jupyter_edge.core.pipeline import PipelineSpec
from jupyter_edge.core.secret import Secret
from jupyter_edge.oci.client import RegistryClient
from jupyter_edge.oci.reference import Reference

from .process import EngineProcess
from .scenes import SMALL, Scene, make_scene, until, wait_for_job

KEYS = {
    "id",
    "pipeline_version_id",
    "pipeline_version_name",
    "status",
    "created_at",
    "updated_at",
    "created_by",
    "pipeline_url",
    "engine_url",
    "helm",
    "engine_config",
    "error",
    "user_images",
    "docker_run_variables",
}


@pytest.fixture
def scene(engine: EngineProcess) -> Scene:
    return make_scene(engine)


@pytest.fixture
def silent_registry() -> Iterator[str]:
    """A registry that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


class Gate:
    """A way to a registry that lets nothing through until it is opened."""

    def __init__(self, registry: str) -> None:
        self.open = threading.Event()
        self._target = registry.split(":")
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Gate:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.open.set()
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self.open.wait(60)
                target = socket.create_connection((self._target[0], int(self._target[1])))
                for source, sink in ((client, target), (target, client)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


def start_publish(scene: Scene, **more: Any) -> Any:
    body = {"pipeline_version_id": scene.version_id, **more}
    return scene.engine.client.post("/v1/api/pipelines/publish", json=body)


def fetch(engine: EngineProcess, address: str) -> dict[str, Any]:
    """Return the manifest that lies at an address of the engine's registry."""
    reference = Reference.parse(address)
    content, _, _ = connect(engine).fetch_manifest(reference.repository, reference.target)
    manifest: dict[str, Any] = json.loads(content)
    return manifest


def connect(engine: EngineProcess) -> RegistryClient:
    login = engine.post("registry/get")
    return RegistryClient(login["registry"], login["username"], Secret(login["password"]))


def published_spec(engine: EngineProcess, publish: dict[str, Any]) -> PipelineSpec:
    digest = fetch(engine, publish["pipeline_url"])["config"]["digest"]
    return PipelineSpec.from_json(
        json.loads((engine.home.blobs / "sha256" / digest.removeprefix("sha256:")).read_text())
    )


def test_a_publish_starts_pending_and_ends_with_addresses_that_can_be_pulled(scene: Scene) -> None:
    answer = start_publish(scene)
    assert answer.status_code == 202
    pending = answer.json()
    assert set(pending) == KEYS
    assert (pending["status"], pending["pipeline_url"], pending["helm"]) == ("PendingPublish", None, None)
    assert (pending["user_images"], pending["docker_run_variables"], pending["error"]) == ([], {}, None)
    assert pending["created_by"] == scene.engine.post("users/me")["id"]
    assert wait_for_job(scene.engine, answer)["state"] == "succeeded"
    done = scene.engine.post("pipelines/get_publish_status", publish_id=pending["id"])
    registry, version = scene.engine.post("registry/get")["registry"], done["pipeline_version_name"]
    assert (set(done), done["status"]) == (KEYS, "Published")
    assert done["pipeline_url"] == f"{registry}/pipelines/{scene.name}:{version}"
    assert re.fullmatch(rf"{registry}/engines/jupyter-edge:[0-9.]+", done["engine_url"])
    assert done["helm"]["chart"] == f"{registry}/charts/{scene.name}"
    assert done["helm"]["version"] == f"0.0.1-{version}"
    assert done["helm"]["values"] == {}
    assert fetch(scene.engine, done["pipeline_url"])["layers"]
    assert fetch(scene.engine, done["helm"]["reference"]) == fetch(
        scene.engine, f"{done['helm']['chart']}:{done['helm']['version']}"
    )
    assert scene.engine.post("pipelines/get", id=scene.pipeline_id)["published"] is True


def test_the_config_is_shown_as_it_was_asked_for_and_else_the_default(scene: Scene) -> None:
    default = start_publish(scene).json()["engine_config"]
    assert default["engine"]["resources"]["limits"] == {"cpu": 4.0, "memory": "3Gi"}
    assert default["enginelb"]["resources"]["requests"] == {"cpu": 0.2, "memory": "512Mi"}
    assert default["engineAux"] == {}
    asked = start_publish(scene, engine_config={"engine": SMALL["engine"]}).json()["engine_config"]
    assert asked == {"engine": SMALL["engine"], "enginelb": {}, "engineAux": {"images": {}}}


def test_the_first_version_without_steps_is_published_with_the_models_given_by_version_id(scene: Scene) -> None:
    answer = start_publish(
        scene,
        pipeline_id=scene.pipeline_id + 1000,
        pipeline_version_id=scene.empty_version_id,
        model_config_ids=[scene.model_version_id],
    )
    assert answer.status_code == 202
    assert str(scene.pipeline_id) in answer.headers["Jupyter-Edge-Warning"]
    assert wait_for_job(scene.engine, answer)["state"] == "succeeded"
    publish = scene.engine.post("pipelines/get_publish_status", id=answer.json()["id"])
    spec = published_spec(scene.engine, publish)
    assert (spec.name, spec.version) == (scene.name, publish["pipeline_version_name"])
    assert [(model.name, model.tensor_fields) for model in spec.models] == [("ccfraud", ("tensor",))]


def test_a_version_without_steps_and_models_is_refused_with_the_name_of_one_that_has(scene: Scene) -> None:
    answer = start_publish(scene, pipeline_version_id=scene.empty_version_id)
    newest = scene.engine.post("pipelines/get", id=scene.pipeline_id)["versions"][0]["version"]
    assert answer.status_code == 400
    assert newest in answer.json()["msg"]


def test_steps_are_published_with_the_config_that_is_named_for_them(scene: Scene) -> None:
    other = scene.engine.post(
        "models/insert_model_config", model_version_id=scene.model_version_id, tensor_fields=["other"]
    )["model_config"]["id"]
    for config_id, column in ((scene.config_id, "tensor"), (other, "other")):
        publish = scene.publish(model_config_ids=[config_id])
        assert [model.tensor_fields for model in published_spec(scene.engine, publish).models] == [(column,)]


def test_how_requests_are_gathered_is_published(scene: Scene) -> None:
    batching = {"max_batch_delay_ms": 5, "batch_size_target": 8, "batch_size_limit": None}
    config = scene.engine.post(
        "models/insert_model_config", model_version_id=scene.model_version_id, dynamic_batching_config=batching
    )["model_config"]
    assert config["dynamic_batching_config"] == batching
    publish = scene.publish(model_config_ids=[config["id"]])
    (model,) = published_spec(scene.engine, publish).models
    assert model.dynamic_batching == DynamicBatchingConfig(5, 8)


def test_a_config_that_no_step_uses_is_warned_of(scene: Scene) -> None:
    other = make_scene(scene.engine).config_id
    answer = start_publish(scene, model_config_ids=[other])
    assert answer.status_code == 202
    assert str(other) in answer.headers["Jupyter-Edge-Warning"]


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"pipeline_version_id": 10**9}, 404),
        ({"model_config_ids": [10**9]}, 404),
        ({"engine_config": {"engine": {"resources": {"limits": {"memory": "much"}}}}}, 400),
        ({"engine_config": []}, 400),
        ({"engine_config": {"engineAux": [1]}}, 400),
        ({"engine_config": {"enginelb": 3}}, 400),
    ],
)
def test_what_cannot_be_published_is_refused_at_once(scene: Scene, more: dict[str, Any], status: int) -> None:
    answer = start_publish(scene, **more)
    assert answer.status_code == status
    assert answer.json()["msg"]


def test_the_publishes_of_a_workspace_are_listed_newest_first(scene: Scene) -> None:
    first, second = scene.publish()["id"], scene.publish()["id"]
    listed = scene.engine.post("pipelines/list_publishes", workspace_id=scene.workspace_id)["publishes"]
    assert [publish["id"] for publish in listed] == [second, first]
    assert scene.engine.post("pipelines/list_publishes", workspace_id=10**6) == {"publishes": []}


def test_publishes_are_listed_by_pipeline_under_either_name_of_its_id(scene: Scene) -> None:
    made = [scene.publish()["id"], scene.publish(scene.new_version())["id"]]
    for name in ("pipeline_id", "publish_id"):
        answer = scene.engine.client.post(
            "/v1/api/pipelines/list_publishes_for_pipeline", json={name: scene.pipeline_id}
        )
        assert answer.status_code == 202
        assert [publish["id"] for publish in answer.json()["publishes"]] == made
        assert answer.json()["edges"] == []


def test_many_publishes_at_once_all_succeed(scene: Scene) -> None:
    versions = [scene.new_version() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        publishes = list(pool.map(scene.publish, versions))
    assert {publish["status"] for publish in publishes} == {"Published"}
    assert len({publish["pipeline_url"] for publish in publishes}) == 6


def test_a_publish_without_edges_can_be_deleted(scene: Scene) -> None:
    publish = scene.publish()
    scene.engine.post("pipelines/delete_publish", id=publish["id"])
    answer = scene.engine.client.post("/v1/api/pipelines/get_publish_status", json={"id": publish["id"]})
    assert answer.status_code == 404
    assert scene.engine.post("pipelines/get", id=scene.pipeline_id)["published"] is False
    scene.engine.post("pipelines/delete", id=scene.pipeline_id)


def test_a_publish_to_an_external_registry_arrives_there(engine: EngineProcess, own_engine: EngineProcess) -> None:
    login = engine.post("registry/get")
    own_engine.start(
        JUPYTER_EDGE_REGISTRY=f"{login['registry']}/team",
        JUPYTER_EDGE_REGISTRY_USERNAME=login["username"],
        JUPYTER_EDGE_REGISTRY_PASSWORD=login["password"],
    )
    publish = make_scene(own_engine).publish()
    assert publish["status"] == "Published", publish["error"]
    assert publish["pipeline_url"].startswith(f"{login['registry']}/team/pipelines/")
    assert fetch(engine, publish["pipeline_url"])["layers"]
    assert own_engine.post("registry/get")["external"] is True


def test_a_registry_that_refuses_the_password_is_named_in_the_error(
    engine: EngineProcess, own_engine: EngineProcess
) -> None:
    registry = engine.post("registry/get")["registry"]
    own_engine.start(
        JUPYTER_EDGE_REGISTRY=registry, JUPYTER_EDGE_REGISTRY_USERNAME="u", JUPYTER_EDGE_REGISTRY_PASSWORD="hunter2"
    )
    scene = make_scene(own_engine)
    publish = scene.publish()
    assert publish["status"] == "Error"
    assert registry in publish["error"]
    assert "hunter2" not in publish["error"] + own_engine.log()
    assert (publish["pipeline_url"], publish["helm"]) == (None, None)
    assert own_engine.post("pipelines/get", id=scene.pipeline_id)["published"] is False


def test_a_registry_that_is_down_is_named_in_the_error(own_engine: EngineProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"127.0.0.1:{server.getsockname()[1]}"
    own_engine.start(JUPYTER_EDGE_REGISTRY=closed)
    publish = make_scene(own_engine).publish()
    assert publish["status"] == "Error"
    assert closed in publish["error"]


def test_a_publish_that_a_killed_engine_leaves_is_an_error_and_can_be_done_again(
    own_engine: EngineProcess, silent_registry: str
) -> None:
    own_engine.start(JUPYTER_EDGE_REGISTRY=silent_registry)
    scene = make_scene(own_engine)
    publish_id = start_publish(scene).json()["id"]
    until(lambda: own_engine.post("pipelines/get_publish_status", id=publish_id)["status"] == "Publishing")
    own_engine.kill()
    own_engine.start()
    left = own_engine.post("pipelines/get_publish_status", id=publish_id)
    assert (left["status"], left["error"]) == ("Error", "The engine ended before the publish was done: publish again.")
    assert scene.publish()["status"] == "Published"


def test_a_publish_under_way_is_not_deleted_and_a_cancelled_one_says_so(
    engine: EngineProcess, own_engine: EngineProcess
) -> None:
    login = engine.post("registry/get")
    with Gate(login["registry"]) as gate:
        own_engine.start(
            JUPYTER_EDGE_REGISTRY=gate.address,
            JUPYTER_EDGE_REGISTRY_USERNAME=login["username"],
            JUPYTER_EDGE_REGISTRY_PASSWORD=login["password"],
        )
        scene = make_scene(own_engine)
        answer = start_publish(scene)
        publish = {"id": answer.json()["id"]}
        until(lambda: own_engine.post("pipelines/get_publish_status", **publish)["status"] == "Publishing")
        assert own_engine.client.post("/v1/api/pipelines/delete_publish", json=publish).status_code == 409
        assert own_engine.client.post("/v1/api/pipelines/delete", json={"id": scene.pipeline_id}).status_code == 409
        own_engine.post("jobs/cancel", id=int(answer.headers["Jupyter-Edge-Job"]))
        gate.open.set()
        assert wait_for_job(own_engine, answer)["state"] == "cancelled"
    cancelled = own_engine.post("pipelines/get_publish_status", **publish)
    assert (cancelled["status"], cancelled["pipeline_url"]) == ("Error", None)
    assert "cancelled" in cancelled["error"]
    own_engine.post("pipelines/delete_publish", **publish)


def test_an_unusable_registry_address_stops_the_engine_with_a_sentence(own_engine: EngineProcess) -> None:
    with pytest.raises(AssertionError, match="JUPYTER_EDGE_REGISTRY"):
        own_engine.start(JUPYTER_EDGE_REGISTRY="https://registry.example")

from __future__ import annotations

import base64
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from jupyter_edge.core.bundle import EdgeBundle

from .process import EngineProcess
from .scenes import Scene, make_scene

EDGE_KEYS = {"id", "name", "tags", "cpus", "memory", "pipeline_version_id", "spiffe_id"}


@pytest.fixture(scope="module")
def scene(engine: EngineProcess) -> Scene:
    return make_scene(engine)


@pytest.fixture(scope="module")
def publish(scene: Scene) -> dict[str, Any]:
    publish = scene.publish()
    assert publish["status"] == "Published", publish["error"]
    return publish


@pytest.fixture
def name() -> str:
    return f"e{uuid.uuid4().hex[:12]}"


def add(scene: Scene, publish_id: int, name: str, **more: Any) -> httpx.Response:
    body = {"pipeline_publish_id": publish_id, "name": name, **more}
    return scene.engine.client.post("/v1/api/pipelines/add_edge_to_publish", json=body)


def bundle_of(answer: httpx.Response) -> EdgeBundle:
    assert answer.status_code == 201, answer.text
    return EdgeBundle.decode(answer.json()["docker_run_variables"]["EDGE_BUNDLE"])


def join(engine: EngineProcess, name: str, token: str, **more: str) -> httpx.Response:
    return httpx.post(f"{engine.url}/v1/api/edges/join", json={"edge_name": name, "join_token": token} | more)


def edges_of(scene: Scene) -> dict[str, dict[str, Any]]:
    edges = scene.engine.post("pipelines/list_edges", pipeline_id=scene.pipeline_id)["edges"]
    return {edge["name"]: edge for edge in edges}


def test_edges_are_listed_by_publish_pipeline_and_workspace(scene: Scene, publish: dict[str, Any], name: str) -> None:
    other = scene.publish()
    bundle_of(add(scene, publish["id"], name))
    bundle_of(add(scene, other["id"], f"{name}-other"))

    def listed(**wanted: int) -> set[str]:
        return {edge["name"] for edge in scene.engine.post("pipelines/list_edges", **wanted)["edges"]}

    assert listed(pipeline_publish_id=other["id"]) == {f"{name}-other"}
    assert listed(pipeline_publish_id=other["id"], workspace_id=10**6) == set()
    assert {name, f"{name}-other"} <= listed(pipeline_id=scene.pipeline_id) & listed(workspace_id=scene.workspace_id)


def test_adding_an_edge_returns_the_publish_with_a_bundle(scene: Scene, publish: dict[str, Any], name: str) -> None:
    answer = add(scene, publish["id"], name, tags=["shop", "north"])
    bundle = bundle_of(answer)
    changed = {"helm", "docker_run_variables"}
    shown = answer.json()
    assert {key: shown[key] for key in shown.keys() - changed} == {
        key: publish[key] for key in publish.keys() - changed
    }
    assert list(shown["docker_run_variables"]) == ["EDGE_BUNDLE"]
    assert shown["helm"] == publish["helm"] | {"values": {"edgeBundle": shown["docker_run_variables"]["EDGE_BUNDLE"]}}
    assert bundle == EdgeBundle(
        name,
        bundle.join_token,
        httpx.URL(scene.engine.url).netloc.decode(),
        publish["pipeline_url"],
        scene.workspace_id,
    )
    assert str(uuid.UUID(bundle.join_token)) == bundle.join_token
    edge = edges_of(scene)[name]
    assert (edge["tags"], edge["cpus"], edge["memory"], edge["joined_at"]) == (["shop", "north"], 4.0, "3Gi", None)


def test_an_edge_shows_the_limits_that_its_publish_asks_for_whatever_their_form(scene: Scene, name: str) -> None:
    nothing = {"engine": {"resources": {"limits": {"cpu": None, "memory": None}}}}
    for number, (config, shown) in enumerate([(nothing, (1.0, "512Mi")), ({"engine": {"cpu": 2}}, (2.0, "512Mi"))]):
        assert add(scene, scene.publish(engine_config=config)["id"], f"{name}{number}").status_code == 201
        edge = edges_of(scene)[f"{name}{number}"]
        assert (edge["cpus"], edge["memory"]) == shown


def test_the_bundle_is_shown_only_once(scene: Scene, publish: dict[str, Any], name: str) -> None:
    token = bundle_of(add(scene, publish["id"], name)).join_token
    again = scene.engine.post("pipelines/get_publish_status", id=publish["id"])
    assert again == publish
    stored = b"".join(path.read_bytes() for path in scene.engine.home.path.glob("engine.db*"))
    assert name.encode() in stored
    assert token.encode() not in stored
    assert token not in scene.engine.log()


def test_two_edges_of_a_publish_differ_in_name_and_token_only(scene: Scene, publish: dict[str, Any], name: str) -> None:
    answers = [add(scene, publish["id"], f"{name}{number}") for number in (1, 2)]
    texts = [base64.b64decode(answer.json()["docker_run_variables"]["EDGE_BUNDLE"]).decode() for answer in answers]
    pairs = zip(*(text.split("\n") for text in texts), strict=True)
    assert [left.split("=")[0] for left, right in pairs if left != right] == ["export EDGE_NAME", "export JOIN_TOKEN"]


def test_the_edges_of_a_pipeline_are_listed_with_its_publishes(
    scene: Scene, publish: dict[str, Any], name: str
) -> None:
    add(scene, publish["id"], name)
    answer = scene.engine.client.post(
        "/v1/api/pipelines/list_publishes_for_pipeline", json={"pipeline_id": scene.pipeline_id}
    )
    (edge,) = (edge for edge in answer.json()["edges"] if edge["name"] == name)
    assert set(edge) == EDGE_KEYS
    assert edge["tags"] == []
    assert edge["pipeline_version_id"] == publish["pipeline_version_id"]
    assert edge["spiffe_id"] == f"wallaroo.ai/ns/deployments/edge/{edge['id']}"


def test_a_name_is_unique_over_all_pipelines(scene: Scene, publish: dict[str, Any], name: str) -> None:
    other = make_scene(scene.engine)
    elsewhere = other.publish()
    assert add(scene, publish["id"], name).status_code == 201
    answer = add(other, elsewhere["id"], name)
    assert answer.status_code == 409
    assert scene.name in answer.json()["msg"]


def test_of_many_requests_for_one_name_one_succeeds(scene: Scene, publish: dict[str, Any], name: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: add(scene, publish["id"], name), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


@pytest.mark.parametrize("bad", ["", "a b", "1st", "x" * 64, "a\nexport X=1"])
def test_a_name_that_breaks_the_rules_is_refused(scene: Scene, publish: dict[str, Any], bad: str) -> None:
    assert add(scene, publish["id"], bad).status_code == 400


def test_an_edge_is_added_to_a_publish_that_is_still_under_way(engine: EngineProcess, name: str) -> None:
    scene = make_scene(engine)
    started = engine.client.post("/v1/api/pipelines/publish", json={"pipeline_version_id": scene.version_id})
    answer = add(scene, started.json()["id"], name)
    assert (answer.status_code, answer.json()["status"]) == (201, "Published")


def test_no_edge_is_added_to_a_publish_that_failed(own_engine: EngineProcess, name: str) -> None:
    own_engine.start(JUPYTER_EDGE_REGISTRY="127.0.0.1:1")
    scene = make_scene(own_engine)
    publish = scene.publish()
    answer = add(scene, publish["id"], name)
    assert answer.status_code == 409
    assert publish["error"] in answer.json()["msg"]


@pytest.mark.parametrize("path", ["remove_edge", "remove_edge_from_publish"])
def test_a_removed_edge_is_gone_and_removing_it_again_only_warns(
    scene: Scene, publish: dict[str, Any], name: str, path: str
) -> None:
    bundle = bundle_of(add(scene, publish["id"], name))
    for warned in (False, True):
        answer = scene.engine.client.post(f"/v1/api/pipelines/{path}", json={"name": name})
        assert (answer.status_code, answer.json()) == (200, None)
        assert ("Jupyter-Edge-Warning" in answer.headers) is warned
    assert name not in edges_of(scene)
    assert join(scene.engine, name, bundle.join_token).status_code == 401


def test_a_warning_about_a_strange_name_stays_one_header(scene: Scene) -> None:
    answer = scene.engine.client.post("/v1/api/pipelines/remove_edge", json={"name": "é\r\nSet-Cookie: a=b"})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_an_edge_joins_once(scene: Scene, publish: dict[str, Any], name: str) -> None:
    bundle = bundle_of(add(scene, publish["id"], name))
    assert join(scene.engine, name, str(uuid.uuid4())).status_code == 401
    assert join(scene.engine, "nobody", bundle.join_token).status_code == 401
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: join(scene.engine, name, bundle.join_token), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 7
    (joined,) = (answer.json() for answer in answers if answer.status_code == 200)
    edge = edges_of(scene)[name]
    assert edge["id"] == joined["edge_id"]
    assert edge["joined_at"] is not None
    stored = b"".join(path.read_bytes() for path in scene.engine.home.path.glob("engine.db*"))
    assert joined["credential"].encode() not in stored


def test_an_edge_may_repeat_a_join_whose_answer_it_lost(scene: Scene, publish: dict[str, Any], name: str) -> None:
    token = bundle_of(add(scene, publish["id"], name)).join_token
    own, other = "a" * 64, "b" * 64
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: join(scene.engine, name, token, credential=own), range(4)))
    assert [answer.json()["credential"] for answer in answers] == [own] * 4
    assert join(scene.engine, name, token, credential=other).status_code == 403
    assert join(scene.engine, name, token).status_code == 403
    assert join(scene.engine, name, token, credential="short").status_code == 400


def test_the_credential_of_a_removed_edge_is_refused(scene: Scene, publish: dict[str, Any], name: str) -> None:
    bundle = bundle_of(add(scene, publish["id"], name))
    credential = join(scene.engine, name, bundle.join_token).json()["credential"]

    def ship() -> int:
        headers = {"Authorization": f"Bearer {credential}"}
        return httpx.post(f"{scene.engine.url}/v1/api/edges/logs", headers=headers).status_code

    assert ship() == 400  # the edge is known, and has sent nothing
    scene.engine.post("pipelines/remove_edge", name=name)
    assert ship() == 403


def test_a_publish_and_a_pipeline_with_edges_are_not_deleted(engine: EngineProcess, name: str) -> None:
    scene = make_scene(engine)  # of its own: a refusal names ten edges, and other tests add more
    publish = scene.publish()
    add(scene, publish["id"], name)
    for path, number in (("delete_publish", publish["id"]), ("delete", scene.pipeline_id)):
        answer = scene.engine.client.post(f"/v1/api/pipelines/{path}", json={"id": number})
        assert answer.status_code == 409
        assert name in answer.json()["msg"]


def test_the_calls_of_the_first_tutorial_work_as_they_are(engine: EngineProcess, name: str) -> None:
    scene = make_scene(engine)
    engine.post("pipelines/undeploy", deployment_id=scene.deploy(), pipeline_id=scene.pipeline_id)
    versions = engine.post("pipelines/get", id=scene.pipeline_id)["versions"]
    call = engine.client.post
    body = {
        "pipeline_id": 1,
        "pipeline_version_id": versions[-1]["id"],
        "model_config_ids": [scene.model_version_id],
    }
    started = call("/v1/api/pipelines/publish", json=body)
    assert (started.status_code, started.json()["status"]) == (202, "PendingPublish")
    publish_id = started.json()["id"]
    seen = call("/v1/api/pipelines/get_publish_status", json={"id": publish_id})
    assert (seen.status_code, seen.json()["error"]) == (200, None)
    listed = call("/v1/api/pipelines/list_publishes_for_pipeline", json={"pipeline_id": scene.pipeline_id})
    assert [publish["id"] for publish in listed.json()["publishes"]] == [publish_id]
    first, second = (add(scene, publish_id, f"{name}{suffix}", tags=[]) for suffix in ("", "-2"))
    assert first.json()["status"] == second.json()["status"] == "Published"
    assert first.json()["pipeline_url"].endswith(f"/pipelines/{scene.name}:{versions[-1]['version']}")
    bundle_of(second)
    removed = call("/v1/api/pipelines/remove_edge", json={"name": "ccfraud-observability-api2nvwh"})
    assert (removed.status_code, removed.json()) == (200, None)
    assert set(edges_of(scene)) == {name, f"{name}-2"}

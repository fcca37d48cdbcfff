from __future__ import annotations

import copy
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest

from .process import EngineProcess
from .scenes import SMALL, Scene, make_scene, until, wait_for_job


@pytest.fixture
def scene(engine: EngineProcess) -> Iterator[Scene]:
    scene = make_scene(engine)
    yield scene
    deployment = engine.post("pipelines/get", id=scene.pipeline_id)["deployment"]
    if deployment:
        scene.undeploy(deployment["id"])


def config(**engine: Any) -> dict[str, Any]:
    changed = copy.deepcopy(SMALL)
    changed["engine"] |= engine
    return changed


def replicas_of(engine: EngineProcess) -> list[psutil.Process]:
    children = psutil.Process(engine.process.pid).children(recursive=True)
    return [child for child in children if "jupyter_edge.edge.replica" in child.cmdline()]


def partitions(scene: Scene, deployment_id: int) -> list[str]:
    return sorted(replica["name"] for replica in scene.status(deployment_id).json()["engines"])


def test_a_deployed_pipeline_answers_at_its_own_port_and_says_how_it_is(scene: Scene) -> None:
    deployment_id = scene.deploy()
    answer = scene.infer()
    assert answer.status_code == 200
    (row,) = answer.json()
    status = scene.status(deployment_id).json()
    assert (status["status"], status["details"]) == ("Running", [])
    (replica,) = status["engines"]
    assert replica["name"] == row["metadata"]["partition"]
    assert replica["status"] == "Running"
    assert replica["details"]
    assert replica["pipeline_statuses"] == {"pipelines": [{"id": scene.name, "status": "Running"}]}
    (model,) = replica["model_statuses"]["models"]
    assert model["sha"] == scene.definition["steps"][0]["ModelInference"]["models"][0]["sha"]


def test_a_pipelines_deployment_says_how_it_is_and_not_only_what_was_asked_for(scene: Scene) -> None:
    def shown() -> list[Any]:
        (item,) = scene.engine.post("pipelines/list", workspace_id=scene.workspace_id, limit=1)["pipelines"]
        return [item["deployment"][name] for name in ("deployed", "status", "running", "replicas", "details")]

    two = config(replicas=2)
    answer = scene.start_deploy(config=two)
    deployed, status, running, replicas, _ = shown()
    assert (deployed, replicas, status == "Running") == (True, 2, running == 2)
    assert wait_for_job(scene.engine, answer)["state"] == "succeeded"
    assert shown() == [True, "Running", 2, 2, []]
    tiny = config(resources={"limits": {"cpu": 1, "memory": "1Mi"}})
    job = wait_for_job(scene.engine, scene.start_deploy(config=tiny))
    assert shown() == [True, "Error", 2, 1, [job["error"]]]
    scene.undeploy(answer.json()["id"])
    assert shown() == [False, None, 0, 1, []]


def test_a_deployments_port_wants_the_token(scene: Scene) -> None:
    scene.deploy()
    assert httpx.post(scene.url(), json=[]).status_code == 401


def test_an_undeployed_pipeline_leaves_no_process_no_port_and_no_files(scene: Scene) -> None:
    before = len(replicas_of(scene.engine))
    deployment_id = scene.deploy()
    assert len(replicas_of(scene.engine)) == before + 1
    url = scene.url()
    scene.undeploy(deployment_id)
    assert len(replicas_of(scene.engine)) == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
    folder = scene.engine.home.deployments / str(deployment_id)
    until(lambda: list(folder.glob("*")) == [])
    scene.undeploy(deployment_id)


def test_the_models_can_be_given_as_names_or_version_ids_or_not_at_all(scene: Scene) -> None:
    step = scene.definition["steps"][0]["ModelInference"]["models"][0]
    deployments = []
    for choice in ({"models": [step]}, {"model_ids": [scene.model_version_id]}, {}):
        body = {"pipeline_version_pk_id": scene.version_id, "pipeline_id": scene.pipeline_id, **choice}
        answer = scene.engine.client.post("/v1/api/pipelines/deploy", json=body)
        assert wait_for_job(scene.engine, answer)["state"] == "succeeded"
        assert scene.infer().status_code == 200
        deployments.append(scene.engine.post("pipelines/get", id=scene.pipeline_id)["deployment"])
    assert [deployment["model_config_ids"] for deployment in deployments] == [[scene.config_id]] * 3


def test_a_version_without_steps_is_refused_with_the_name_of_one_that_has(scene: Scene) -> None:
    body = {"pipeline_version_pk_id": scene.empty_version_id, "pipeline_id": scene.pipeline_id}
    answer = scene.engine.client.post("/v1/api/pipelines/deploy", json=body)
    newest = scene.engine.post("pipelines/get", id=scene.pipeline_id)["versions"][0]["version"]
    assert answer.status_code == 400
    assert newest in answer.json()["msg"]


@pytest.mark.parametrize(
    "engine_config",
    [
        config(resources={"limits": {"cpu": 1, "memory": "900 parsecs"}}),
        config(resources={"limits": {"cpu": -1}}),
        config(replicas=0),
        config(replicas=1_000_000),
        {"engine": 7},
    ],
)
def test_limits_that_make_no_sense_are_refused(scene: Scene, engine_config: dict[str, Any]) -> None:
    body = {"pipeline_version_pk_id": scene.version_id, "engine_config": engine_config}
    answer = scene.engine.client.post("/v1/api/pipelines/deploy", json=body)
    assert answer.status_code == 400
    assert scene.engine.post("pipelines/get", id=scene.pipeline_id)["deployment"] is None


def test_a_model_that_does_not_fit_its_memory_limit_is_an_error_with_a_reason(scene: Scene) -> None:
    tiny = config(resources={"limits": {"cpu": 1, "memory": "1Mi"}})
    answer = scene.start_deploy(config=tiny)
    job = wait_for_job(scene.engine, answer)
    assert job["state"] == "failed"
    status = scene.status(answer.json()["id"]).json()
    assert (status["status"], status["details"]) == ("Error", [job["error"]])
    forward = f"/v1/api/pipelines/infer/{scene.name}-{answer.json()['id']}/{scene.name}"
    refused = scene.engine.client.post(forward, json=[])
    assert refused.status_code == 500
    assert job["error"] in refused.json()[0]["error"]


def test_a_deploy_that_fails_leaves_the_version_before_it_answering(scene: Scene) -> None:
    deployment_id = scene.deploy()
    tiny = config(resources={"limits": {"cpu": 1, "memory": "1Mi"}})
    assert wait_for_job(scene.engine, scene.start_deploy(config=tiny))["state"] == "failed"
    assert scene.status(deployment_id).json()["status"] == "Error"
    assert scene.infer().status_code == 200
    scene.deploy()
    assert scene.status(deployment_id).json()["status"] == "Running"


def test_a_killed_replica_comes_back_under_the_same_partition(scene: Scene) -> None:
    known = {process.pid for process in replicas_of(scene.engine)}
    deployment_id = scene.deploy()
    before = partitions(scene, deployment_id)
    (victim,) = (process for process in replicas_of(scene.engine) if process.pid not in known)
    victim.kill()
    until(lambda: "Started again 1 times" in str(scene.status(deployment_id).json()["engines"][0]["details"]))
    until(lambda: scene.status(deployment_id).json()["status"] == "Running")
    assert partitions(scene, deployment_id) == before
    assert scene.infer().json()[0]["metadata"]["partition"] == before[0]


def test_replicas_share_the_port_and_have_a_partition_each(scene: Scene) -> None:
    deployment_id = scene.deploy(config=config(replicas=2))
    assert len(set(partitions(scene, deployment_id))) == 2
    known = partitions(scene, deployment_id)
    until(lambda: scene.infer().json()[0]["metadata"]["partition"] == known[0])
    until(lambda: scene.infer().json()[0]["metadata"]["partition"] == known[1])


def test_many_equal_deploys_at_once_end_in_one_deployment(scene: Scene) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: scene.start_deploy(), range(6)))
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert {wait_for_job(scene.engine, answer)["state"] for answer in answers} == {"succeeded"}
    deployment_id = answers[0].json()["id"]
    assert len(partitions(scene, deployment_id)) == 1
    assert scene.infer().status_code == 200


def test_a_redeploy_under_load_fails_no_request(scene: Scene) -> None:
    deployment_id = scene.deploy()
    before = partitions(scene, deployment_id)
    failures: list[object] = []
    versions: set[str] = set()
    done = threading.Event()
    url, headers = scene.url(), {"Authorization": f"Bearer {scene.engine.token}"}
    forward = f"{scene.engine.url}/v1/api/pipelines/infer/{scene.name}-{deployment_id}/{scene.name}"

    def ask(address: str) -> None:
        while not done.is_set():
            try:
                answer = httpx.post(address, json=[{"tensor": [0.5] * 29}], headers=headers, timeout=60)
                answer.raise_for_status()
                versions.add(answer.json()[0]["metadata"]["pipeline_version"])
            except httpx.HTTPError as error:
                failures.append(repr(error))

    threads = [threading.Thread(target=ask, args=(address,)) for address in (url, url, forward)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(versions) == 1)
        scene.deploy(scene.new_version())
        until(lambda: len(versions) == 2)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert scene.url() == url
    assert set(partitions(scene, deployment_id)).isdisjoint(before)


def test_a_cancelled_deploy_is_undeployed_again(scene: Scene) -> None:
    answer = scene.start_deploy()
    scene.engine.post("jobs/cancel", id=int(answer.headers["Jupyter-Edge-Job"]))
    assert wait_for_job(scene.engine, answer)["state"] == "cancelled"
    until(lambda: scene.status(answer.json()["id"]).status_code == 404)
    assert scene.engine.post("pipelines/get", id=scene.pipeline_id)["deployment"]["deployed"] is False


def test_a_pipeline_is_not_deleted_while_it_is_deployed(scene: Scene) -> None:
    deployment_id = scene.deploy()
    answer = scene.engine.client.post("/v1/api/pipelines/delete", json={"id": scene.pipeline_id})
    assert answer.status_code == 409
    assert f"deployment {deployment_id}" in answer.json()["msg"]


def test_after_a_killed_engine_the_children_end_and_the_next_engine_deploys_on_the_same_port(
    own_engine: EngineProcess,
) -> None:
    own_engine.start()
    scene = make_scene(own_engine)
    deployment_id = scene.deploy(config=config(replicas=2))
    url, children = scene.url(), replicas_of(own_engine)
    assert len(children) == 2
    own_engine.kill()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    own_engine.start()
    until(lambda: scene.status(deployment_id).json()["status"] == "Running")
    assert scene.url() == url
    assert scene.infer().status_code == 200


def logged(scene: Scene) -> int:
    """Return how many rows the pipeline's log has."""
    body = {"pipeline_name": scene.name, "workspace_id": scene.workspace_id}
    return len(scene.engine.post("pipelines/get_logs", **body))


def test_rows_are_in_the_log_as_soon_as_they_are_answered_and_stay_there(scene: Scene) -> None:
    deployment_id = scene.deploy(config=config(replicas=2))
    for count in (1, 2, 3):
        assert scene.infer().status_code == 200
        assert logged(scene) == count
    scene.infer(rows=5)
    scene.undeploy(deployment_id)
    assert logged(scene) == 8


def test_rows_of_a_killed_replica_and_of_its_successor_are_in_the_log(scene: Scene) -> None:
    known = {process.pid for process in replicas_of(scene.engine)}
    scene.deploy()
    scene.infer(rows=3)
    assert logged(scene) == 3
    (victim,) = (process for process in replicas_of(scene.engine) if process.pid not in known)
    victim.kill()
    until(lambda: scene.infer().status_code == 200)
    assert logged(scene) == 4


def test_rows_that_a_killed_engine_has_not_taken_over_are_in_the_log_of_the_next(own_engine: EngineProcess) -> None:
    own_engine.start()
    scene = make_scene(own_engine)
    deployment_id = scene.deploy()
    url = scene.url()
    own_engine.process.send_signal(signal.SIGSTOP)  # so that it takes nothing over before it is killed
    headers = {"Authorization": f"Bearer {own_engine.token}"}
    answer = httpx.post(url, json=[{"tensor": [0.5] * 29}] * 6, headers=headers, timeout=60)
    assert answer.status_code == 200
    own_engine.kill()
    own_engine.start()
    until(lambda: scene.status(deployment_id).json()["status"] == "Running")
    until(lambda: logged(scene) == 6)
    scene.undeploy(deployment_id)
    until(lambda: list((own_engine.home.deployments / str(deployment_id)).glob("*")) == [])
    assert logged(scene) == 6


def test_an_engine_that_is_stopped_while_it_deploys_deploys_when_it_is_started_again(own_engine: EngineProcess) -> None:
    own_engine.start()
    scene = make_scene(own_engine)
    deployment_id = scene.start_deploy().json()["id"]
    assert own_engine.stop() == 0
    own_engine.start()
    until(lambda: scene.status(deployment_id).json()["status"] == "Running")


def test_replicas_do_not_die_of_the_interrupt_that_ends_an_engine_in_a_terminal(own_engine: EngineProcess) -> None:
    own_engine.start()
    make_scene(own_engine).deploy()
    (child,) = replicas_of(own_engine)
    assert os.getpgid(child.pid) != os.getpgid(own_engine.process.pid)
    own_engine.process.send_signal(signal.SIGINT)
    assert own_engine.process.wait(30) == 0
    assert psutil.wait_procs([child], timeout=10)[1] == []


def test_many_deploys_at_once_are_all_accepted_and_end_in_one_that_runs(scene: Scene) -> None:
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: scene.start_deploy(), range(40)))
    (deployment_id,) = {answer.json()["id"] for answer in answers}
    for answer in answers:
        assert wait_for_job(scene.engine, answer)["state"] == "succeeded"
    assert len(partitions(scene, deployment_id)) == 1
    assert scene.infer().status_code == 200

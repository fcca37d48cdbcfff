from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import psutil
import pyarrow as pa
import pytest

from jupyter_edge import samples

from .process import EngineProcess, wait_for
from .scenes import JSON_RECORDS, ROW, Scene, make_scene


@pytest.fixture(scope="module")
def scene(engine: EngineProcess) -> Iterator[Scene]:
    scene = make_scene(engine)
    deployment_id = scene.deploy()
    yield scene
    scene.undeploy(deployment_id)


@pytest.fixture
def path(scene: Scene) -> str:
    deployment_id = scene.engine.post("pipelines/get", id=scene.pipeline_id)["deployment"]["id"]
    return f"/v1/api/pipelines/infer/{scene.name}-{deployment_id}/{scene.name}"


def test_arrow_goes_in_and_json_comes_out_as_the_tutorial_asks(scene: Scene, path: str) -> None:
    headers = {
        "Content-Type": "application/vnd.apache.arrow.file",
        "Accept": "application/json; format=pandas-records",
    }
    body = samples.path("transactions.arrow").read_bytes()
    answer = scene.engine.client.post(path, content=body, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    rows = answer.json()
    assert len(rows) == 1000
    assert list(rows[0]) == ["time", "in", "out", "check_failures", "metadata"]


def test_the_answer_is_that_of_the_deployment_itself(scene: Scene, path: str) -> None:
    forwarded = scene.engine.client.post(path, json=[ROW], headers=JSON_RECORDS).json()
    assert forwarded[0]["out"] == scene.infer().json()[0]["out"]


def test_query_parameters_reach_the_deployment_as_they_were_sent(scene: Scene, path: str) -> None:
    query = "dataset%5B%5D=time&dataset[]=out&dataset.separator=."
    answer = scene.engine.client.post(f"{path}?{query}", json=[ROW], headers=JSON_RECORDS)
    assert list(answer.json()[0]) == ["time", "out.fraud_probability"]


def test_arrow_comes_out_where_it_is_asked_for(scene: Scene, path: str) -> None:
    headers = JSON_RECORDS | {"Accept": "application/vnd.apache.arrow.file"}
    answer = scene.engine.client.post(path, json=[ROW] * 3, headers=headers)
    assert pa.ipc.open_file(answer.content).read_all().num_rows == 3


def test_a_body_of_unknown_length_streams_through(scene: Scene, path: str) -> None:
    pieces = (piece for piece in (b"[", b'{"tensor": [', b", ".join([b"0.5"] * 29), b"]}", b"]"))
    answer = scene.engine.client.post(path, content=pieces, headers=JSON_RECORDS)
    assert (answer.status_code, len(answer.json())) == (200, 1)


def test_a_large_answer_arrives_whole(scene: Scene, path: str) -> None:
    answer = scene.engine.client.post(path, json=[ROW] * 20_000, headers=JSON_RECORDS)
    assert len(answer.json()) == 20_000


def test_a_request_whose_sender_has_left_is_not_waited_for(scene: Scene, path: str) -> None:
    port = urlsplit(scene.url()).port
    engine = psutil.Process(scene.engine.process.pid)

    def uses(process: psutil.Process, status: str) -> bool:
        ends = [(c.laddr, c.raddr)[status == "ESTABLISHED"] for c in process.net_connections() if c.status == status]
        return any(end.port == port for end in ends)

    replica = next(child for child in engine.children(recursive=True) if uses(child, "LISTEN"))
    replica.suspend()
    try:
        with pytest.raises(httpx.ReadTimeout):
            scene.engine.client.post(path, json=[ROW], headers=JSON_RECORDS, timeout=1)
        wait_for(lambda: not uses(engine, "ESTABLISHED"))
    finally:
        replica.resume()
    assert scene.engine.client.post(path, json=[ROW], headers=JSON_RECORDS).status_code == 200


def test_what_the_deployment_refuses_is_refused_in_its_words(scene: Scene, path: str) -> None:
    answer = scene.engine.client.post(path, json=[{"tensor": [1.0]}], headers=JSON_RECORDS)
    assert answer.status_code == 400
    assert answer.json()[0]["error"]


@pytest.mark.parametrize("name", ["none-0", "none", "none-99999999999999999999999", "none--0", "none-\u0661"])
def test_a_pipeline_that_is_not_deployed_is_an_array_with_an_error(engine: EngineProcess, name: str) -> None:
    answer = engine.client.post(f"/v1/api/pipelines/infer/{name}/none", json=[ROW])
    assert answer.status_code == 404
    assert "not deployed" in answer.json()[0]["error"]


def test_the_name_of_another_pipeline_is_not_answered(scene: Scene, path: str) -> None:
    for other in (path.replace(f"/{scene.name}-", "/other-"), path.replace(scene.name, "other")):
        answer = scene.engine.client.post(other, json=[ROW])
        assert (answer.status_code, "error" in answer.json()[0]) == (404, True)


def test_the_token_is_needed(scene: Scene, path: str) -> None:
    assert httpx.post(f"{scene.engine.url}{path}", json=[ROW]).status_code == 401

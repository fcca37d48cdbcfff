"""What callers and operators get wrong, given to a real deployment and a real edge: one sentence, and life goes on."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
import requests

from jupyter_edge.core.media_types import ARROW_FILE, PANDAS_RECORDS
from jupyter_edge.samples import path

from .conftest import Centre, Edge

Start = Callable[..., Edge]
GOOD = [0.0] * 29


class Server(NamedTuple):
    """Where a pipeline of many rows, and one that takes single rows, answer."""

    many: str
    single: str
    headers: dict[str, str]


@pytest.fixture(scope="module")
def servers(centre: Centre, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    model = centre.client.upload_model("one-by-one", path("ccfraud.onnx"))
    model = model.configure(tensor_fields=["tensor"], batch_config="single")
    single = centre.client.build_pipeline("single").add_model_step(model)
    publishes = [centre.publish, single.publish()]
    folder = tmp_path_factory.mktemp("edges")
    edges = [Edge(folder / str(publish.id), (), 0, **centre.variables(publish)) for publish in publishes]
    deployments = [pipeline.deploy()._deployment for pipeline in (centre.pipeline, single)]
    many_url, single_url = [deployment._url() for deployment in deployments if deployment]
    for edge in edges:
        edge.wait_until_ready()
    yield {
        "deployment": Server(many_url, single_url, centre.client.auth.auth_header()),
        "edge": Server(f"{edges[0].url}/pipelines/card-fraud", f"{edges[1].url}/pipelines/single", {}),
    }
    for edge in edges:
        edge.end()


@pytest.fixture(params=["deployment", "edge"])
def server(request: pytest.FixtureRequest, servers: dict[str, Server]) -> Server:
    return servers[request.param]


def arrow(column: Any) -> bytes:
    table = pa.table({"tensor": column})
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def post(url: str, body: Any, headers: dict[str, str]) -> requests.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = ARROW_FILE if content.startswith(b"ARROW1") else PANDAS_RECORDS
    return requests.post(url, data=content, headers={"Content-Type": kind} | headers, timeout=20)


def assert_refused(answer: requests.Response, status: int, words: str) -> None:
    (first,) = answer.json()
    assert (answer.status_code, list(first)) == (status, ["error"])
    assert words in first["error"]
    assert "\n" not in first["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param([{"tensr": GOOD}], "'tensor' is missing", id="unknown column"),
        pytest.param([{"tensor": GOOD[1:]}], "shape [28]", id="wrong shape"),
        pytest.param([{"tensor": GOOD}, {"tensor": GOOD[1:]}], "shape [28]", id="rows of different shapes"),
        pytest.param([{"tensor": ["x"] * 29}], "holds text", id="wrong dtype"),
        pytest.param(arrow(["x"]), "holds text", id="wrong dtype in Arrow"),
        pytest.param(arrow(pa.array([1], pa.decimal128(9, 2))), "decimal", id="Arrow type that no model takes"),
        pytest.param(arrow([GOOD])[:-20], "not a whole Arrow IPC file", id="broken Arrow"),
        pytest.param(b'[{"tensor": [1, 2', "not JSON", id="broken JSON"),
        pytest.param({"tensor": GOOD}, "JSON object", id="JSON that is no list of records"),
        pytest.param(b"", "not JSON", id="nothing"),
    ],
)
def test_what_cannot_be_inferred_is_refused_and_the_next_request_is_answered(
    server: Server, body: Any, words: str
) -> None:
    assert_refused(post(server.many, body, server.headers), 400, words)
    assert post(server.many, [{"tensor": GOOD}], server.headers).ok


def test_nan_is_fine_where_the_model_takes_it(server: Server) -> None:
    for body in (
        [{"tensor": [float("nan"), *GOOD[1:]]}],
        [{"tensor": [None, *GOOD[1:]]}],
        arrow([[float("nan"), *GOOD[1:]]]),
    ):
        (row,) = post(server.many, body, server.headers).json()
        assert row["in"]["tensor"] == [None, *GOOD[1:]]
        assert len(row["out"]["fraud_probability"]) == 1


def test_two_rows_to_a_model_of_single_rows_are_refused(server: Server) -> None:
    assert_refused(post(server.single, [{"tensor": GOOD}] * 2, server.headers), 400, "one row per request")
    assert post(server.single, [{"tensor": GOOD}], server.headers).ok


def test_an_unknown_pipeline_is_not_found(server: Server) -> None:
    assert_refused(post(f"{server.many}-2", [{"tensor": GOOD}], server.headers), 404, "'card-fraud-2'")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic wrong"}])
def test_a_deployment_refuses_a_wrong_or_missing_token(servers: dict[str, Server], headers: dict[str, str]) -> None:
    assert_refused(post(servers["deployment"].many, [{"tensor": GOOD}], headers), 401, "missing or wrong")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"EDGE_BUNDLE": "garbage!"}, "EDGE_BUNDLE"),
        ({"EDGE_BUNDLE": "Z2FyYmFnZQ=="}, "EDGE_BUNDLE"),
        ({"CONFIG_CPUS": "many"}, "'many'"),
        ({"LOCAL_INFERENCE_STORAGE": "10 parsecs"}, "'10 parsecs'"),
        ({"JUPYTER_EDGE_PERSIST": "/proc/nowhere"}, "JUPYTER_EDGE_PERSIST"),
        ({"PIPELINE_URL": "no/registry"}, "no"),
    ],
)
def test_an_edge_that_cannot_start_says_why_in_one_sentence(
    start_edge: Start, variables: dict[str, str], words: str
) -> None:
    edge = start_edge(**{"PIPELINE_URL": "127.0.0.1:1/pipelines/p:v"} | variables)
    assert edge.process.wait(30) == 1
    last = edge.said().splitlines()[-1]
    assert last.startswith("jupyter-edge: ")
    assert words in last
    assert "Traceback" not in edge.said()


def test_a_port_in_use_is_one_sentence(centre: Centre, start_edge: Start) -> None:
    first = start_edge(persist="first", **centre.variables()).wait_until_ready()
    second = start_edge(persist="second", port=first.port, **centre.variables())
    assert second.process.wait(30) == 1
    assert f":{first.port} (Address already in use)" in second.said().splitlines()[-1]
    assert first.infer()


def test_odd_but_usable_settings_serve_and_keep_the_password_to_themselves(centre: Centre, start_edge: Start) -> None:
    variables = centre.variables() | {"DEBUG": "true", "CONFIG_CPUS": "64", "LOCAL_INFERENCE_STORAGE": "1Mi"}
    edge = start_edge(**variables).wait_until_ready()
    assert edge.infer()
    assert "cpus=64 is more than" in edge.said()
    assert variables["OCI_PASSWORD"] not in edge.said()

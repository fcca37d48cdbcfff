from __future__ import annotations

import ast
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jupyter_edge.client import Client, InvalidInputError, Pipeline, Publish, engine_status, ensure_edge, serve_here
from jupyter_edge.client.twins import TwinListing, Twins

from .outside import bash, python


def objects(client: Client, pipeline: Pipeline, publish: Publish) -> list[Twins]:
    (model,) = client.list_models()
    registered = ensure_edge(pipeline, pipeline.name(), ["berlin"], publish)
    return [
        client.get_current_workspace(),
        model,
        model.latest_version(),
        client.get_pipeline(pipeline.name()),
        publish,
        registered.edge,
        client.jobs()[0],
        engine_status(client),
    ]


def test_the_python_twin_of_an_object_prints_that_object(client: Client, pipeline: Pipeline) -> None:
    shown = objects(client, pipeline, pipeline.publish())
    program = "\n".join(one.show("python") + "\nprint('--')" for one in shown)
    printed = python(program).split("--\n")[:-1]
    assert [text.strip() for text in printed[:-1]] == [str(one).strip() for one in shown[:-1]]
    assert client.api_endpoint in printed[-1]


def test_the_curl_twin_of_an_object_reads_that_object(client: Client, pipeline: Pipeline) -> None:
    workspace, model, version, found, publish, edge, job, status = objects(client, pipeline, pipeline.publish())
    answers = [json.loads(bash(one.show("curl"))) for one in (workspace, model, found, publish, edge, job)]
    ids = [workspace.id(), found.id(), publish.id, edge.id, job.id]  # type: ignore[attr-defined]
    assert [answer["id"] for answer in (answers[0], *answers[2:])] == ids
    assert answers[1]["models"][0]["id"] == version.id()  # type: ignore[attr-defined]
    assert json.loads(bash(version.show("curl")))["model_version"]["model_version"]["id"] == version.id()  # type: ignore[attr-defined]
    assert json.loads(bash(status.show("curl")))["status"] == "ok"


def test_the_twins_of_a_version_read_it(client: Client, pipeline: Pipeline) -> None:
    version = pipeline.create_version()
    assert python(version.show("python")).strip() == str(version).strip()
    answer = json.loads(bash(version.show("curl")))
    assert (answer["version"], answer["definition"]["steps"]) == (version.name(), version.steps())


def test_the_twins_of_lists_read_what_is_in_them(client: Client, pipeline: Pipeline, published: Publish) -> None:
    ensure_edge(pipeline, pipeline.name(), publish=published)
    workspace, found = client.get_current_workspace(), client.get_pipeline(pipeline.name())
    lists: list[TwinListing[Any]] = [
        client.list_workspaces(),
        client.list_models(),
        client.list_pipelines(),
        client.list_pipelines(workspace),
        client.pipelines_by_name(pipeline.name()),
        client.list_publishes(),
        client.list_publishes(workspace),
        found.publishes(),
        found.versions(),
        client.list_edges(),
        client.list_edges(workspace=workspace),
        published.list_edges(),
        found.list_edges(),
        client.jobs(),
    ]
    program = "\n".join(one.show("python") + "\nprint('--')" for one in lists)
    printed = python(program).split("--\n")[:-1]
    assert [text.strip() for text in printed] == [str(one).strip() for one in lists]
    for one in lists:
        answer = json.loads(bash(one.show("curl")))
        rows = answer if isinstance(answer, list) else next(rows for rows in answer.values() if isinstance(rows, list))
        assert len(rows) == len(one) > 0
    with pytest.raises(InvalidInputError, match=r"^This list shows no 'docker': .* curl, python\.$"):
        client.jobs().show("docker")


def test_the_twins_of_an_edge_that_runs_here_ask_it_and_run_it_elsewhere(
    pipeline: Pipeline, published: Publish
) -> None:
    edge = serve_here(pipeline, pipeline.name())
    try:
        served = {"pipelines": [{"id": pipeline.name(), "status": "Running"}]}
        assert json.loads(bash(edge.show("curl"))) == served
        assert ast.literal_eval(python(edge.show("python"))) == served
        assert "${EDGE_BUNDLE:?set it to the bundle of edge" in edge.show("docker")
        unregistered = serve_here(pipeline)
        assert "EDGE_BUNDLE" not in unregistered.show("compose")
        unregistered.stop()
    finally:
        edge.stop()


def test_the_twins_of_a_deployment_read_how_it_is(deployed: Pipeline) -> None:
    deployment = deployed._deployment
    assert deployment
    assert ast.literal_eval(python(deployment.show("python")))["status"] == "Running"
    assert json.loads(bash(deployment.show("curl")))["status"] == "Running"


def test_the_twins_of_a_log_read_its_rows(deployed: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    deployed.infer([{"tensor": [0.0] * 29}] * 3)
    assert len(json.loads(bash(deployed.show_logs("curl", limit=2)))) == 2
    assert "[2 rows x" in python(deployed.show_logs("python", limit=2))
    now = datetime.now(UTC)
    times = {"start_datetime": now - timedelta(hours=1), "end_datetime": now + timedelta(hours=1)}
    assert len(json.loads(bash(deployed.show_logs("curl", **times)))) == 3  # type: ignore[arg-type]
    columns = {"dataset": ["time", "out"], "dataset_exclude": ["time"]}
    bash(deployed.show_logs("curl", **times, **columns))  # type: ignore[arg-type]
    table = pa.ipc.open_file(tmp_path / f"{deployed.name()}.arrow").read_all()
    assert (table.num_rows, table.column_names) == (3, ["out.fraud_probability"])
    assert "time" not in python(deployed.show_logs("python", **times, **columns))  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match=r"A log shows no 'docker': .* curl, python\."):
        deployed.show_logs("docker")


def test_what_containers_run_shows_their_commands(pipeline: Pipeline, published: Publish) -> None:
    assert published.show("docker") == published.docker_run_command()
    assert published.show("podman") == published.docker_run_command().replace("docker run", "podman run")
    assert published.show("compose") == published.compose()
    assert published.show("helm") == published.helm_commands()
    registered = ensure_edge(pipeline, pipeline.name(), publish=published)
    secret = registered.publish.docker_run_variables["EDGE_BUNDLE"]
    for kind in ("docker", "podman", "compose", "helm"):
        text = registered.show(kind)
        assert text == registered.publish.show(kind) == registered.edge.show(kind)
        assert "${EDGE_BUNDLE:?set it to the bundle of edge" in text
        assert secret not in text


def test_a_kind_that_makes_no_sense_is_refused_with_those_that_do(pipeline: Pipeline, published: Publish) -> None:
    with pytest.raises(InvalidInputError, match=r"^Pipeline shows no 'helm': .* are curl, python\.$"):
        pipeline.show("helm")
    with pytest.raises(InvalidInputError, match="are curl, python, docker, podman, compose, helm"):
        published.show("kubectl")


def test_a_twin_is_text_that_shows_as_it_is_and_tells_no_token(client: Client, pipeline: Pipeline) -> None:
    text = pipeline.show("curl")
    assert repr(text) == str(text)
    assert "$JUPYTER_EDGE_TOKEN" in text
    assert client.auth._bearer_token_str().removeprefix("Bearer ") not in text

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from jupyter_edge.core.bundle import EdgeBundle
from jupyter_edge.core.errors import ConflictError, InvalidInputError
from jupyter_edge.magics.extension import EdgeMagics
from jupyter_edge.magics.verbs import VERBS
from tests.client.outside import bash, python

from .conftest import Run


def reads(name: str) -> dict[str, str]:
    return {
        "status": "",
        "workspace": "",
        "models": "",
        "pipeline": name,
        "pipelines": "",
        "publishes": name,
        "edge list": name,
        "logs": f"{name} --limit 5",
        "jobs": "",
    }


def test_what_verbs_read_their_twins_read(run: Run, published: str) -> None:
    lines = [f"%edge {verb} {arguments}" for verb, arguments in reads(published).items()] + ["%edge publishes"]
    for line in lines:
        assert json.loads(bash(run(f"{line} --show curl"))) is not None
    program = "\n".join(run(f"{line} --show python") + "\nprint('--')" for line in lines)
    answers = python(program).split("--\n")
    assert len(answers) == len(lines) + 1
    assert all(answer.strip() for answer in answers[:-1])


@pytest.mark.parametrize("show", ["curl", "python"])
def test_the_twins_of_a_story_do_what_it_does(run: Run, workspace: str, show: str) -> None:
    def outside(line: str) -> str:
        text = run(f"%edge {line} --show {show}")
        return bash(text) if show == "curl" else python(text)

    name = workspace
    outside("upload ccfraud $samples/ccfraud.onnx --fields tensor")
    (model,) = run("%edge models")
    assert model.latest_version().tensor_fields() == ["tensor"]
    outside(f"pipeline {name} ccfraud")
    assert [step["ModelInference"]["models"][0]["name"] for step in run(f"%edge pipeline {name}").steps()] == [
        "ccfraud"
    ]
    outside(f"deploy {name} --replicas 1 --cpus 1 --memory 900Mi")
    if show == "curl":
        run("%edge jobs")[0].wait()
    assert run(f"%edge pipeline {name}").status()["status"] == "Running"
    row = json.dumps([{"tensor": [0.0] * 29}])
    assert "fraud_probability" in outside(f"infer {name} $samples/transactions.arrow")
    text = run(f"%%edge infer {name} --show {show}\n{row}")
    assert "check_failures" in (bash(text) if show == "curl" else python(text))
    outside(f"undeploy {name}")
    outside(f"publish {name}")
    if show == "curl":
        run("%edge jobs")[0].wait()
    assert [publish.status for publish in run(f"%edge publishes {name}")] == ["Published"]
    outside(f"edge add {name} {name} --tags berlin")
    assert [(edge.name, edge.tags) for edge in run(f"%edge edge list {name}")] == [(name, ["berlin"])]
    outside(f"edge remove {name}")
    assert list(run(f"%edge edge list {name}")) == []
    outside(f"cancel {run('%edge jobs')[0].id}")
    outside(f"workspace {name}-b")
    assert f"{name}-b" in [one.name() for one in run("%edge workspace")]


def test_python_twins_serve_export_and_declare(run: Run, published: str, tmp_path: Path) -> None:
    assert "state    running" in python(run(f"%edge serve {published} --as {published} --show python"))
    python(
        run(f"%edge export {published} --directory {tmp_path}/log --start 2026-01-01 --end 2026-01-02 --show python")
    )
    declared = f"%%edge pipeline {published} --dry-run --show python\nsteps: [{{model: ccfraud}}]"
    assert "=  steps" in python(run(declared))
    assert "http://" in python(run("%edge up --show python") + "\nprint(client.api_endpoint)")


def test_the_twins_of_a_picture_answer_as_the_verb_does(run: Run, workspace: str) -> None:
    run("%edge upload shapes $samples/shapes.onnx --fields images --batch single")
    run(f"%edge pipeline {workspace} shapes")
    run(f"%edge deploy {workspace} --replicas 1 --cpus 1 --memory 900Mi")
    line = f"%edge infer {workspace} --image $samples/shapes.png --fit letterbox"
    expected = run(line)["out.output0"][0]
    assert "out.output0" in python(run(f"{line} --show python"))
    (row,) = json.loads(bash(run(f"{line} --show curl")))
    assert np.array_equal(np.ravel(row["out"]["output0"]).astype(np.float32), expected)
    run(f"%edge publish {workspace} --replicas 1 --cpus 1 --memory 900Mi --quiet")
    run(f"%edge serve {workspace} --as {workspace} --quiet")
    try:
        text = run(f"{line} --at {workspace} --show curl")
        assert "Bearer" not in text
        assert np.array_equal(np.ravel(json.loads(bash(text))[0]["out"]["output0"]), np.ravel(row["out"]["output0"]))
    finally:
        run(f"%edge serve --stop {workspace}")
    with pytest.raises(InvalidInputError, match=r"no picture at 'none\.png'"):
        run(f"%edge infer {workspace} --image none.png --show curl")
    run(f"%edge undeploy {workspace}")


def test_an_edge_is_asked_without_a_token(run: Run, published: str) -> None:
    run(f"%edge serve {published} --as {published}")
    try:
        text = run(f"%edge infer {published} $samples/transactions.arrow --at {published} --show curl")
        assert "JUPYTER_EDGE_TOKEN" not in text.replace("# These set the variables", "")
        assert "fraud_probability" in bash(text)
    finally:
        run(f"%edge serve --stop {published}")


def test_a_publish_shows_the_commands_of_containers(run: Run, published: str) -> None:
    publish = run(f"%edge publish {published}")
    shown: dict[str, Any] = {
        kind: run(f"%edge publish {published} --show {kind}") for kind in ("docker", "podman", "compose", "helm")
    }
    assert shown["docker"] == publish.docker_run_command()
    assert shown["podman"] == shown["docker"].replace("docker run", "podman run")
    assert shown["compose"] == publish.compose()
    assert shown["helm"] == publish.helm_commands()
    assert run(f"%edge serve {published} --show docker") == shown["docker"]


def test_showing_a_twin_changes_nothing_and_tells_no_token(run: Run, magics: EdgeMagics, pipeline: str) -> None:
    before = len(run(f"%edge pipeline {pipeline}").versions())
    text = "".join(
        run(f"%edge {verb} {pipeline} --show {show}") for verb in ("deploy", "publish") for show in ("curl",)
    )
    assert len(run(f"%edge pipeline {pipeline}").versions()) == before
    assert list(run(f"%edge publishes {pipeline}")) == []
    assert magics.session.client.auth._bearer_token_str().removeprefix("Bearer ") not in text


def test_every_verb_but_help_has_a_twin() -> None:
    assert [verb.name for verb in VERBS if not verb.shows] == ["help"]


def test_an_edge_is_added_and_run_by_what_its_twin_shows(run: Run, published: str, tmp_path: Path) -> None:
    name = published
    recorder = tmp_path / "docker"
    recorder.write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n')
    recorder.chmod(0o755)
    (tmp_path / "podman").symlink_to(recorder)
    for kind in ("docker", "podman"):  # the second time, the edge waits to join and is registered anew
        text = run(f"%edge edge add {name} {name} --tags berlin --show {kind}")
        said = bash(text, path=tmp_path)
        (bundle,) = re.findall(r"^EDGE_BUNDLE=(\S+)$", said, re.MULTILINE)
        assert EdgeBundle.decode(bundle).edge_name == name
        assert bundle not in text
        assert [(edge.name, edge.tags) for edge in run(f"%edge edge list {name}")] == [(name, ["berlin"])]
    bash(run(f"%edge edge add {name} {name} --show curl"))
    assert [edge.tags for edge in run(f"%edge edge list {name}")] == [["berlin"]]
    compose = run(f"%edge edge add {name} {name} --show compose")
    assert "EDGE_BUNDLE" in yaml.safe_load(compose)["services"]["engine"]["environment"]
    assert "# export EDGE_BUNDLE=$(curl" in compose
    assert "--set-file edgeBundle=" in run(f"%edge edge add {name} {name} --show helm")


def test_an_edge_that_has_joined_is_not_added_by_a_twin(run: Run, published: str) -> None:
    run(f"%edge serve {published} --as {published} --quiet")
    run(f"%edge serve --stop {published}")
    with pytest.raises(ConflictError, match="nothing to add"):
        run(f"%edge edge add {published} {published} --show curl")


def test_the_curl_twins_of_deploy_and_publish_run_what_the_pipeline_is_now(run: Run, workspace: str) -> None:
    name = workspace
    run("%edge upload first $samples/ccfraud.onnx --fields tensor --quiet")
    run("%edge upload second $samples/ccfraud.onnx --fields other --quiet")
    run(f"%edge pipeline {name} first --quiet")
    run(f"%edge deploy {name} --replicas 1 --cpus 1 --memory 900Mi --quiet")
    run(f"%edge pipeline {name} second --quiet")
    for verb in ("deploy", "publish"):
        bash(run(f"%edge {verb} {name} --replicas 1 --cpus 1 --memory 900Mi --show curl"))
        run("%edge jobs")[0].wait()
    pipeline = run(f"%edge pipeline {name}")
    running = pipeline.status()["engines"][0]["model_statuses"]["models"]
    assert [model["name"] for model in running] == ["second"]
    (publish,) = pipeline.publishes()
    assert publish.pipeline_version_id == pipeline.latest_version().id()
    assert run(f"%edge deploy {name}").job is None
    run(f"%edge undeploy {name} --quiet")

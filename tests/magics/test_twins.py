from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.magics.extension import EdgeMagics
from jupyter_edge.magics.verbs import VERBS

from .conftest import Run

Shell = Callable[[str], str]


@pytest.fixture
def bash(magics: EdgeMagics) -> Shell:
    """Run text as a terminal would, with the variables that the text says it needs."""

    def run_text(text: str) -> str:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f'eval "$(jupyter-edge env)"\n{text}'],
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run_text


def python(text: str) -> str:
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, text + done.stderr
    return done.stdout


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


def test_what_verbs_read_their_twins_read(run: Run, bash: Shell, published: str) -> None:
    lines = [f"%edge {verb} {arguments}" for verb, arguments in reads(published).items()]
    for line in lines:
        assert json.loads(bash(run(f"{line} --show curl"))) is not None
    program = "\n".join(run(f"{line} --show python") + "\nprint('--')" for line in lines)
    answers = python(program).split("--\n")
    assert len(answers) == len(lines) + 1
    assert all(answer.strip() for answer in answers[:-1])


@pytest.mark.parametrize("show", ["curl", "python"])
def test_the_twins_of_a_story_do_what_it_does(run: Run, bash: Shell, workspace: str, show: str) -> None:
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


def test_a_picture_has_a_python_twin(run: Run, workspace: str) -> None:
    run("%edge upload shapes $samples/shapes.onnx --fields images --batch single")
    run(f"%edge pipeline {workspace} shapes")
    run(f"%edge deploy {workspace} --replicas 1 --cpus 1 --memory 900Mi")
    assert "out.output0" in python(run(f"%edge infer {workspace} --image $samples/shapes.png --show python"))
    with pytest.raises(InvalidInputError, match="--show python"):
        run(f"%edge infer {workspace} --image $samples/shapes.png --show curl")
    run(f"%edge undeploy {workspace}")


def test_an_edge_is_asked_without_a_token(run: Run, bash: Shell, published: str) -> None:
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

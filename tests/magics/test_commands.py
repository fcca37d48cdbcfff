from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from jupyter_edge.cli import main
from jupyter_edge.magics.verbs import VERBS
from jupyter_edge.samples import path
from tests.client.outside import python

from .conftest import LIMITS

COMMAND = [sys.executable, "-m", "jupyter_edge.cli"]


def command(line: str, text: str = "", status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *line.split()], input=text, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done


def test_the_story_runs_as_commands(name: str) -> None:
    command(f"workspace {name}")
    where = f"--workspace {name}"
    declaration = f"steps:\n  - model: ccfraud\n    file: {path('ccfraud.onnx')}\n    tensor_fields: [tensor]\n"
    command(f"pipeline {name} --file - {where}", declaration)
    assert "= steps" in command(f"pipeline {name} --dry-run -f - {where}", declaration).stdout.replace("=  s", "= s")
    assert json.loads(command(f"models --json {where}").stdout)[0]["name"] == "ccfraud"
    command(f"deploy {name} {LIMITS} {where}")
    rows = json.dumps([{"tensor": [0.0] * 29}])
    assert "fraud_probability" in command(f"infer {name} -f - {where}", rows).stdout
    command(f"undeploy {name} --quiet {where}")
    assert command(f"publish {name} --quiet {where}").stdout == ""
    command(f"edge add {name} {name} --tags berlin {where}")
    assert json.loads(command(f"edge list {name} --json {where}").stdout)[0]["tags"] == "berlin"
    assert "docker run" in command(f"publish {name} --show docker {where}").stdout


def test_serve_runs_until_it_is_interrupted(name: str, tmp_path: Path) -> None:
    declaration = f"steps: [{{model: {name}, file: {path('ccfraud.onnx')}}}]\npublish: true"
    command(f"pipeline {name} --file -", declaration)
    process = subprocess.Popen(
        [*COMMAND, "serve", name, "--as", name], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(3)]
    url = lines[2].split()[1]
    assert requests.get(f"{url}/ready", timeout=10).ok
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/ready", timeout=10)


def test_an_error_is_a_line_that_names_the_command() -> None:
    done = command("deploy nosuch", status=1)
    assert done.stderr.endswith("has no pipeline 'nosuch': `jupyter edge pipeline nosuch MODEL` makes it.\n")


def test_serve_without_a_pipeline_reads_its_environment() -> None:
    assert "PIPELINE_URL is not set" in command("serve", status=1).stderr
    assert "leave --host out" in command("serve x --host 0.0.0.0", status=1).stderr


def test_output_that_nobody_reads_on_is_no_error() -> None:
    shown = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shlex.join(COMMAND)} status --json | true"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (shown.returncode, shown.stderr) in [(0, ""), (141, "")]


def test_every_verb_is_a_command_that_help_explains(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["help"])
    assert end.value.code == 0
    assert "deploy" in capsys.readouterr().out
    for verb in VERBS:
        if verb.name != "help":
            with pytest.raises(SystemExit) as end:
                main(["help", *verb.name.split()])
            assert end.value.code == 0
            shown = capsys.readouterr().out
            assert all(argument.name in shown for argument in verb.arguments if argument.name != "--stop")


def test_a_device_loads_no_notebook_with_the_command() -> None:
    names = ["IPython", "pandas", "requests", "jupyter_edge.client"]
    loaded = python(f"import sys, jupyter_edge.cli; print([name for name in {names} if name in sys.modules])")
    assert loaded.strip() == "[]"
    assert os.environ["JUPYTER_EDGE_HOME"]

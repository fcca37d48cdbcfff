from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from jupyter_edge import samples
from jupyter_edge.magics.extension import EdgeMagics, load, unload
from tests.client.conftest import _engine_environment, engine_home  # noqa: F401 (fixtures)

Run = Callable[[str], Any]
LIMITS = "--replicas 1 --cpus 1 --memory 900Mi"


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A shell with the magics, and the folder of the samples in a variable."""
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    load(shell)
    shell.user_ns["samples"] = str(samples.path("ccfraud.onnx").parent)
    yield shell
    unload(shell)


@pytest.fixture
def magics(shell: InteractiveShell) -> EdgeMagics:
    found: list[Any] = [one for one in shell.configurables if isinstance(one, EdgeMagics)]
    magics: EdgeMagics = found[0]
    return magics


@pytest.fixture
def run(shell: InteractiveShell) -> Run:
    """Run a cell and return its value; raise what it raises."""

    def run_cell(source: str) -> Any:
        outcome = shell.run_cell(source)
        outcome.raise_error()
        return outcome.result

    return run_cell


@pytest.fixture
def name() -> str:
    """A name that nothing has yet."""
    return f"n{uuid.uuid4().hex[:12]}"


@pytest.fixture
def workspace(run: Run, name: str) -> str:
    """A new workspace, which later verbs work in."""
    run(f"%edge workspace {name} --quiet")
    return name


@pytest.fixture
def pipeline(run: Run, workspace: str) -> str:
    """A pipeline of one model, neither deployed nor published."""
    run("%edge upload ccfraud $samples/ccfraud.onnx --fields tensor --quiet")
    run(f"%edge pipeline {workspace} ccfraud --quiet")
    return workspace


@pytest.fixture
def deployed(run: Run, pipeline: str) -> Iterator[str]:
    run(f"%edge deploy {pipeline} {LIMITS} --quiet")
    yield pipeline
    run(f"%edge undeploy {pipeline} --quiet")


@pytest.fixture
def published(run: Run, pipeline: str) -> str:
    run(f"%edge publish {pipeline} {LIMITS} --quiet")
    return pipeline


@pytest.fixture
def in_samples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working folder that holds the samples."""
    for file in samples.path("ccfraud.onnx").parent.iterdir():
        if file.is_file():
            (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    return tmp_path

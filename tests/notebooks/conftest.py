from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbclient import NotebookClient

from jupyter_edge.client import Client
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.core.home import Home

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
_CELL_SECONDS = 120
_END_SECONDS = 30.0


@dataclass(frozen=True)
class Executed:
    """A notebook that was run from the top, what the engine held after it, and which processes were left."""

    cells: list[Any]
    widgets: dict[str, Any]
    seconds: float
    state: dict[str, Any]
    processes: set[int]

    def outputs(self, words: str) -> list[Any]:
        """Return what the one code cell showed that holds these words."""
        (cell,) = (cell for cell in self.cells if cell.cell_type == "code" and words in cell.source)
        return list(cell.outputs)

    def text(self, words: str) -> str:
        """Return all that the cell said, as text, with one space for many."""
        parts = []
        for output in self.outputs(words):
            if output.output_type == "stream":
                parts.append(output.text)
            elif output.output_type == "error":
                parts.append(output.evalue)
            else:
                parts.append(output.data.get("text/plain", ""))
        return re.sub(r"\s+", " ", " ".join(parts))

    def data(self, words: str) -> dict[str, Any]:
        """Return the forms of the last thing that the cell showed, by media type."""
        shown = [output for output in self.outputs(words) if "data" in output]
        return dict(shown[-1].data)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One home for all notebooks, as a reader has it, with an engine that the first of them starts."""
    home = Home(tmp_path_factory.mktemp("notebooks") / "home")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("JUPYTER_EDGE_", "OCI_"))]:
            patch.delenv(name)
        for name, value in {"JUPYTER_EDGE_HOME": str(home.path), "JUPYTER_EDGE_PORT": "0", "PATH": path}.items():
            patch.setenv(name, value)
        yield home
        stop_engine(home)


@pytest.fixture(scope="session")
def run_twice(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Executed, Executed]]:
    """Run a notebook from the top, and again in a new kernel; once for all tests."""
    known: dict[str, tuple[Executed, Executed]] = {}

    def run(name: str) -> tuple[Executed, Executed]:
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            known[name] = (_execute(name, folder, home), _execute(name, folder, home))
        return known[name]

    return run


def _execute(name: str, folder: Path, home: Home) -> Executed:
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=_CELL_SECONDS, resources={"metadata": {"path": str(folder)}})
    began = time.monotonic()
    client.execute()
    seconds = time.monotonic() - began
    widgets = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
    return Executed(notebook.cells, widgets.get("state", {}), seconds, _state(), _processes_left(home))


def _state() -> dict[str, Any]:
    """Return what the engine holds, without what grows with use: rows, and a pipeline's versions."""
    client = Client()
    state: dict[str, Any] = {"edges": sorted((edge.name, edge.publish_id, edge.tags) for edge in client.list_edges())}
    for workspace in client.list_workspaces():
        client.set_current_workspace(workspace)
        pipelines = client.list_pipelines(workspace)
        state[workspace.name()] = {
            "models": sorted((model.name(), model.version_count()) for model in client.list_models()),
            "pipelines": sorted((one.name(), one.status()["status"]) for one in pipelines),
            "publishes": sorted(publish.id for one in pipelines for publish in one.publishes()),
        }
    return state


def _processes_left(home: Home) -> set[int]:
    """Return the processes of the home, but for the engine, that do not end by themselves."""
    deadline = time.monotonic() + _END_SECONDS
    while (left := _processes_of(home)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def _processes_of(home: Home) -> set[int]:
    address = home.read_address()
    found = set()
    for process in psutil.process_iter():
        try:
            if process.environ().get("JUPYTER_EDGE_HOME") == str(home.path):
                found.add(process.pid)
        except psutil.Error:  # it ended, or is of another user
            continue
    return found - {os.getpid(), address.pid if address else 0}

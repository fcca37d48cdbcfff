"""Every notebook runs from top to bottom, as its reader would run it, and is committed without outputs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "clear the outputs before you commit"
    environ = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "JUPYTER_EDGE_HOME": str(tmp_path / "home"),
        "JUPYTER_EDGE_PERSIST": str(tmp_path / "edge"),
    }
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]  # the notebook's own may be taken on this machine
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    try:
        with client.setup_kernel(env=environ):
            for index, cell in enumerate(notebook.cells):
                cell.source = cell.source.replace("8089", str(port))
                client.execute_cell(cell, index)
    finally:
        subprocess.run(
            [sys.executable, "-m", "jupyter_edge.cli", "engine", "stop"], env=environ, check=True, timeout=60
        )

"""What a notebook keeps of its widgets when it is run and saved."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from jupyter_edge.client import Client, Publish

_WIDGETS = "application/vnd.jupyter.widget-state+json"
_REGISTER = """import time
from jupyter_edge import Client
from jupyter_edge.widgets import EdgePanel
client = Client()
client.set_current_workspace(client.get_workspace({workspace!r}))
panel = EdgePanel(client)
display(panel)
panel._name.value = {edge!r}
panel._add.click()
deadline = time.monotonic() + 30
while panel._working and time.monotonic() < deadline:
    time.sleep(0.05)
open("bundle.txt", "w").write(panel._commands.text._secret);"""


@pytest.fixture
def saved(tmp_path: Path, client: Client, published: Publish) -> tuple[str, str]:
    """Return a notebook as it is saved after an edge was registered in it, and the command that was shown then."""
    cell = _REGISTER.format(workspace=client.get_current_workspace().name(), edge=f"kept-{published.id}")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    return nbformat.writes(notebook), (tmp_path / "bundle.txt").read_text()


def test_an_edges_bundle_is_in_no_saved_notebook(saved: tuple[str, str]) -> None:
    notebook, shown = saved
    (bundle,) = re.findall(r"EDGE_BUNDLE=(\S{40,})", shown)
    state = json.loads(notebook)["metadata"]["widgets"][_WIDGETS]["state"]
    models = [model["state"] for model in state.values()]
    assert any("Command for" in model.get("label", "") for model in models), "the widget that showed it is kept"
    assert "kept-" in str(models), "and the table of edges, as it was after the registration"
    assert bundle not in notebook
    assert "EDGE_BUNDLE=" not in notebook

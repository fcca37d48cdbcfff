"""What a notebook keeps of its widgets when it is run and saved."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from jupyter_edge import samples
from jupyter_edge.client import Client, Pipeline, Publish

_WIDGETS = "application/vnd.jupyter.widget-state+json"
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
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

_START = f"""from jupyter_edge import Client
from jupyter_edge.core.telemetry import import_onnxruntime
from jupyter_edge.vision import decode_yolo, image_to_tensor
from jupyter_edge.widgets import Sparkline
client = Client()
client.set_current_workspace(client.get_workspace("{{workspace}}"))
pipeline = client.get_pipeline("{{pipeline}}")
picture, model = {str(samples.path("shapes.png"))!r}, {str(samples.path("shapes.onnx"))!r}
tensor = image_to_tensor(picture, (256, 256), fit="letterbox")
output = import_onnxruntime().InferenceSession(model).run(None, {{{{"images": tensor.tensor}}}})[0]"""
_SHOWS = [
    "decode_yolo(output, tensor, names=['circle', 'square', 'triangle', 'star', 'heart']).panel(picture)",
    "pipeline.latency()",
    "pipeline.plot_logs()",
    "pipeline.explore_logs()",
    "pipeline.publishes()[-1].diagram()",
    "client.panel()",
    "Sparkline([1, 5, 2], label='Latency', unit='ms')",
]


@pytest.fixture
def saved(tmp_path: Path, client: Client, published: Publish) -> tuple[str, str]:
    """Return a notebook as it is saved after an edge was registered in it, and the command that was shown then."""
    names = {"workspace": client.get_current_workspace().name(), "edge": f"kept-{published.id}"}
    notebook = run(tmp_path, _REGISTER.format(**names))
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


@pytest.mark.parametrize("store_widget_state", [False, True])
def test_a_saved_notebook_shows_something_true_where_no_widget_runs(
    tmp_path: Path, client: Client, deployed: Pipeline, published: Publish, store_widget_state: bool
) -> None:
    deployed.infer(pd.DataFrame({"tensor": [[0.5] * 29] * 4}))
    names = {"workspace": client.get_current_workspace().name(), "pipeline": deployed.name()}
    notebook = run(tmp_path, _START.format(**names), *_SHOWS, store_widget_state=store_widget_state)
    bundles = [cell.outputs[-1].data for cell in notebook.cells[1:]]
    assert all(bundle["text/plain"].count("\n") or ":" in bundle["text/plain"] for bundle in bundles)
    html = convert(tmp_path, notebook, *(["--ClearMetadataPreprocessor.enabled=True"] if store_widget_state else []))
    assert _WIDGET_VIEW not in html
    detections, latency, rows, log, diagram, app, line = html.split('class="jp-Cell jp-CodeCell')[2:]
    assert "data:image/png;base64," in detections
    assert "data:image/png;base64," in line
    assert all("<svg" in drawn for drawn in (latency, rows, diagram))
    assert all(f"{deployed.name()}" in shown for shown in (diagram, log, app))
    assert "out.fraud_probability" in log


def run(folder: Path, *cells: str, store_widget_state: bool = True) -> Any:
    """Run a notebook in a real kernel and return it as it is saved."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=120, resources=resources, store_widget_state=store_widget_state).execute()
    return notebook


def convert(folder: Path, notebook: Any, *options: str) -> str:
    """Return a notebook as the page that nbconvert makes of it."""
    nbformat.write(notebook, folder / "shown.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", "html", *options, "shown.ipynb"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    return (folder / "shown.html").read_text()

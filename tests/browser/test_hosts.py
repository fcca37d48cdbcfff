"""Every panel in every host of notebooks: JupyterLab, Notebook 7 and Voila, in light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

from jupyter_edge import samples
from jupyter_edge.core.home import Home
from tests.browser.conftest import THEMES, client_in, deploy, fresh, keep_picture, switch_theme, undeploy_all
from tests.browser.lab import Voila, write_notebook

pytestmark = pytest.mark.browser
Run = Callable[..., Page]
START = """from jupyter_edge import Client
client = Client()
client.set_current_workspace(client.get_workspace("{workspace}"))
pipeline = client.get_pipeline("hosts");"""
DETECT = f"""from jupyter_edge.core.telemetry import import_onnxruntime
from jupyter_edge.vision import decode_yolo, image_to_tensor
picture = {str(samples.path("shapes.png"))!r}
tensor = image_to_tensor(picture, (256, 256), fit="letterbox")
session = import_onnxruntime().InferenceSession({str(samples.path("shapes.onnx"))!r})
output = session.run(None, {{"images": tensor.tensor}})[0]
names = ["circle", "square", "triangle", "star", "heart"]
decode_yolo(output, tensor, names=names).panel(picture)"""
# What is evaluated in a cell, the text that says that it is shown with its state, and the kind of its box.
PANELS = {
    "app": ("client.panel()", "Choose a file", ".jupyter-edge-panel"),
    "upload": ('client.get_model("ccfraud").panel()', "transaction", ".jupyter-edge-panel"),
    "pipeline": ("pipeline.panel()", "Running", ".jupyter-edge-panel"),
    "publish": ("pipeline.publishes()[-1].panel()", "Published", ".jupyter-edge-panel"),
    "edge": ("client.list_edges()[0].panel()", "waits to join", ".jupyter-edge-panel"),
    "job": ("client.jobs()[0].panel()", "succeeded.", ".jupyter-edge-panel"),
    "log": ("pipeline.explore_logs()", "40 rows in 1 partition", ".jupyter-edge-log"),
    "detections": (DETECT, "detections shown", ".jupyter-edge-detection"),
}


@pytest.fixture(scope="module")
def start(engine_home: Home) -> Iterator[str]:
    """The first cell of a notebook on a pipeline that runs, has answered, is published, and has an edge."""
    workspace = fresh("hosts")
    pipeline = deploy(client_in(workspace), "ccfraud", "hosts")
    for start in range(40):
        pipeline.infer(pd.DataFrame({"tensor": [[start / 10.0] * 29]}))
    pipeline.publish().add_edge(fresh("shop"), ["north"])
    yield START.format(workspace=workspace)
    undeploy_all(workspace)


def panels_of(page: Page) -> dict[str, Locator]:
    """Return the panels of a page, once each shows its state."""
    found, seen = {}, dict.fromkeys((kind for *_, kind in PANELS.values()), 0)
    for name, (_, words, kind) in PANELS.items():
        found[name] = page.locator(f"{kind}:not({kind} {kind})").nth(seen[kind])
        seen[kind] += 1
        expect(found[name].get_by_text(words).locator("visible=true").first).to_be_visible()
    return found


def expect_loopback(asked: list[str]) -> None:
    """Expect that a page asked this machine only."""
    assert asked
    assert not [url for url in asked if url.startswith(("http", "ws")) and urlsplit(url).hostname != "127.0.0.1"]


@pytest.mark.parametrize("host", ["lab", "notebook"])
def test_every_panel_is_shown_in_jupyterlab_and_notebook(
    host: str, start: str, run_cells: Run, asked: list[str]
) -> None:
    page = run_cells(start, *(cell for cell, *_ in PANELS.values()), host=host)
    panels = panels_of(page)
    expect_loopback(asked)
    for mode, theme in THEMES.items():
        switch_theme(page, mode, theme)
        for name, panel in panels.items():
            keep_picture(panel, f"{host}-{name}-{mode}")


def test_every_panel_is_shown_in_voila(voila: Voila, start: str, page: Page, asked: list[str]) -> None:
    name = write_notebook(voila.folder, "panels.ipynb", start, *(cell for cell, *_ in PANELS.values()))
    for mode in THEMES:
        page.goto(voila.address(name, mode))
        for panel, found in panels_of(page).items():
            keep_picture(found, f"voila-{panel}-{mode}")
    # Voila's own page asks a CDN for icons.
    expect_loopback([url for url in asked if "fontawesome" not in url.lower()])

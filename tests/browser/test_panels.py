from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from jupyter_edge import samples
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.core.home import Home
from tests.browser.conftest import THEMES, command, fresh, perform, switch_theme
from tests.browser.lab import Lab
from tests.browser.replicas import held_replicas

pytestmark = pytest.mark.browser
Run = Callable[..., Page]
Photograph = Callable[[Locator, str], None]
START = """from jupyter_edge import Client
from jupyter_edge.widgets import *
client = Client()
client.set_current_workspace(client.get_workspace("{workspace}", create_if_not_exist=True));"""
MODEL = f"""model = client.upload_model("ccfraud", {str(samples.path("ccfraud.onnx"))!r})
pipeline = client.build_pipeline("{{pipeline}}").add_model_step(model)
pipeline.create_version();"""


def expect_accessible(page: Page, panel: str) -> None:
    """Expect that axe finds nothing in a panel, dark or light, that stops a keyboard or a screen reader."""
    for mode, theme in THEMES.items():
        switch_theme(page, mode, theme)
        found = Axe().run(page, context=panel, options={"runOnly": ["wcag2a", "wcag2aa"]})
        assert not found.response["violations"], f"{mode}: {found.generate_report()}"


def panel_of(page: Page, i: int = 0) -> Locator:
    """Return the panel of a cell."""
    return page.locator(".jupyter-edge-panel:not(.jupyter-edge-panel *)").nth(i)


def test_the_whole_story_is_clicked_through(run_cells: Run, photograph: Photograph, lab: Lab, workspace: str) -> None:
    page = run_cells(START.format(workspace=workspace), "client.panel()")
    app = page.locator(".jupyter-edge-panel").first
    photograph(app, "app-empty")
    app.locator("input[type=file]").set_input_files(samples.path("ccfraud.onnx"))
    expect(app.get_by_text(re.compile(r"^ccfraud.onnx, "))).to_be_visible()
    app.get_by_role("button", name="Upload", exact=True).click()
    expect(app.get_by_text("Upload succeeded.")).to_be_visible()
    expect(app.get_by_label("Tensor fields")).to_have_value("transaction")
    app.get_by_label("Tensor fields").fill("tensor")
    app.get_by_role("button", name="Save").click()
    expect(app.get_by_text("takes the columns tensor")).to_be_visible()
    photograph(app, "upload-done")
    expect_accessible(page, ".jupyter-edge-panel")
    app.get_by_role("tab", name="Pipeline").click()
    app.get_by_label("New pipeline").fill("story")
    app.get_by_role("button", name="Create").click()
    expect(app.get_by_text("Pipeline story is here")).to_be_visible()
    app.get_by_role("button", name="Add step").click()
    expect(app.get_by_text(re.compile("^1. ccfraud"))).to_be_visible()
    app.get_by_role("button", name="Deploy", exact=True).click()
    expect(app.get_by_text("Running", exact=True)).to_be_visible()
    infer_often(app)
    expect(app.get_by_role("img", name=re.compile("^Latency: from "))).to_be_visible()
    photograph(app, "pipeline-running")
    expect_accessible(page, ".jupyter-edge-panel")
    app.get_by_role("button", name="Undeploy").click()
    expect(app.get_by_text("Undeployed", exact=True)).to_be_visible()
    app.get_by_role("tab", name="Publish").click()
    app.get_by_role("button", name="Publish", exact=True).click()
    expect(app.get_by_text("Publish succeeded.")).to_be_visible()
    expect(app.get_by_text("jupyter-edge serve --port")).to_be_visible()
    photograph(app, "publish-done")
    expect_accessible(page, ".jupyter-edge-panel")
    app.get_by_role("tab", name="Edges").click()
    app.get_by_label("Edge name").fill(fresh("shop"))
    app.get_by_role("button", name="Register").click()
    expect(app.get_by_text("EDGE_BUNDLE=")).to_be_visible()
    photograph(app, "edges-bundle")
    expect_accessible(page, ".jupyter-edge-panel")
    expect_no_bundle_saved(page, lab.folder, app.locator("pre").get_by_text("EDGE_BUNDLE=").inner_text())
    app.get_by_role("button", name="I have copied it").click()
    expect(app.get_by_text("EDGE_BUNDLE=")).to_be_hidden()
    expect(app.get_by_role("cell", name="waits to join")).to_be_visible()
    app.get_by_role("tab", name="Logs").click()
    expect(app.get_by_text("out.fraud_probability").locator("visible=true").first).to_be_visible()
    photograph(app, "logs")


def infer_often(app: Locator) -> None:
    """Press Infer by its key; it says how many rows were logged, and keeps the focus."""
    infer = app.get_by_role("button", name="Infer")
    for rows in ("one row so far", "the last 2 rows", "the last 3 rows", "the last 4 rows"):
        infer.press("Enter")
        expect(app.get_by_text(f", of {rows}.")).to_be_visible()
        expect(app.get_by_text("out.fraud_probability")).to_be_visible()
        expect(infer).not_to_have_class(re.compile("jupyter-edge-working"))
        expect(infer).to_be_focused()
    expect(infer).to_have_css("outline-offset", "-4px")  # within the button, where nothing cuts it off


def expect_no_bundle_saved(page: Page, folder: Path, shown: str) -> None:
    """Expect that JupyterLab saves the widgets with the notebook, but not the bundle that one shows."""
    (bundle,) = re.findall(r"EDGE_BUNDLE=(\S{40,})", shown)
    perform(page, "docmanager:save")
    (saved,) = [path.read_text() for path in folder.glob("test_the_whole_story*.ipynb")]
    assert "Command for" in saved
    assert bundle not in saved


def test_two_panels_agree_and_cancel_works_while_the_kernel_is_idle(
    run_cells: Run, photograph: Photograph, workspace: str
) -> None:
    start = START.format(workspace=workspace) + "\n" + MODEL.format(pipeline="cancel")
    page = run_cells(start, "pipeline.panel()", "PipelinePanel(client)")
    first, second = panel_of(page, 0), panel_of(page, 1)
    first.get_by_label("Replicas").fill("5")
    first.get_by_label("Replicas").press("Enter")
    with held_replicas():
        first.get_by_role("button", name="Deploy", exact=True).click()
        first.get_by_role("button", name="Cancel").click()
        expect(first.get_by_text(re.compile("^Deploy cancelled"))).to_be_visible()
    for panel in (first, second):
        expect(panel.get_by_text("Undeployed", exact=True)).to_be_visible()
    photograph(first, "pipeline-cancelled")
    first.get_by_role("button", name="Remove").click()
    expect(second.get_by_text("No steps yet")).to_be_visible()


def test_the_kernels_interrupt_cancels_what_a_cell_waits_for(run_cells: Run, workspace: str) -> None:
    start = START.format(workspace=workspace) + "\n" + MODEL.format(pipeline="interrupt")
    with held_replicas():
        page = run_cells(start, "pipeline.deploy(wait=False);", "follow(pipeline.job)")
        expect(panel_of(page).get_by_text(re.compile("^Deploy running"))).to_be_visible()
        command(page, "kernelmenu:interrupt")
        expect(panel_of(page).get_by_text(re.compile("^Deploy cancelled"))).to_be_visible()
    expect(page.get_by_text("KeyboardInterrupt").first).to_be_visible()


def test_errors_and_empty_states_are_a_line_that_names_the_next_step(
    run_cells: Run, photograph: Photograph, workspace: str
) -> None:
    cells = ["UploadPanel(client)", "PipelinePanel(client)", "PublishPanel(client)", "EdgePanel(client)"]
    page = run_cells(START.format(workspace=workspace), *cells)
    upload = panel_of(page, 0)
    upload.get_by_label("Or its path").fill("/nowhere/model.onnx")
    upload.get_by_label("Or its path").press("Tab")
    expect(upload.get_by_label("Name", exact=True)).to_have_value("model")
    upload.get_by_role("button", name="Upload", exact=True).click()
    expect(upload.get_by_role("alert")).to_contain_text("There is no file /nowhere/model.onnx")
    expect(upload.get_by_label("Or its path")).to_have_value("/nowhere/model.onnx")
    photograph(upload, "upload-error")
    for i, name in enumerate(["upload", "pipeline", "publish", "edges"]):
        expect(panel_of(page, i).locator("select").first).to_be_visible()
        if i:
            photograph(panel_of(page, i), f"{name}-empty")
    expect_accessible(page, ".jupyter-edge-panel")


def test_what_goes_wrong_elsewhere_is_said_where_it_was_begun(
    run_cells: Run, photograph: Photograph, tmp_path: Path
) -> None:
    names = {"JUPYTER_EDGE_HOME": str(tmp_path / "home"), "JUPYTER_EDGE_REGISTRY": "127.0.0.1:1"}
    start = f"import os\nos.environ.update({names})\n" + START.format(workspace="wrong")
    cells = ["UploadPanel(client)", "pipeline.panel()", "PublishPanel(client)", "client.panel()"]
    page = run_cells(start, MODEL.format(pipeline="wrong"), *cells, "pipeline.explore_logs()")
    try:
        upload, pipeline, publish, app = (panel_of(page, i) for i in range(4))
        (tmp_path / "broken.onnx").write_bytes(b"no model" * 100)
        upload.locator("input[type=file]").set_input_files(tmp_path / "broken.onnx")
        expect(upload.get_by_label("Name", exact=True)).to_have_value("broken")
        upload.get_by_role("button", name="Upload", exact=True).click()
        expect(upload.get_by_role("alert")).to_contain_text("Upload failed")
        photograph(upload, "upload-refused")
        publish.get_by_role("button", name="Publish", exact=True).click()
        expect(publish.get_by_role("alert").first).to_contain_text("127.0.0.1:1")
        expect(publish.get_by_text("Error", exact=True)).to_be_visible()
        photograph(publish, "publish-registry-unreachable")
    finally:
        stop_engine(Home(tmp_path / "home"))
    for panel, name in ((upload, "upload"), (pipeline, "pipeline"), (publish, "publish"), (app, "app")):
        expect(panel.get_by_role("alert").first).to_contain_text("Nothing answers at")
        photograph(panel, f"{name}-engine-down")
    log = page.locator(".jupyter-edge-log")
    expect(log.get_by_text("No rows yet")).to_be_visible()
    log.get_by_role("button", name="Refresh").click()
    expect(log.locator(".jupyter-edge-bad")).to_contain_text("Nothing answers at")
    photograph(log, "log-engine-down")
    expect_accessible(page, ".jupyter-edge-panel")

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from jupyter_edge import samples
from tests.browser.conftest import PATIENCE_MS, perform
from tests.browser.test_panels import expect_accessible
from tests.edge.conftest import until

pytestmark = pytest.mark.browser
Run = Callable[..., Page]
Photograph = Callable[[Locator, str], None]
DETECT = f"""from jupyter_edge.core.telemetry import import_onnxruntime
from jupyter_edge.vision import image_to_tensor
from jupyter_edge.widgets import DetectionView
picture = {str(samples.path("shapes.png"))!r}
tensor = image_to_tensor(picture, (256, 256), fit="letterbox")
session = import_onnxruntime().InferenceSession({str(samples.path("shapes.onnx"))!r})
output = session.run(None, {{"images": tensor.tensor}})[0]
view = DetectionView(picture, output, tensor, names=["circle", "square", "triangle", "star", "heart"])
view"""
LOG = f"""import pandas as pd
from jupyter_edge import Client
client = Client()
client.set_current_workspace(client.get_workspace("{{workspace}}", create_if_not_exist=True))
model = client.upload_model("ccfraud", {str(samples.path("ccfraud.onnx"))!r}).configure(tensor_fields=["tensor"])
pipeline = client.build_pipeline("explored").add_model_step(model)
pipeline.deploy()
for start in range(0, 60, 10):
    pipeline.infer(pd.DataFrame(dict(tensor=[[float(start + i)] * 29 for i in range(10)])))
explorer = pipeline.explore_logs()"""


def test_boxes_follow_the_sliders_and_python_sees_the_same(run_cells: Run, photograph: Photograph) -> None:
    page = run_cells(DETECT)
    view = page.locator(".jupyter-edge-detection")
    view.wait_for()
    rows = view.get_by_role("option")
    status = view.get_by_role("status")
    expect(status).to_have_text(re.compile(r"^\d+ detections shown"))
    usual = rows.count()
    assert view.locator(".jupyter-edge-detection-box").count() == usual
    photograph(view, "detections")
    expect_accessible(page, ".jupyter-edge-detection")
    view.get_by_role("slider", name="Score from").fill("0.05")
    view.get_by_role("slider", name="Overlap up to").fill("1")
    crowded = rows.count()
    assert crowded > usual
    photograph(view, "detections-crowded")
    expect_python(page, "len(view.detections)", crowded)
    first = rows.first.inner_text().split()[0]
    view.get_by_role("checkbox", name=first).uncheck()
    assert rows.count() < crowded
    expect_python(page, "len(view.detections)", rows.count())
    expect(status).to_contain_text("of hidden classes")


def test_a_picture_is_zoomed_and_walked_through_by_keys(run_cells: Run) -> None:
    page = run_cells(DETECT)
    view = page.locator(".jupyter-edge-detection")
    view.wait_for()
    svg = view.locator("svg")
    whole = svg.get_attribute("viewBox")
    view.get_by_role("listbox").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(view.get_by_role("option").nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(svg).not_to_have_attribute("viewBox", str(whole))
    page.keyboard.press("Escape")
    expect(svg).to_have_attribute("viewBox", str(whole))
    expect(view.locator("[aria-selected=true]")).to_have_count(0)
    page.keyboard.press("Shift+Tab")
    expect(view.get_by_role("group", name=re.compile("^Picture, "))).to_be_focused()
    page.keyboard.press("+")
    expect(svg).not_to_have_attribute("viewBox", str(whole))
    zoomed = str(svg.get_attribute("viewBox"))
    page.keyboard.press("ArrowRight")
    expect(svg).not_to_have_attribute("viewBox", zoomed)
    expect(page.locator(".jp-Cell")).to_have_count(1)  # no key was taken for the notebook's own


def test_the_log_is_paged_filtered_counted_and_exported(
    run_cells: Run, photograph: Photograph, tmp_path: Path, workspace: str
) -> None:
    page = run_cells(LOG.format(workspace=workspace), "explorer")
    log = page.locator(".jupyter-edge-log")
    log.wait_for()
    rows = log.locator(".jupyter-edge-log-table tbody tr")
    place = log.locator(".jupyter-edge-log-place")
    expect(place).to_have_text("Page 1, 25 rows. ")
    expect(log.get_by_text("60 rows in 1 partition")).to_be_visible()
    photograph(log, "log")
    expect_accessible(page, ".jupyter-edge-log")
    log.get_by_role("button", name="Refresh").focus()
    page.keyboard.press("Tab")
    expect(log.locator("select").first).to_be_focused()
    log.get_by_role("button", name="Next").focus()
    page.keyboard.press("Enter")
    expect(place).to_have_text("Page 2, 25 rows. ")
    log.get_by_role("button", name="Next").click()
    expect(place).to_have_text("Page 3, 10 rows, the last. ")
    expect(log.get_by_role("button", name="Next")).to_be_disabled()
    log.get_by_role("button", name="First").click()
    expect(place).to_have_text("Page 1, 25 rows. ")
    log.get_by_text("Columns (").click()
    log.get_by_role("checkbox", name="in.tensor").uncheck()
    expect(log.get_by_role("columnheader", name="in.tensor")).to_have_count(0)
    log.get_by_label("Distribution of").select_option("metadata.partition")
    expect(log.locator(".jupyter-edge-log-words tr")).to_have_count(1)
    log.get_by_label("Distribution of").select_option("in.tensor")
    log.get_by_label("Item of each list").fill("3")
    expect(log.get_by_text("in.tensor: 60 values of all 60 rows")).to_be_visible()
    log.get_by_label("From (UTC)").fill("2100-01-01T00:00:00")
    expect(rows).to_have_text(["No rows: the filters leave none."])
    photograph(log, "log-nothing")
    expect_accessible(page, ".jupyter-edge-log")
    log.get_by_role("button", name="All times").click()
    expect(rows).to_have_count(25)
    expect(log.get_by_label("Order")).to_have_value("newest")
    log.get_by_label("Export to folder").fill(str(tmp_path))
    log.get_by_role("button", name="Export").click()
    expect(log.get_by_role("status")).to_contain_text(str(tmp_path / "explored-1.json"))
    assert len((tmp_path / "explored-1.json").read_text().splitlines()) == 60
    (tmp_path / "file").touch()
    log.get_by_label("Export to folder").fill(str(tmp_path / "file"))
    log.get_by_role("button", name="Export").click()
    expect(log.locator(".jupyter-edge-bad")).to_be_visible()
    photograph(log, "log-error")


def test_charts_are_drawn_in_the_page_s_colours(run_cells: Run, photograph: Photograph, workspace: str) -> None:
    charts = ("pipeline.latency()", "pipeline.plot_logs()", "publish = pipeline.publish()\npublish.diagram()")
    page = run_cells(LOG.format(workspace=workspace), *charts)
    for number, (name, words) in enumerate(
        {"latency": "Latency", "rate": "Rows per second", "publish": "Publish"}.items()
    ):
        chart = page.locator(".jp-RenderedHTMLCommon svg[role=img]").nth(number)
        chart.wait_for()
        expect(chart).to_contain_text(words)
        photograph(chart, f"chart-{name}")


def expect_python(page: Page, expression: str, value: int) -> None:
    """Expect that the kernel, asked in a new cell, comes to print a value: it hears of sliders later than the page."""
    perform(page, "notebook:insert-cell-below")
    page.keyboard.press("Escape")
    perform(page, "notebook:enter-edit-mode")
    page.locator(".jp-Cell.jp-mod-active .cm-content").fill(expression)
    output = page.locator(".jp-Cell").nth(1).locator(".jp-OutputArea-output")

    def printed() -> str:
        perform(page, "notebook:run-cell")
        return output.last.inner_text()

    until(lambda: printed() == str(value), f"{expression} == {value}", PATIENCE_MS / 1000)
    perform(page, "notebook:delete-cell")

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from jupyter_edge import samples

pytestmark = pytest.mark.browser
Run = Callable[..., Page]
Photograph = Callable[[Locator, str], None]
START = """from jupyter_edge import Client
client = Client()
client.set_current_workspace(client.get_workspace("{workspace}", create_if_not_exist=True))
client.api_endpoint;"""
MODEL = (
    f"""client.upload_model("ccfraud", {str(samples.path("ccfraud.onnx"))!r}).configure(tensor_fields=["tensor"]);"""
)


def test_the_whole_story_is_clicked_through(run_cells: Run, photograph: Photograph) -> None:
    page = run_cells(START.format(workspace="story"), "client.panel()")
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
    app.get_by_role("tab", name="Pipeline").click()
    app.get_by_label("New pipeline").fill("story")
    app.get_by_role("button", name="Create").click()
    expect(app.get_by_text("Pipeline story is here")).to_be_visible()
    app.get_by_role("button", name="Add step").click()
    expect(app.get_by_text(re.compile("^1. ccfraud"))).to_be_visible()
    app.get_by_role("button", name="Deploy", exact=True).click()
    expect(app.get_by_text("Running", exact=True)).to_be_visible()
    app.get_by_role("button", name="Infer").click()
    expect(app.get_by_text("out.fraud_probability")).to_be_visible()
    photograph(app, "pipeline-running")
    app.get_by_role("button", name="Undeploy").click()
    expect(app.get_by_text("Undeployed", exact=True)).to_be_visible()
    app.get_by_role("tab", name="Publish").click()
    app.get_by_role("button", name="Publish", exact=True).click()
    expect(app.get_by_text("Publish succeeded.")).to_be_visible()
    expect(app.get_by_text("jupyter-edge serve --port")).to_be_visible()
    photograph(app, "publish-done")
    app.get_by_role("tab", name="Edges").click()
    app.get_by_label("Edge name").fill("shop-7")
    app.get_by_role("button", name="Register").click()
    expect(app.get_by_text("EDGE_BUNDLE=")).to_be_visible()
    photograph(app, "edges-bundle")
    app.get_by_role("button", name="I have copied it").click()
    expect(app.get_by_text("EDGE_BUNDLE=")).to_be_hidden()
    expect(app.get_by_role("cell", name="waits to join")).to_be_visible()

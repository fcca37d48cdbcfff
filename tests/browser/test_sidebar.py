"""The panel in JupyterLab's sidebar, on a real engine: what it shows, how soon, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from jupyter_edge import Client, Framework
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.client.pipeline import Pipeline
from jupyter_edge.core.home import Home
from jupyter_edge.samples import path
from tests.browser.conftest import command
from tests.browser.lab import TOKEN, Lab

pytestmark = pytest.mark.browser

LIVE_MS = 10_000  # far below the poll's 30 s: what comes by then came by an event


@pytest.fixture
def client(engine_home: Home) -> Client:
    client = Client()
    names = {workspace.name(): workspace for workspace in client.list_workspaces()}
    client.set_current_workspace(names.get("sidebar") or client.create_workspace("sidebar"))
    return client


@pytest.fixture
def pipeline(client: Client) -> Iterator[Pipeline]:
    model = client.upload_model("ccfraud", path("ccfraud.onnx"), framework=Framework.ONNX)
    pipeline = client.build_pipeline("fraud-check").add_model_step(model.configure(tensor_fields=["tensor"]))
    pipeline.deploy()
    yield pipeline
    pipeline.undeploy()


@pytest.fixture
def panel(lab: Lab, page: Page, engine_home: Home) -> Locator:
    page.goto(f"{lab.url}/lab?reset&token={TOKEN}")
    page.get_by_role("tab", name="Edge").click()
    return page.locator("#jupyter-edge-panel")


def choose_workspace(panel: Locator) -> None:
    panel.get_by_role("combobox", name="Workspace").select_option("sidebar")


def row(panel: Locator, section: str, name: str) -> Locator:
    return panel.get_by_role("treegrid", name=section, exact=True).get_by_role("row").filter(has_text=name)


def test_what_a_notebook_uploads_shows_by_itself(client: Client, pipeline: Pipeline, panel: Locator) -> None:
    choose_workspace(panel)
    row(panel, "Models", "ccfraud").first.wait_for()
    client.upload_model("just-made", path("ccfraud.onnx"), framework=Framework.ONNX)
    expect(row(panel, "Models", "just-made")).to_be_visible(timeout=LIVE_MS)


def test_a_pipeline_is_inferred_published_and_given_an_edge(
    pipeline: Pipeline,
    panel: Locator,
    page: Page,
    asked: list[str],
    photograph: Callable[[Locator, str], None],
) -> None:
    choose_workspace(panel)
    deployed = row(panel, "Pipelines", "fraud-check")
    deployed.focus()
    page.keyboard.press("Shift+F10")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name="Infer From a File…").click()
    chooser.value.set_files(path("transactions.arrow"))
    expect(page.get_by_role("dialog")).to_contain_text("fraud-check answered 1000 rows")
    page.get_by_role("button", name="Close").click()
    deployed.hover()
    deployed.get_by_role("button", name="Publish").click()
    command(page, "jupyter-edge:open-section", section="publishes")
    published = row(panel, "Publishes", "Published").first
    published.hover()
    published.get_by_role("button", name="Register Edge…").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("shop-berlin")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("“shop-berlin” is registered")
    page.get_by_role("button", name="Close").click()
    expect(row(panel, "Edges", "shop-berlin")).to_contain_text("waiting")
    command(page, "jupyter-edge:open-section", section="log")
    row(panel, "Log", "engine-").first.wait_for()
    photograph(page.locator("#main"), "sidebar")
    assert all(address.startswith(("http://127.0.0.1:", "data:", "blob:")) for address in asked)


def test_screen_readers_and_keyboards_can_use_the_panel(client: Client, pipeline: Pipeline, panel: Locator) -> None:
    choose_workspace(panel)
    first = row(panel, "Models", "ccfraud").first
    first.focus()
    first.press("Space")
    expect(first).to_have_attribute("aria-expanded", "true")
    found = Axe().run(panel.page, context="#jupyter-edge-panel").response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []


def test_deleting_asks_first(client: Client, panel: Locator, page: Page) -> None:
    client.upload_model("unwanted", path("ccfraud.onnx"), framework=Framework.ONNX)
    choose_workspace(panel)
    row(panel, "Models", "unwanted").press("Delete")
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(row(panel, "Models", "unwanted")).to_be_visible()
    row(panel, "Models", "unwanted").press("Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(row(panel, "Models", "unwanted")).to_have_count(0)


def test_a_stopped_engine_is_started_from_the_panel(
    client: Client, panel: Locator, engine_home: Home, photograph: Callable[[Locator, str], None]
) -> None:
    panel.get_by_role("combobox", name="Workspace").wait_for()
    stop_engine(engine_home)
    panel.get_by_role("button", name="Refresh Edge").click()
    expect(panel.get_by_role("alert")).to_contain_text("Engine is stopped")
    photograph(panel, "sidebar-stopped")
    panel.get_by_role("button", name="Start engine").click()
    choose_workspace(panel)
    row(panel, "Models", "ccfraud").first.wait_for()

"""The panel in JupyterLab's sidebar, on a real engine: what it shows, how soon, and what is done with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from jupyter_edge import Client, DeploymentConfigBuilder, Framework
from jupyter_edge.client.discovery import locate_engine, stop_engine
from jupyter_edge.client.pipeline import Pipeline
from jupyter_edge.core.home import Home
from jupyter_edge.samples import path
from tests.browser.conftest import command
from tests.browser.lab import TOKEN, Lab
from tests.edge.conftest import until

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


def heights(panel: Locator) -> dict[str, float]:
    """How high each open section is."""
    sections = panel.get_by_role("region", name=re.compile(" Section$"))
    sizes = "sections => sections.map(s => [s.id.replace('jupyter-edge-', ''), s.getBoundingClientRect().height])"
    return dict(sections.filter(visible=True).evaluate_all(sizes))


def test_a_section_opened_late_gets_a_fair_share_and_sizes_outlive_a_reload(
    client: Client, panel: Locator, page: Page
) -> None:
    panel.get_by_role("combobox", name="Workspace").wait_for()
    command(page, "jupyter-edge:open-section", section="log")
    expect(panel.get_by_role("region", name="Log Section")).to_be_visible()
    page.wait_for_timeout(300)  # for the layout: what is read next is what it came to
    shares = heights(panel)
    assert set(shares) == {"models", "pipelines", "edges", "activity", "log"}
    assert max(shares.values()) - min(shares.values()) < 4
    handle = panel.locator(".lm-SplitPanel-handle, .lm-AccordionPanel-title").filter(has_text="Pipelines").first
    handle.click()
    expect(panel.get_by_role("region", name="Pipelines Section")).to_be_hidden()
    page.wait_for_timeout(300)
    larger = heights(panel)
    assert max(larger.values()) - min(larger.values()) < 4
    assert min(larger.values()) > max(shares.values())
    page.wait_for_timeout(1500)  # the state is saved a moment after it changed
    page.goto(page.url.replace("?reset", "").split("&")[0])
    panel.get_by_role("combobox", name="Workspace").wait_for()
    page.wait_for_timeout(500)
    restored = heights(panel)
    assert set(restored) == set(larger)
    assert max(restored.values()) - min(restored.values()) < 4


def replicas(engine: int | None) -> int:
    commands = []
    for child in psutil.Process(engine).children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            commands.append(child.cmdline())
    return sum("jupyter_edge.edge.replica" in command for command in commands)


def test_a_long_deployment_is_cancelled_from_the_panel(client: Client, pipeline: Pipeline, panel: Locator) -> None:
    large = client.build_pipeline("large").add_model_step(
        client.get_model("ccfraud").configure(tensor_fields=["tensor"])
    )
    choose_workspace(panel)
    config = DeploymentConfigBuilder().replica_count(40).cpus(0.1).memory("512Mi").build()
    large.deploy(deployment_config=config, wait=False)
    job = row(panel, "Activity", "Deployment of large")
    expect(job).to_contain_text("running")
    expect(row(panel, "Pipelines", "large")).to_contain_text(re.compile(r"starting, \d+ of 40"))
    job.hover()
    job.get_by_role("button", name="Cancel").click()
    expect(job).to_contain_text("cancelled")
    expect(row(panel, "Pipelines", "large")).not_to_contain_text(re.compile("starting|stopping|running"))
    assert next(job.state for job in client.jobs() if job.subject == "large") == "cancelled"
    until(lambda: replicas(locate_engine(None, None).pid) == 1, "no replica but that of fraud-check")


def choose(page: Page, title: str) -> None:
    """Turn a setting of Edge over, in JupyterLab's own editor of settings."""
    page.locator(".jp-FormGroup-content").filter(has_text=title).last.locator("input[type=checkbox]").click()


def test_settings_hold_at_once(client: Client, panel: Locator, page: Page) -> None:
    choose_workspace(panel)
    command(page, "settingeditor:open", query="Edge")
    item = page.locator(".jp-Edge-status")
    expect(item).to_be_visible()
    choose(page, "Show in the status bar")
    expect(item).to_be_hidden()
    choose(page, "Ask before deleting")
    client.upload_model("unasked", path("ccfraud.onnx"), framework=Framework.ONNX)
    row(panel, "Models", "unasked").press("Delete")
    expect(row(panel, "Models", "unasked")).to_have_count(0)
    choose(page, "Ask before deleting")
    choose(page, "Show in the status bar")
    expect(item).to_be_visible()


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

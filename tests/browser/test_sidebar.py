"""The panel in JupyterLab's sidebar, on a real engine: what it shows, how soon, and what is done with it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Request, expect

from jupyter_edge import Client, DeploymentConfigBuilder, Framework
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.client.pipeline import Pipeline
from jupyter_edge.core.home import Home
from jupyter_edge.samples import path
from tests.browser.conftest import (
    choose_workspace,
    client_in,
    command,
    deploy,
    fresh,
    open_panel,
    perform,
    press,
    row,
)
from tests.browser.lab import Lab
from tests.browser.replicas import held_replicas, replicas
from tests.edge.conftest import until

pytestmark = pytest.mark.browser


@pytest.fixture
def client(workspace: str) -> Client:
    return client_in(workspace)


@pytest.fixture
def pipeline(client: Client) -> Pipeline:
    return deploy(client, "ccfraud", "fraud-check")


@pytest.fixture
def panel(lab: Lab, page: Page, client: Client, workspace: str) -> Locator:
    panel = open_panel(page, lab)
    choose_workspace(panel, workspace)
    return panel


def test_what_a_notebook_uploads_shows_by_itself(client: Client, pipeline: Pipeline, panel: Locator) -> None:
    row(panel, "Models", "ccfraud").first.wait_for()
    client.upload_model("just-made", path("ccfraud.onnx"), framework=Framework.ONNX)
    expect(row(panel, "Models", "just-made")).to_be_visible()


def test_a_pipeline_is_inferred_published_and_given_an_edge(
    pipeline: Pipeline,
    panel: Locator,
    page: Page,
    asked: list[str],
    photograph: Callable[[Locator, str], None],
) -> None:
    shop = fresh("shop")
    deployed = row(panel, "Pipelines", "fraud-check")
    deployed.focus()
    page.keyboard.press("Shift+F10")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name="Infer From a File…").click()
    chooser.value.set_files(path("transactions.arrow"))
    expect(page.get_by_role("dialog")).to_contain_text("fraud-check answered 1000 rows")
    page.get_by_role("button", name="Close").click()
    press(deployed, "Publish")
    command(page, "jupyter-edge:open-section", section="publishes")
    press(row(panel, "Publishes", "Published").first, "Register Edge…")
    page.get_by_role("dialog").get_by_role("textbox").fill(shop)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text(f"“{shop}” is registered")
    page.get_by_role("button", name="Close").click()
    expect(row(panel, "Edges", shop)).to_contain_text("waiting")
    command(page, "jupyter-edge:open-section", section="log")
    row(panel, "Log", "engine-").first.wait_for()
    photograph(page.locator("#main"), "sidebar")
    assert all(address.startswith(("http://127.0.0.1:", "data:", "blob:")) for address in asked)


def test_screen_readers_and_keyboards_can_use_the_panel(client: Client, pipeline: Pipeline, panel: Locator) -> None:
    first = row(panel, "Models", "ccfraud").first
    first.focus()
    first.press("Space")
    expect(first).to_have_attribute("aria-expanded", "true")
    found = Axe().run(panel.page, context="#jupyter-edge-panel").response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []


def even_height(panel: Locator, names: set[str]) -> float | None:
    """How high each section is, if these are open and all alike."""
    sections = panel.get_by_role("region", name=re.compile(" Section$"))
    sizes = "sections => sections.map(s => [s.id.replace('jupyter-edge-', ''), s.getBoundingClientRect().height])"
    heights = dict(sections.filter(visible=True).evaluate_all(sizes))
    is_even = set(heights) == names and max(heights.values()) - min(heights.values()) < 4
    return min(heights.values()) if is_even else None


def keeps_open(request: Request, names: set[str]) -> bool:
    """Tell whether JupyterLab keeps that the panel and these sections are open, as it does a while after a change."""
    if request.method != "PUT" or "/api/workspaces/" not in request.url:
        return False
    kept = json.loads(request.post_data or "")["data"]
    layout, panel = kept.get("layout-restorer:data"), kept.get("jupyter-edge:panel")
    is_open = layout is not None and layout["left"].get("current") == "jupyter-edge-panel"
    return is_open and panel is not None and set(panel["open"]) == names


def test_a_section_opened_late_gets_a_fair_share_and_sizes_outlive_a_reload(panel: Locator, page: Page) -> None:
    names = {"models", "pipelines", "edges", "activity", "log"}
    command(page, "jupyter-edge:open-section", section="log")
    share = until(lambda: even_height(panel, names), "five sections that share the panel")
    fewer = names - {"pipelines"}
    with page.expect_response(lambda answer: keeps_open(answer.request, fewer)):
        panel.locator(".lm-AccordionPanel-title").filter(has_text="Pipelines").click()
    assert until(lambda: even_height(panel, fewer), "four sections that share the panel") > share
    page.goto(page.url.split("?")[0])
    until(lambda: even_height(panel, fewer), "the same sections after a reload")


def test_a_long_deployment_is_cancelled_from_the_panel(client: Client, pipeline: Pipeline, panel: Locator) -> None:
    before, name = replicas(), fresh("large")
    large = client.build_pipeline(name).add_model_step(client.get_model("ccfraud").configure(tensor_fields=["tensor"]))
    job = row(panel, "Activity", f"Deployment of {name}")
    with held_replicas():
        large.deploy(DeploymentConfigBuilder().replica_count(5).cpus(0.1).memory("512Mi").build(), wait=False)
        expect(job).to_contain_text("running")
        expect(row(panel, "Pipelines", name)).to_contain_text(re.compile(r"starting, \d+ of 5"))
        press(job, "Cancel")
        expect(job).to_contain_text("cancelled")
    expect(row(panel, "Pipelines", name)).not_to_contain_text(re.compile("starting|stopping|running"))
    assert next(job.state for job in client.jobs() if job.subject == name) == "cancelled"
    until(lambda: replicas() == before, "none of its replicas any more")


def turn_over(page: Page, title: str) -> None:
    """Turn a setting of Edge over, in JupyterLab's own editor of settings, which saves it a while later."""
    with page.expect_response(lambda answer: answer.request.method == "PUT" and "/api/settings/" in answer.url):
        page.locator(".jp-FormGroup-content").filter(has_text=title).last.locator("input[type=checkbox]").click()
    editor = page.locator(".lm-TabBar-tab").filter(has_text="Settings")
    expect(editor).not_to_have_class(re.compile("jp-mod-dirty"))  # which it has from the click until the setting holds


def test_settings_hold_at_once(client: Client, panel: Locator, page: Page) -> None:
    perform(page, "settingeditor:open", query="Edge")
    item = page.locator(".jp-Edge-status")
    expect(item).to_be_visible()
    turn_over(page, "Show in the status bar")
    expect(item).to_be_hidden()
    turn_over(page, "Ask before deleting")
    client.upload_model("unasked", path("ccfraud.onnx"), framework=Framework.ONNX)
    row(panel, "Models", "unasked").press("Delete")
    expect(row(panel, "Models", "unasked")).to_have_count(0)
    turn_over(page, "Ask before deleting")
    turn_over(page, "Show in the status bar")
    expect(item).to_be_visible()


def test_a_command_finds_rows_that_are_not_shown_and_says_where_there_is_none(
    client: Client, panel: Locator, page: Page, workspace: str
) -> None:
    client.upload_model("hidden", path("ccfraud.onnx"), framework=Framework.ONNX)
    (hidden,) = (model.id() for model in client.list_models() if model.name() == "hidden")
    panel.get_by_placeholder("Filter by name").fill("nothing-like-this")
    expect(panel.get_by_role("region", name="Models Section")).to_contain_text("No name contains")
    command(page, "jupyter-edge:delete-model", id=hidden)
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    until(lambda: "hidden" not in {one.name() for one in client.list_models()}, "a model that is deleted")
    command(page, "jupyter-edge:delete-model", id=999_999)
    said = page.locator(".Toastify__toast")
    expect(said.filter(has_text=f"“Models” of workspace “{workspace}” has no row 999999")).to_be_visible()
    command(page, "jupyter-edge:undeploy-pipeline", id=client.build_pipeline("calm").id())
    expect(said.filter(has_text="“calm” does not take “Undeploy” as it is now.")).to_be_visible()


def test_a_new_pipeline_gets_a_name_that_is_free(
    client: Client, panel: Locator, page: Page, photograph: Callable[[Locator, str], None]
) -> None:
    client.upload_model("step", path("ccfraud.onnx"), framework=Framework.ONNX)
    client.build_pipeline("taken").create_version()
    step = row(panel, "Models", "step")
    step.hover()
    photograph(panel, "sidebar-models")
    step.get_by_role("button", name="New Pipeline With…").click()
    dialog = page.get_by_role("dialog")
    name, create = dialog.get_by_role("textbox", name="Name"), dialog.get_by_role("button", name="Create")
    expect(name).to_be_focused()
    photograph(dialog.locator(".jp-Dialog-content"), "new-pipeline")
    name.press_sequentially("taken")
    expect(dialog).to_contain_text("A pipeline “taken” is there already")
    expect(create).to_be_disabled()
    dialog.get_by_role("button", name="Add Step").click()
    photograph(dialog.locator(".jp-Dialog-content"), "new-pipeline-taken")
    name.press("End")
    name.press_sequentially("-not")
    expect(create).to_be_enabled()
    name.press("Enter")
    expect(row(panel, "Pipelines", "taken-not")).to_contain_text("step → step")


def test_deleting_asks_first(client: Client, panel: Locator, page: Page) -> None:
    client.upload_model("unwanted", path("ccfraud.onnx"), framework=Framework.ONNX)
    row(panel, "Models", "unwanted").press("Delete")
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(row(panel, "Models", "unwanted")).to_be_visible()
    row(panel, "Models", "unwanted").press("Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(row(panel, "Models", "unwanted")).to_have_count(0)


def test_a_stopped_engine_is_started_from_the_panel(
    client: Client, panel: Locator, engine_home: Home, photograph: Callable[[Locator, str], None]
) -> None:
    client.upload_model("lasting", path("ccfraud.onnx"), framework=Framework.ONNX)
    stop_engine(engine_home)
    panel.get_by_role("button", name="Refresh Edge").click()
    expect(panel.get_by_role("alert")).to_contain_text("Engine is stopped")
    photograph(panel, "sidebar-stopped")
    panel.get_by_role("button", name="Start engine").click()
    row(panel, "Models", "lasting").wait_for()

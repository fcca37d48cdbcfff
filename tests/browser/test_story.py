"""The whole way of a model by JupyterLab's panel: from a file to rows of an edge, and over the engine's sudden end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from playwright.sync_api import BrowserContext, Locator, Page, expect

from jupyter_edge import Client, DeploymentConfigBuilder
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.core.home import Home
from jupyter_edge.samples import path
from tests.browser.conftest import command, open_panel, press
from tests.browser.lab import Lab, free_port
from tests.browser.replicas import held_replicas
from tests.browser.test_files import drop
from tests.browser.test_panels import Photograph, expect_accessible
from tests.edge.conftest import ROW, until

pytestmark = pytest.mark.browser

PANEL = "#jupyter-edge-panel"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home of its own, whose engine hears often of its edges."""
    home = Home(tmp_path / "home")
    monkeypatch.setenv("JUPYTER_EDGE_HOME", str(home.path))
    monkeypatch.setenv("JUPYTER_EDGE_PORT", str(free_port()))  # the same one after a restart
    monkeypatch.setenv("JUPYTER_EDGE_HEARTBEAT_SECONDS", "0.5")
    yield home
    stop_engine(home)


@pytest.fixture
def lab(home: Home, tmp_path: Path) -> Iterator[Lab]:
    folder = tmp_path / "lab"
    folder.mkdir()
    lab = Lab(folder)
    yield lab
    lab.stop()


@pytest.fixture
def asked_by_all(page: Page) -> list[str]:
    """The hosts that all tabs ask for something."""
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
    return asked


def rows(panel: Locator, section: str) -> Locator:
    command(panel.page, "jupyter-edge:open-section", section=section.lower())
    return panel.get_by_role("treegrid", name=section, exact=True).get_by_role("row")


def clipboard(page: Page) -> str:
    text: str = page.evaluate("() => navigator.clipboard.readText()")
    return text


class EdgeProcess:
    """What a user starts in a terminal by the command that the panel copied, on a port that is free."""

    def __init__(self, copied: str, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        text = re.sub(r"--port \d+", f"--port {port}", copied)
        self.log = folder / "edge.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(["bash", "-c", text], stdout=log, stderr=log, start_new_session=True)

    def wait_until_ready(self) -> None:
        until(lambda: self._answers() or self.process.poll() is not None, "an edge that answers", 60)
        assert self.process.poll() is None, self.log.read_text()

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(30)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/ready", timeout=5).ok
        except requests.ConnectionError:
            return False


def test_a_model_goes_from_a_file_to_an_edge_and_its_rows_come_back(
    lab: Lab, page: Page, asked_by_all: list[str], photograph: Photograph, tmp_path: Path
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel = open_panel(page, lab)
    panel.get_by_role("button", name="Start engine").click()
    upload(panel)
    Client().get_model("ccfraud").configure(tensor_fields=["tensor"])
    make_pipeline(panel)
    deploy_and_infer(panel)
    copied = publish_and_register(panel)
    edge = EdgeProcess(copied, tmp_path)
    try:
        watch_it_live(panel, edge)
        photograph(page.locator("#main"), "story")
        expect_accessible(page, PANEL)
        expect_two_tabs_to_agree(page.context, panel, lab)
    finally:
        edge.stop()
    expect(rows(panel, "Edges").filter(has_text="shop-berlin")).to_contain_text("stopped")
    assert set(asked_by_all) <= {urlsplit(lab.url).netloc, ""}  # those without a host are data: and blob:


def upload(panel: Locator) -> None:
    expect(panel.get_by_role("button", name="Upload Model…").first).to_be_enabled()
    drop(panel.page, PANEL, Path(path("ccfraud.onnx")))
    expect(rows(panel, "Models").filter(has_text="ccfraud")).to_be_visible()


def make_pipeline(panel: Locator) -> None:
    page = panel.page
    press(rows(panel, "Models").filter(has_text="ccfraud"), "New Pipeline With…")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("combobox", name="Model of step 1")).to_have_value(re.compile(r"\d+"))
    create = dialog.get_by_role("button", name="Create")
    expect(create).to_be_disabled()
    name = dialog.get_by_role("textbox", name="Name")
    expect(name).to_be_focused()
    name.press_sequentially("Story")
    expect(create).to_be_disabled()
    name.fill("story")
    expect_accessible(page, ".jp-Dialog-content")
    create.click()


def deploy_and_infer(panel: Locator) -> None:
    page = panel.page
    pipeline = rows(panel, "Pipelines").filter(has_text="story")
    expect(pipeline).to_be_visible()
    press(pipeline, "Deploy")
    expect(pipeline).to_contain_text("running")
    pipeline.focus()
    page.keyboard.press("Shift+F10")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name="Infer From a File…").click()
    chooser.value.set_files(path("transactions.arrow"))
    expect(page.get_by_role("dialog")).to_contain_text("story answered 1000 rows")
    page.get_by_role("button", name="Close").click()
    expect(rows(panel, "Log").filter(has_text="engine-").first).to_be_visible()


def publish_and_register(panel: Locator) -> str:
    """Publish the pipeline, register an edge for it, and return the command that the panel copies."""
    page = panel.page
    press(rows(panel, "Pipelines").filter(has_text="story"), "Publish")
    published = rows(panel, "Publishes").filter(has_text="Published").first
    press(published, "Register Edge…")
    page.get_by_role("dialog").get_by_role("textbox").fill("shop-berlin")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog").filter(has_text="is registered")
    dialog.get_by_role("button", name="Copy: Command without a container").click()
    expect(dialog.get_by_role("button", name="Copied: Command without a container")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(rows(panel, "Edges").filter(has_text="shop-berlin")).to_contain_text("waiting")
    return clipboard(page)


def watch_it_live(panel: Locator, edge: EdgeProcess) -> None:
    edge.wait_until_ready()
    shown = rows(panel, "Edges").filter(has_text="shop-berlin")
    expect(shown).to_contain_text("online")
    for _ in range(3):
        requests.post(f"{edge.url}/infer", json=ROW, timeout=10).raise_for_status()
    expect(shown).to_contain_text("3 rows")
    expect(rows(panel, "Log").filter(has_text="shop-berlin")).to_have_count(3)


def expect_two_tabs_to_agree(context: BrowserContext, panel: Locator, lab: Lab) -> None:
    other = open_panel(context.new_page(), lab)
    for section in ("Models", "Pipelines", "Edges"):
        expect(rows(other, section).first).to_be_visible()
    command(other.page, "jupyter-edge:open-section", section="workspaces")
    Client().build_pipeline("seen-by-both").create_version()
    for each in (panel, other):
        expect(rows(each, "Pipelines").filter(has_text="seen-by-both")).to_have_count(1)
    titles = [rows(each, "Pipelines").locator(".jp-Edge-title").all_inner_texts() for each in (panel, other)]
    assert titles[0] == titles[1] == ["seen-by-both", "story"]
    other.page.close()


def test_a_long_job_is_cancelled_and_a_killed_engine_comes_back(home: Home, lab: Lab, page: Page) -> None:
    client = Client()
    model = client.upload_model("ccfraud", path("ccfraud.onnx")).configure(tensor_fields=["tensor"])
    pipeline = client.build_pipeline("slow").add_model_step(model)
    panel = open_panel(page, lab)
    with held_replicas():
        pipeline.deploy(DeploymentConfigBuilder().replica_count(5).cpus(0.1).memory("256Mi").build(), wait=False)
        job = rows(panel, "Activity").filter(has_text="Deployment").first
        press(job, "Cancel")
        expect(job).to_contain_text("cancelled")
    expect(rows(panel, "Pipelines").filter(has_text="slow")).not_to_contain_text(re.compile("starting|running"))

    address = home.read_address()
    assert address is not None
    engine = psutil.Process(address.pid)
    engine.kill()
    engine.wait(10)
    expect(panel.get_by_role("alert").filter(has_text="Engine is stopped")).to_be_visible()
    Client()  # as a notebook does it
    expect(panel.get_by_role("alert")).to_have_count(0)
    expect(rows(panel, "Models").filter(has_text="ccfraud")).to_be_visible()

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from _pytest._code.code import ExceptionRepr
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from jupyter_edge import Client, Framework
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.client.pipeline import Pipeline
from jupyter_edge.core.home import Home
from jupyter_edge.samples import path as sample
from tests.browser.journal import Journal
from tests.browser.lab import TOKEN, Lab, Voila, write_notebook

BUILD = Path(__file__).parents[2] / "build"
SCREENSHOTS = BUILD / "screenshots"
FAILURES = BUILD / "failures"
JOURNAL = pytest.StashKey[Journal]()
CHROMIUM = os.environ.get("JUPYTER_EDGE_TEST_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
]
PATIENCE_MS = 120_000  # for a kernel that starts and deploys on a busy machine; what comes is seen at once
THEMES = {"dark": "JupyterLab Dark", "light": "JupyterLab Light"}
# A notebook is run once its commands act on it and its kernel has answered: before, nothing would happen.
_CAN_RUN = """() => {
  const { commands, shell } = window.jupyterapp ?? {};
  const { context, sessionContext } = shell?.currentWidget ?? {};
  const kernel = sessionContext?.session?.kernel;
  const isReady = context?.isReady && sessionContext?.isReady && kernel?.connectionStatus === "connected";
  return isReady && kernel.status === "idle" && commands.isEnabled("notebook:run-all-cells");
}"""
_PERFORM = """([name, args]) => {
  window.performed = null;
  const end = (said) => { window.performed = said; };
  window.jupyterapp.commands.execute(name, args).then(() => end("done"), (error) => end(String(error)));
}"""


@pytest.fixture(scope="session")
def engine_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home of its own, whose engine the first kernel starts."""
    home = Home(tmp_path_factory.mktemp("browser") / "home")
    names = {"JUPYTER_EDGE_HOME": str(home.path), "JUPYTER_EDGE_PORT": "0"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in names.items():
            patch.setenv(name, value)
        for name in ("JUPYTER_EDGE_URL", "JUPYTER_EDGE_TOKEN"):
            patch.delenv(name, raising=False)
        yield home
        stop_engine(home)


@pytest.fixture(scope="session")
def running_lab(engine_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.stop()


@pytest.fixture
def lab(running_lab: Lab) -> Lab:
    """A JupyterLab in which nothing runs and nothing is kept, whatever the tests before left behind."""
    running_lab.renew()
    return running_lab


@pytest.fixture
def workspace(engine_home: Home, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a workspace that no other test uses, nor another try of this one; in the end, nothing runs in it."""
    name = fresh(request.module.__name__.rpartition("test_")[2].replace("_", "-"))
    yield name
    undeploy_all(name)


@pytest.fixture(scope="session")
def voila(engine_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Voila]:
    voila = Voila(tmp_path_factory.mktemp("voila"))
    yield voila
    voila.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 1800})
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    request.node.stash[JOURNAL] = Journal(context)
    yield context.new_page()
    del request.node.stash[JOURNAL]
    context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what the browser shows when a test fails, before it is closed, and say where."""
    report = yield
    journal = item.stash.get(JOURNAL, None)
    if report.failed and report.when != "teardown" and journal is not None:
        kept = journal.keep(FAILURES, f"{item.path.stem}-{item.name}-{getattr(item, 'execution_count', 1)}")
        if isinstance(report.longrepr, ExceptionRepr):
            report.longrepr.addsection("what the browser showed", kept)
    return report


@pytest.fixture
def asked(page: Page) -> list[str]:
    """The addresses that a page asks for something."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


@pytest.fixture
def run_cells(lab: Lab, page: Page, request: pytest.FixtureRequest) -> Callable[..., Page]:
    """Open a new notebook with these cells in JupyterLab or Notebook 7 and run all of them."""

    def run(*cells: str, host: str = "lab") -> Page:
        name = write_notebook(lab.folder, f"{request.node.name.split('[')[0]}-{host}.ipynb", *cells)
        page.goto(lab.address(name, host))
        run_all(page)
        return page

    return run


def client_in(workspace: str) -> Client:
    """Return a client of the engine that the environment names, in a workspace of that engine."""
    client = Client()
    client.set_current_workspace(client.get_workspace(workspace, create_if_not_exist=True))
    return client


def deploy(client: Client, model: str, pipeline: str) -> Pipeline:
    """Deploy the sample model, uploaded by this name, in a pipeline of that one."""
    uploaded = client.upload_model(model, sample("ccfraud.onnx"), framework=Framework.ONNX)
    made = client.build_pipeline(pipeline).add_model_step(uploaded.configure(tensor_fields=["tensor"]))
    return made.deploy()


def undeploy_all(workspace: str) -> None:
    """Stop all pipelines of a workspace."""
    client = client_in(workspace)
    for pipeline in client.list_pipelines(client.get_current_workspace()):
        pipeline.undeploy()


def fresh(name: str) -> str:
    """Return a name that nothing has yet, in any workspace."""
    return f"{name}-{uuid4().hex[:6]}"


def open_panel(page: Page, lab: Lab, folder: str = "") -> Locator:
    """Show the panel in a JupyterLab that remembers nothing, and a folder in the file browser."""
    page.goto(f"{lab.url}/lab?reset&token={TOKEN}")
    page.locator(".jp-LauncherCard").first.wait_for()  # JupyterLab opens it last
    if folder:
        perform(page, "filebrowser:open-path", path=folder)
    page.get_by_role("tab", name="Edge").click()
    return page.locator("#jupyter-edge-panel")


def choose_workspace(panel: Locator, name: str) -> None:
    """Let the panel show another workspace."""
    panel.get_by_role("combobox", name="Workspace").select_option(name)


def row(panel: Locator, section: str, name: str) -> Locator:
    """Return the rows of a section of the panel that have a text."""
    return panel.get_by_role("treegrid", name=section, exact=True).get_by_role("row").filter(has_text=name)


def command(page: Page, name: str, **arguments: object) -> None:
    """Let JupyterLab do what a command of its palette does, and not wait until it is done."""
    page.evaluate("([name, args]) => void window.jupyterapp.commands.execute(name, args)", [name, arguments])


def perform(page: Page, name: str, **arguments: object) -> None:
    """Let JupyterLab do what a command of its palette does, and wait until it is done."""
    page.evaluate(_PERFORM, [name, arguments])
    page.wait_for_function("() => window.performed")
    assert page.evaluate("() => window.performed") == "done"


def press(row: Locator, button: str) -> None:
    """Press a button of a row of the panel."""
    row.focus()  # its buttons are there as long as it has the focus, wherever it moves
    row.get_by_role("button", name=button).click()


def run_all(page: Page) -> None:
    """Run all cells of the notebook that is open, once its kernel is ready for them."""
    page.wait_for_function(_CAN_RUN)
    command(page, "notebook:run-all-cells")


def keep_picture(panel: Locator, name: str) -> None:
    """Keep a picture of a panel as it is."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    panel.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")


@pytest.fixture
def photograph(page: Page) -> Callable[[Locator, str], None]:
    """Keep pictures of a panel, in light and dark."""

    def take(panel: Locator, name: str) -> None:
        for mode, theme in THEMES.items():
            switch_theme(page, mode, theme)
            keep_picture(panel, f"{name}-{mode}")

    return take


def switch_theme(page: Page, mode: str, theme: str) -> None:
    """Change a page's theme, and wait until its style sheet is there."""
    command(page, "apputils:change-theme", theme=theme)
    light = "true" if mode == "light" else "false"
    page.locator(f"body[data-jp-theme-light='{light}']").wait_for(state="attached")
    colour = "() => getComputedStyle(document.body).getPropertyValue('--jp-layout-color1').trim()"
    page.wait_for_function(f"dark => ['#fff', 'white', '#ffffff'].includes(({colour})()) !== dark", arg=mode == "dark")

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

import jupyter_edge
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.core.home import Home
from tests.browser.lab import Lab, write_notebook

SCREENSHOTS = Path(jupyter_edge.__file__).parents[1] / "build" / "screenshots"
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
PATIENCE_MS = 30_000
_KERNEL = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


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
def lab(engine_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 1800})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield page
    context.close()


@pytest.fixture
def run_cells(lab: Lab, page: Page, request: pytest.FixtureRequest) -> Callable[..., Page]:
    """Open a new notebook with these cells in JupyterLab and run all of them."""

    def run(*cells: str) -> Page:
        name = write_notebook(lab.folder, f"{request.node.name.split('[')[0]}.ipynb", *cells)
        page.goto(lab.address(name))
        page.wait_for_function(f"() => {_KERNEL}?.connectionStatus === 'connected' && {_KERNEL}.status === 'idle'")
        page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        return page

    return run


@pytest.fixture
def photograph(page: Page) -> Callable[[Locator, str], None]:
    """Keep pictures of a panel, in light and dark."""

    def take(panel: Locator, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        for mode, theme in reversed(THEMES.items()):
            change = "theme => void window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
            page.evaluate(change, theme)
            light = "true" if mode == "light" else "false"
            page.locator(f"body[data-jp-theme-light='{light}']").wait_for(state="attached")
            panel.screenshot(path=SCREENSHOTS / f"{name}-{mode}.png", animations="disabled")

    return take

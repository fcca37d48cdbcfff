from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from jupyter_edge.core.home import Home
from tests.browser.conftest import SCREENSHOTS
from tests.browser.lab import Voila, write_notebook

pytestmark = pytest.mark.browser


@pytest.fixture
def voila(engine_home: Home, tmp_path: Path) -> Iterator[Voila]:
    cell = "from jupyter_edge import Client\nClient().panel()"
    voila = Voila(tmp_path, write_notebook(tmp_path, "app.ipynb", cell))
    yield voila
    voila.stop()


def test_the_app_works_as_a_page_and_asks_nobody_else_for_our_files(voila: Voila, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(voila.url)
    app = page.locator(".jupyter-edge-panel").first
    expect(app.get_by_role("button", name="Choose a file")).to_be_visible()
    app.get_by_role("tab", name="Pipeline").click()
    app.get_by_label("New pipeline").fill("voila")
    app.get_by_role("button", name="Create").click()
    expect(app.get_by_text("Pipeline voila is here")).to_be_visible()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    app.screenshot(path=SCREENSHOTS / "voila.png")
    elsewhere = [url for url in asked if url.startswith("http") and urlsplit(url).hostname != "127.0.0.1"]
    assert all("fontawesome" in url for url in elsewhere), "Voila's own page asks for icons, and nothing else may"

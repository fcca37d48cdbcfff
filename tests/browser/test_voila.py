from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import Voila, write_notebook
from tests.browser.test_panels import START

pytestmark = pytest.mark.browser


def test_the_app_works_as_a_page(voila: Voila, page: Page, workspace: str) -> None:
    cell = f"{START.format(workspace=workspace)}\nclient.panel()"
    page.goto(voila.address(write_notebook(voila.folder, "app.ipynb", cell)))
    app = page.locator(".jupyter-edge-panel").first
    expect(app.get_by_role("button", name="Choose a file")).to_be_visible()
    app.get_by_role("tab", name="Pipeline").click()
    app.get_by_label("New pipeline").fill("voila")
    app.get_by_role("button", name="Create").click()
    expect(app.get_by_text("Pipeline voila is here")).to_be_visible()

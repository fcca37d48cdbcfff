"""The panel with 5,000 models, 2,000 edges and 1,000,000 rows of a log: what it shows, and how often it asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from jupyter_edge import Client
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.core.home import Home
from tests.browser.conftest import PATIENCE_MS, command, open_panel
from tests.browser.crowd import fill
from tests.browser.lab import Lab
from tests.edge.conftest import until

pytestmark = pytest.mark.browser


@pytest.fixture
def crowded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    home = Home(tmp_path / "home")
    monkeypatch.setenv("JUPYTER_EDGE_HOME", str(home.path))
    monkeypatch.setenv("JUPYTER_EDGE_PORT", "0")
    fill(home)
    yield Client()
    stop_engine(home)


@pytest.fixture
def lab(crowded: Client, tmp_path: Path) -> Iterator[Lab]:
    folder = tmp_path / "lab"
    folder.mkdir()
    lab = Lab(folder)
    yield lab
    lab.stop()


def open_section(page: Page, name: str) -> Locator:
    command(page, "jupyter-edge:open-section", section=name.lower())
    grid = page.get_by_role("treegrid", name=name, exact=True)
    grid.get_by_role("row").first.wait_for()
    return grid


def scroll_to_the_end(grid: Locator, last: int) -> None:
    """Go on to the end of what is there, until the row of this number is."""

    def is_there() -> bool:
        grid.evaluate("grid => { grid.parentElement.scrollTop = grid.parentElement.scrollHeight; }")
        return grid.locator(f"[aria-rowindex='{last}']").is_visible()

    until(is_there, f"row {last}", PATIENCE_MS / 1000)


def test_long_lists_are_shown_by_pages_to_their_end_in_few_requests(
    crowded: Client, lab: Lab, page: Page, asked: list[str]
) -> None:
    def requests(endpoint: str) -> int:
        return sum(f"/jupyter-edge/api/v1/api/{endpoint}" in address for address in asked)

    open_panel(page, lab)
    models = open_section(page, "Models")
    expect(models).to_have_attribute("aria-rowcount", "5000")
    assert requests("models/list") <= 2  # a section is read as it opens, and once more if the panel opens meanwhile
    assert models.get_by_role("row").count() < 60  # rows that are out of view are not drawn
    scroll_to_the_end(models, 5000)
    expect(models.get_by_role("row").last).to_contain_text("model-0000")
    assert requests("models/list") <= 12
    edges = open_section(page, "Edges")
    expect(edges).to_have_attribute("aria-rowcount", "2000")
    scroll_to_the_end(edges, 2000)
    expect(edges.get_by_role("row").last).to_contain_text("edge-1999")
    assert requests("pipelines/list_edges") <= 9
    log = open_section(page, "Log")
    scroll_to_the_end(log, 10_000)
    expect(page.get_by_text("These are the newest 10,000 rows.")).to_be_visible()
    assert requests("pipelines/get_logs") <= 17
    crowded.build_pipeline("one-more").create_version()
    expect(open_section(page, "Pipelines").get_by_role("row").filter(has_text="one-more")).to_be_visible()
    page.get_by_placeholder("Filter by name").fill("model-4321")
    expect(models.get_by_role("row")).to_have_count(1)

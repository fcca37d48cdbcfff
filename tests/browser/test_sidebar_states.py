"""What the panel says where something is amiss, or elsewhere than in a plain JupyterLab."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from jupyter_edge import Client
from jupyter_edge.core.home import Home
from jupyter_edge.core.version import VERSION
from tests.browser.conftest import fresh, open_panel
from tests.browser.lab import TOKEN, Lab, free_port

pytestmark = pytest.mark.browser
Photograph = Callable[[Locator, str], None]
StartLab = Callable[..., Lab]
FORBID = """
from jupyter_server.auth import Authorizer
class AllButEdge(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return resource != "jupyter_edge"
c.ServerApp.authorizer_class = AllButEdge
"""


@pytest.fixture
def start_lab(engine_home: Home, tmp_path: Path) -> Iterator[StartLab]:
    labs: list[Lab] = []

    def start(more: str = "", base_url: str = "", **environ: str) -> Lab:
        folder = tmp_path / str(len(labs))
        folder.mkdir()
        labs.append(Lab(folder, more, base_url, **environ))
        return labs[-1]

    yield start
    for lab in labs:
        lab.stop()


@pytest.fixture
def page(page: Page) -> Page:
    """A page that is no larger than what is photographed of it."""
    page.set_viewport_size({"width": 1000, "height": 800})
    return page


def test_an_engine_that_refuses_the_token_says_where_the_token_comes_from(
    start_lab: StartLab, page: Page, photograph: Photograph
) -> None:
    url = Client().api_endpoint
    panel = open_panel(page, start_lab(JUPYTER_EDGE_URL=url, JUPYTER_EDGE_TOKEN="another"))
    note = panel.get_by_role("alert")
    expect(note).to_contain_text("Engine refuses the token")
    expect(note).to_contain_text("JUPYTER_EDGE_TOKEN")
    expect(panel.get_by_role("treegrid")).to_have_count(0)
    photograph(panel, "sidebar-unauthorized")


def test_an_engine_that_cannot_be_reached_is_said_with_its_address(
    start_lab: StartLab, page: Page, photograph: Photograph
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    panel = open_panel(page, start_lab(JUPYTER_EDGE_URL=url, JUPYTER_EDGE_TOKEN="any"))
    note = panel.get_by_role("alert")
    expect(note).to_contain_text("Engine does not answer")
    expect(note).to_contain_text(url)
    expect(panel.get_by_role("button", name="Retry")).to_be_visible()
    expect(panel.get_by_role("button", name="Start engine")).to_have_count(0)  # it runs elsewhere
    photograph(panel, "sidebar-unreachable")


def test_a_server_without_the_extension_says_how_it_is_enabled(
    start_lab: StartLab, page: Page, photograph: Photograph
) -> None:
    panel = open_panel(page, start_lab("c.ServerApp.jpserver_extensions = {'jupyter_edge': False}"))
    note = panel.get_by_role("alert")
    expect(note).to_contain_text("Server extension is missing")
    expect(note.locator("code")).to_have_text("jupyter server extension enable jupyter_edge")
    photograph(panel, "sidebar-missing")


def test_somebody_who_may_not_use_it_is_told_so(start_lab: StartLab, page: Page, photograph: Photograph) -> None:
    panel = open_panel(page, start_lab(FORBID))
    expect(panel.get_by_role("alert")).to_contain_text("does not let you use Edge")
    photograph(panel, "sidebar-forbidden")


def test_a_jupyter_server_that_is_gone_is_not_taken_for_the_engine(start_lab: StartLab, page: Page) -> None:
    Client().get_current_workspace()  # starts the engine, and makes a workspace
    lab = start_lab()
    panel = open_panel(page, lab)
    panel.get_by_role("combobox", name="Workspace").wait_for()
    lab.stop()
    lost = page.get_by_role("dialog").filter(
        has_text="Server Connection Error"
    )  # which JupyterLab itself may say first
    page.add_locator_handler(lost, lambda dialog: dialog.get_by_role("button", name="Close").click())
    panel.get_by_role("button", name="Refresh Edge").click()
    expect(panel.get_by_role("alert")).to_contain_text("Jupyter server does not answer")


def test_below_a_base_url_everything_is_found(start_lab: StartLab, page: Page, asked: list[str]) -> None:
    client = Client()
    lab = start_lab(base_url="/user/demo")
    panel = open_panel(page, lab)
    expect(panel.get_by_role("status")).to_contain_text(f"Engine {VERSION} runs")
    name = fresh("below-a-base-url")
    client.create_workspace(name)
    choices = panel.get_by_role("combobox", name="Workspace").locator("option")
    expect(choices.filter(has_text=name)).to_have_count(1)  # which an event has told
    ours = [url for url in asked if re.search("/jupyter-edge/(api|status)", url)]
    assert ours
    assert all(url.startswith(f"{lab.url}/jupyter-edge/") for url in ours)


def test_parts_of_different_releases_say_what_mends_it(lab: Lab, page: Page, photograph: Photograph) -> None:
    def age(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=json.dumps(answer.json() | {"version": "0.0.9"}))

    page.route("**/jupyter-edge/status*", age)
    open_panel(page, lab)
    expect(page.locator(".jp-toast-message")).to_contain_text("its server part 0.0.9")
    page.get_by_role("button", name="How to Mend It").click()
    line = page.get_by_role("dialog").locator("code")
    expect(line).to_have_text(f"pip install --upgrade --force-reinstall --no-deps jupyter-edge=={VERSION}")
    photograph(page.get_by_role("dialog").locator(".jp-Dialog-content"), "sidebar-mismatch")


def test_the_panel_opens_in_notebook_7(lab: Lab, page: Page, photograph: Photograph) -> None:
    page.goto(f"{lab.url}/tree?token={TOKEN}")
    page.get_by_role("menuitem", name="View").click()
    page.get_by_role("menuitem", name="Show Edge").click()
    panel = page.locator("#jupyter-edge-panel")
    expect(panel.get_by_role("status")).to_have_text(re.compile("Engine .* runs"))
    expect(panel.get_by_role("region", name="Models Section")).to_be_visible()
    photograph(page.locator("#main"), "sidebar-notebook")

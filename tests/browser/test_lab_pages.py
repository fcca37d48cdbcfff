"""The pages of a pipeline and of the fleet in JupyterLab: a real engine, real edges and real traffic."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, Request, expect

from jupyter_edge import DeploymentConfigBuilder
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.core.errors import EdgeError
from jupyter_edge.core.home import Home
from tests.browser.conftest import command
from tests.browser.lab import TOKEN, Lab, free_port
from tests.browser.test_panels import Photograph, expect_accessible
from tests.edge.conftest import Centre, Edge, start_edge  # noqa: F401 (a fixture for the tests below)

pytestmark = pytest.mark.browser
Start = Callable[..., Edge]

EDGES = 1100  # more than one answer of the engine holds
PIPELINE, FLEET = "#jupyter-edge-pipeline-{}", "#jupyter-edge-fleet"


@pytest.fixture(scope="module")
def running_centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """An engine that hears often of its edges, with a pipeline that is deployed and published."""
    home = tmp_path_factory.mktemp("pages") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_EDGE_HOME", str(home))
        patch.setenv("JUPYTER_EDGE_PORT", str(free_port()))  # the same one after a restart
        patch.setenv("JUPYTER_EDGE_HEARTBEAT_SECONDS", "0.5")
        centre = Centre(home)
        config = DeploymentConfigBuilder().replica_count(2).cpus(0.5).memory("700Mi").build()
        centre.pipeline.deploy(config)
        yield centre
        stop_engine(Home(home))


@pytest.fixture(scope="module")
def running_lab(running_centre: Centre, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab of its own, whose engine is this module's."""
    lab = Lab(tmp_path_factory.mktemp("lab-pages"))
    yield lab
    lab.stop()


@pytest.fixture
def centre(running_centre: Centre) -> Centre:
    """The engine, running and without edges, whatever the tests before left behind."""
    running_centre.engine_back()
    for edge in running_centre.client.list_edges():
        running_centre.client.remove_edge(edge.name)
    return running_centre


@pytest.fixture
def opened(lab: Lab, page: Page) -> Page:
    page.set_viewport_size({"width": 1500, "height": 1500})
    page.goto(f"{lab.url}/lab?reset&token={TOKEN}")
    page.wait_for_function("() => window.jupyterapp?.commands.hasCommand('jupyter-edge:open-pipeline')")
    page.evaluate("async () => { await window.jupyterapp.restored }")
    return page


def infer(centre: Centre, rows: int = 1) -> None:
    centre.pipeline.infer(pd.DataFrame({"tensor": [[0.1] * 29] * rows}))


def infer_badly(centre: Centre) -> None:
    with pytest.raises(EdgeError):
        centre.pipeline.infer(pd.DataFrame({"nonsense": [1]}))


def open_pipeline(page: Page, pipeline_id: int, name: str) -> Locator:
    page.evaluate(
        "args => void window.jupyterapp.commands.execute('jupyter-edge:open-pipeline', args)",
        {"id": pipeline_id, "name": name},
    )
    return page.locator(PIPELINE.format(pipeline_id))


def open_fleet(page: Page) -> Locator:
    command(page, "jupyter-edge:open-fleet")
    return page.locator(FLEET)


def saves(request: Request, *pages: str) -> bool:
    """Tell whether JupyterLab keeps that these pages are open, which it does a while after a change."""
    is_kept = request.method == "PUT" and "/api/workspaces/" in request.url
    return is_kept and all(f'"jupyter-edge-{name}"' in (request.post_data or "") for name in pages)


def test_a_fleet_without_edges_says_how_to_get_one(centre: Centre, opened: Page, photograph: Photograph) -> None:
    fleet = open_fleet(opened)
    expect(fleet.get_by_text("No edge is registered yet.")).to_be_visible()
    photograph(fleet, "fleet-empty")
    expect_accessible(opened, FLEET)
    centre.publish.add_edge("shop-first")
    expect(fleet.get_by_role("row").filter(has_text="shop-first")).to_contain_text("waiting")


def test_a_pipeline_that_did_nothing_says_what_to_do(centre: Centre, opened: Page, photograph: Photograph) -> None:
    idea = centre.client.build_pipeline("new-idea")
    idea.create_version()
    shown = open_pipeline(opened, idea.id(), "new-idea")
    expect(shown.get_by_text("The newest version has no steps.")).to_be_visible()
    expect(shown.get_by_text("Nothing was asked in this time.")).to_be_visible()
    photograph(shown, "pipeline-page-empty")
    expect_accessible(opened, PIPELINE.format(idea.id()))


def test_a_pipelines_page_shows_what_it_is_and_does(
    centre: Centre,
    opened: Page,
    asked: list[str],
    start_edge: Start,  # noqa: F811
    photograph: Photograph,
) -> None:
    publish = centre.publish.add_edge("shop-berlin", ["north"])
    edge = start_edge(**centre.variables(publish)).wait_until_ready()
    for rows in (1, 4, 16):
        infer(centre, rows)
        edge.infer()
    infer_badly(centre)
    opened.get_by_role("tab", name="Edge").click()
    pipelines = opened.get_by_role("treegrid", name="Pipelines", exact=True)
    pipelines.get_by_role("row").filter(has_text="card-fraud").dblclick()
    number = centre.pipeline.id()
    shown = opened.locator(PIPELINE.format(number))
    steps = shown.get_by_role("list", name="Steps, in the order in which they run")
    expect(steps.get_by_role("listitem")).to_contain_text(["request", "ccfraud", "answer"])
    expect(shown.get_by_text("2 replicas · 0.5 CPUs each · 700Mi memory each")).to_be_visible()
    expect(shown.get_by_role("img", name="Requests per second. requests: now")).to_be_visible()
    expect(shown.get_by_role("img", name="Latency. p50: now")).to_be_visible()
    log = shown.get_by_role("grid", name="Last inferences")
    expect(log.get_by_role("row").filter(has_text="shop-berlin").first).to_be_visible()
    before = log.get_attribute("aria-rowcount")
    infer(centre)
    expect(log).not_to_have_attribute("aria-rowcount", str(before))
    shown.get_by_role("button", name="Error rate as a table").click()
    expect(shown.get_by_role("region", name="Error rate").get_by_role("cell").first).to_contain_text("%")
    shown.get_by_role("button", name="Error rate as a table").click()
    with opened.expect_request("**/pipelines/timings*") as request:
        shown.get_by_role("button", name="24 h").click()
    assert (request.value.post_data_json or {})["pipeline_id"] == number
    expect(shown.get_by_role("img", name="Rows per second. rows: now")).to_be_visible()
    shown.get_by_role("button", name="15 min").click()
    command(opened, "application:toggle-left-area")
    photograph(shown, "pipeline-page")
    expect_accessible(opened, PIPELINE.format(number))
    assert {urlsplit(url).hostname for url in asked if url.startswith("http")} == {"127.0.0.1"}
    assert edge.end(signal.SIGTERM) == 0


def test_the_fleet_shows_who_is_lost_and_who_said_goodbye(
    centre: Centre,
    opened: Page,
    start_edge: Start,  # noqa: F811
    photograph: Photograph,
) -> None:
    edges: dict[str, Edge] = {}
    for name in ("shop-kyiv", "shop-lima", "shop-oslo"):
        variables = centre.variables(centre.publish.add_edge(name, ["far"]))
        edges[name] = start_edge(persist=name, **variables).wait_until_ready()
        edges[name].infer()
    fleet = open_fleet(opened)
    table = fleet.get_by_role("grid", name="Edges", exact=True)
    for name in edges:
        expect(table.get_by_role("row").filter(has_text=name)).to_contain_text("online")
    edges["shop-lima"].end()
    edges["shop-oslo"].process.kill()
    expect(table.get_by_role("row").filter(has_text="shop-lima")).to_contain_text("stopped")
    expect(table.get_by_role("row").filter(has_text="shop-oslo")).to_contain_text("lost")
    history = fleet.get_by_role("grid", name="Joins and losses, newest first")
    expect(history.get_by_role("row").filter(has_text="shop-oslo").first).to_contain_text("lost")
    table.get_by_role("button", name="Edge", exact=True).click()
    expect(table.get_by_role("columnheader", name="Edge", exact=True)).to_have_attribute("aria-sort", "ascending")
    for _ in range(10):
        edges["shop-kyiv"].infer()
    kyiv = table.get_by_role("row").filter(has_text="shop-kyiv")
    expect(kyiv.get_by_role("gridcell", name="11", exact=True).first).to_be_visible()
    photograph(fleet, "fleet")
    expect_accessible(opened, FLEET)
    lost = fleet.get_by_role("group", name="Show only edges of a state").get_by_role("button", name="lost")
    lost.click()
    expect(table.get_by_role("row").filter(has_text="shop-")).to_have_count(1)
    lost.click()
    history.get_by_role("row").filter(has_text="shop-lima").first.press("Enter")
    expect(fleet.get_by_role("searchbox")).to_have_value("shop-lima")


def test_a_large_fleet_is_read_in_two_answers_and_drawn_in_part(
    centre: Centre, opened: Page, photograph: Photograph
) -> None:
    address = centre.home.read_address()
    assert address is not None
    with httpx.Client(base_url=address.url, headers={"Authorization": f"Bearer {address.token}"}) as engine:
        for i in range(EDGES):
            body = {"name": f"store-{i:04d}", "pipeline_publish_id": centre.publish.id, "tags": []}
            assert engine.post("/v1/api/pipelines/add_edge_to_publish", json=body).is_success
    seen: list[str] = []
    opened.on("request", lambda request: seen.append(urlsplit(request.url).path.rpartition("/")[2]))
    fleet = open_fleet(opened)
    table = fleet.get_by_role("grid", name="Edges", exact=True)
    expect(table.get_by_role("row").nth(1)).to_be_visible()
    assert seen.count("list_edges") == 2
    assert int(table.get_attribute("aria-rowcount") or 0) > EDGES
    assert table.get_by_role("row").count() < 60
    table.get_by_role("button", name="Edge", exact=True).click()
    table.get_by_role("row").nth(1).press("End")
    expect(opened.locator("*:focus")).to_contain_text(f"store-{EDGES - 1}")
    photograph(fleet, "fleet-large")
    fleet.get_by_role("searchbox").fill(f"{EDGES - 1}")
    expect(fleet.get_by_role("status").first).to_contain_text("1 of ")


def test_open_pages_come_back_with_the_browser_and_tell_when_the_engine_is_away(
    centre: Centre, opened: Page, photograph: Photograph
) -> None:
    number = centre.pipeline.id()
    with opened.expect_response(lambda answer: saves(answer.request, f"pipelines:{number}", "fleet:fleet")):
        expect(open_pipeline(opened, number, "card-fraud").get_by_text("Definition")).to_be_visible()
        expect(open_fleet(opened).get_by_text("Joins and losses")).to_be_visible()
    opened.goto(opened.url.split("?")[0])
    shown, fleet = opened.locator(PIPELINE.format(number)), opened.locator(FLEET)
    opened.get_by_role("tab", name="card-fraud").click()
    expect(shown.get_by_text("Definition")).to_be_visible()
    stop_engine(centre.home)
    expect(shown.get_by_role("alert")).to_contain_text("Engine is stopped")
    expect(shown.get_by_text("Below is what was known at")).to_be_visible()
    photograph(shown, "pipeline-page-engine-down")
    expect_accessible(opened, PIPELINE.format(number))
    opened.get_by_role("tab", name="Fleet").click()
    expect(fleet.get_by_role("alert")).to_contain_text("Engine is stopped")
    photograph(fleet, "fleet-engine-down")
    expect_accessible(opened, FLEET)
    fleet.get_by_role("button", name="Start engine").click()
    expect(fleet.get_by_role("alert")).to_have_count(0)
    opened.get_by_role("tab", name="card-fraud").click()
    expect(shown.get_by_role("alert")).to_have_count(0)

"""Lists in pages, of an engine that holds as much as a large fleet has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from jupyter_edge.core.home import Home
from jupyter_edge.engine import edges, models, pipelines, publishes, tables, workspaces
from jupyter_edge.engine.api.items import edge_item, publish_item
from jupyter_edge.engine.api.pipelines import _items
from jupyter_edge.engine.database import Sessions, open_database
from jupyter_edge.engine.paging import Page, Window
from tests.engine.process import EngineProcess

MODELS, EDGES, PIPELINES, WORKSPACES, JOBS = 5000, 2000, 300, 120, 250
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
LISTS: dict[str, tuple[str, dict[str, Any], int]] = {
    "models/list": ("models", {}, MODELS),
    "pipelines/list": ("pipelines", {}, PIPELINES),
    "pipelines/list_publishes": ("publishes", {}, PIPELINES),
    "pipelines/list_publishes_for_pipeline": ("publishes", {"pipeline_id": 1}, 1),
    "pipelines/list_edges": ("edges", {}, EDGES),
    "jobs/list": ("jobs", {}, JOBS),
    "workspaces/list": ("workspaces", {}, WORKSPACES),
}


def fill(session: Session) -> None:
    """Write what thousands of requests would have made."""
    owner = tables.User(email="somebody@localhost")
    session.add(owner)
    session.flush()
    places = [tables.Workspace(name=f"place-{number}", created_by=owner.id) for number in range(WORKSPACES)]
    session.add_all(places)
    session.add_all(
        tables.Job(kind="deploy" if number % 5 else "publish", subject=f"flow-{number % 9}", state="succeeded")
        for number in range(JOBS)
    )
    session.flush()
    session.add_all(tables.Model(workspace_id=places[0].id, name=f"model-{number}") for number in range(MODELS - 1))
    config = tables.ModelConfig()
    file = {"sha": "0" * 64, "size": 1, "file_name": "m.onnx", "conversion": {}, "schema": {}}
    session.add(
        tables.ModelVersion(model=tables.Model(workspace_id=places[0].id, name="the-one_%"), configs=[config], **file)
    )
    session.flush()
    made = []
    for number in range(PIPELINES):
        version = tables.PipelineVersion(
            definition={}, pipeline=tables.Pipeline(workspace_id=places[1].id, name=f"Flow-{number}")
        )
        session.add(version)
        session.flush()
        chosen = {"pipeline_version": version, "model_config_ids": [config.id], "engine_config": {}}
        session.add(tables.Deployment(pipeline=version.pipeline, deployed=False, **chosen))
        made.append(tables.Publish(created_by=owner.id, status="Published", **chosen))
        session.add(made[-1])
    for number in range(EDGES):
        moment = BEGAN + timedelta(seconds=number // 10)  # many share a moment
        own = {"name": f"shop-{number}", "created_at": moment, "tags": [], "cpus": 1.0, "memory": "1Gi"}
        session.add(tables.Edge(publish=made[number % PIPELINES], **own))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    process = EngineProcess(tmp_path_factory.mktemp("large") / "home")
    process.home.create()
    with open_database(process.home.database).begin() as session:
        fill(session)
    process.start()
    yield process
    assert process.stop() == 0, process.log()


@pytest.fixture(scope="module")
def sessions(large: EngineProcess) -> Sessions:
    return open_database(Home(large.home.path).database)


def pages(engine: EngineProcess, path: str, **body: Any) -> Iterator[list[Any]]:
    """Read a list page by page, to its end."""
    key, own, _ = LISTS[path]
    after = None
    while True:
        answer = engine.post(path, **own, **body, after=after)
        yield answer[key]
        after = answer["next"]
        if after is None:
            return


@pytest.mark.parametrize("path", LISTS)
def test_pages_make_up_the_list_and_each_says_how_many_there_are(large: EngineProcess, path: str) -> None:
    key, own, total = LISTS[path]
    whole = large.post(path, **own)
    assert not {"next", "total"} & set(whole)
    assert len(whole[key]) == total
    assert [row for page in pages(large, path, limit=997) for row in page] == whole[key]
    first = large.post(path, **own, limit=100)
    assert (first["total"], len(first[key]), first[key]) == (total, min(100, total), whole[key][:100])
    assert (first["next"] is None) is (total <= 100)


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_or_limit_that_cannot_be_is_refused(large: EngineProcess, path: str) -> None:
    _, own, _ = LISTS[path]
    other = {"after": large.post("pipelines/list_edges" if path != "pipelines/list_edges" else "jobs/list", limit=1)}
    bad: list[dict[str, Any]] = [{"limit": 0}, {"limit": 1001}, {"after": "?"}, {"after": "W10="}, {"after": "é"}]
    for body in [*bad, {"after": other["after"]["next"]}, {"after": "WyJ4Il0="}, {"after": "W251bGxd"}]:
        answer = large.client.post(f"/v1/api/{path}", json=own | body)
        assert (answer.status_code, answer.json()["code"]) == (400, 400), body


def test_names_are_searched_in_any_case_and_literally(large: EngineProcess) -> None:
    def found(path: str, text: str, **body: Any) -> tuple[list[str], int]:
        answer = large.post(path, name_contains=text, limit=2, **body)
        return [row.get("name") or row.get("pipeline_name") for row in answer[LISTS[path][0]]], answer["total"]

    assert found("models/list", "MODEL-499") == (["model-4998", "model-4997"], 10)
    assert found("models/list", "e_%") == (["the-one_%"], 1)
    assert found("models/list", "'; drop") == ([], 0)
    assert found("pipelines/list", "flow-29") == (["Flow-299", "Flow-298"], 11)
    assert found("pipelines/list_publishes", "flow-29", workspace_id=2) == (["Flow-299", "Flow-298"], 11)
    assert found("pipelines/list_publishes", "flow-29", workspace_id=1) == ([], 0)
    assert found("pipelines/list_edges", "Shop-199") == (["shop-199", "shop-1990"], 11)
    assert found("workspaces/list", "place-11") == (["place-11", "place-110"], 11)
    assert large.post("jobs/list", name_contains="PUBLISH", limit=1)["total"] == JOBS // 5
    version = large.post("pipelines/get", id=1)["versions"][0]["version"]
    own = {"pipeline_id": 1, "limit": 5}
    assert large.post("pipelines/list_publishes_for_pipeline", **own, name_contains=version[:8])["total"] == 1
    assert large.post("pipelines/list_publishes_for_pipeline", **own, name_contains="flow")["total"] == 0
    assert len(large.post("models/list", name_contains="model-499")["models"]) == 10


def test_what_is_made_or_deleted_between_two_pages_moves_no_other_row(own_engine: EngineProcess) -> None:
    own_engine.home.create()
    with open_database(own_engine.home.database).begin() as session:
        fill(session)
    own_engine.start()
    reader = pages(own_engine, "workspaces/list", limit=50)
    seen = [row["name"] for row in next(reader)]
    own_engine.post("workspaces/delete", id=50)  # the row that the cursor stands for
    own_engine.post("workspaces/create", workspace_name="new")
    seen += [row["name"] for page in reader for row in page]
    assert seen == [*(f"place-{number}" for number in range(WORKSPACES)), "new"]
    newest_first = pages(own_engine, "pipelines/list", limit=200)
    names = [row["name"] for row in next(newest_first)]
    own_engine.post("pipelines/create", pipeline_id="new", workspace_id=1, definition={})
    names += [row["name"] for page in newest_first for row in page]
    assert names == [f"Flow-{number}" for number in reversed(range(PIPELINES))]


@contextmanager
def counted(sessions: Sessions) -> Iterator[list[str]]:
    """Collect the statements that are sent to the database."""
    with sessions() as session:
        engine = session.get_bind()
        assert isinstance(engine, Engine)
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def show_models(session: Session, window: Window) -> Page[Any]:
    return models.list_models(session, 1, window)


def show_pipelines(session: Session, window: Window) -> Page[Any]:
    page = pipelines.list_pipelines(session, window=window)
    assert {tuple(item["steps"]) for item in _items(session, page.rows, lambda _: None)} == {("the-one_%",)}
    return page


def show_publishes(session: Session, window: Window) -> Page[Any]:
    page = publishes.list_publishes(session, None, window)
    assert all(publish_item(row) and row.pipeline_version.pipeline.name for row in page.rows)
    return page


def show_edges(session: Session, window: Window) -> Page[Any]:
    page = edges.list_edges(session, window)
    assert all(edge_item(row) and row.publish.pipeline_version.pipeline_id for row in page.rows)
    return page


def show_workspaces(session: Session, window: Window) -> Page[Any]:
    page = workspaces.list_workspaces(session, None, window)
    assert workspaces.ids_in(session, tables.Pipeline, page.rows)
    return page


@pytest.mark.parametrize("show", [show_models, show_pipelines, show_publishes, show_edges, show_workspaces])
def test_a_page_of_a_hundred_takes_no_more_statements_than_one_of_two(
    sessions: Sessions, show: Callable[[Session, Window], Page[Any]]
) -> None:
    sent = []
    for limit in (2, 100):
        with counted(sessions) as statements, sessions() as session:
            page = show(session, Window(limit=limit))
            assert len(page.rows) == limit
        sent.append(len(statements))
    assert sent[0] == sent[1] < 10


def test_the_edges_of_a_workspace_are_those_of_its_publishes(large: EngineProcess) -> None:
    with_edges, without = (place["id"] for place in large.post("workspaces/list")["workspaces"][:2][::-1])
    answers = [
        large.post("pipelines/list_edges", workspace_id=place, name_contains="shop-199", limit=5)
        for place in (with_edges, without)
    ]
    assert [(len(answer["edges"]), answer["total"]) for answer in answers] == [(5, 11), (0, 0)]


def test_jobs_are_found_by_what_they_are_about(large: EngineProcess) -> None:
    answer = large.post("jobs/list", name_contains="publish flow-7", limit=5)
    assert {(job["kind"], job["subject"]) for job in answer["jobs"]} == {("publish", "flow-7")}


def test_the_order_of_edges_is_by_moment_and_name(sessions: Sessions) -> None:
    with sessions() as session:
        whole = list(session.scalars(select(tables.Edge.name).order_by(tables.Edge.created_at, tables.Edge.name)))
        assert [edge.name for edge in edges.list_edges(session).rows] == whole

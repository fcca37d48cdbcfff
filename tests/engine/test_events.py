from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from jupyter_edge.engine.database import Sessions, open_database
from jupyter_edge.engine.events import EVERYTHING, MANY, MAX_PENDING, Change, Events, watch
from jupyter_edge.engine.jobs import JobContext, Jobs
from jupyter_edge.engine.tables import Job, Model, ModelVersion, Pipeline, PipelineVersion, Workspace
from tests.engine.process import EngineProcess, wait_for
from tests.engine.scenes import make_scene, until

Event = dict[str, Any]


class Listener(threading.Thread):
    """Hears the events of an engine from the moment it is made."""

    def __init__(self, engine: EngineProcess) -> None:
        super().__init__(daemon=True)
        self.heard: list[Event] = []
        self._headers = {"Authorization": f"Bearer {engine.token}"}
        self._url = f"{engine.url}/v1/api/events"
        self._ready, self._leaving = threading.Event(), False
        self.start()
        assert self._ready.wait(30)

    def run(self) -> None:
        with httpx.stream("GET", self._url, headers=self._headers, timeout=60) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                self._ready.set()
                if line.startswith("data: "):
                    self.heard.append(json.loads(line[6:]))
                if self._leaving:
                    return

    def leave(self) -> None:
        self._leaving = True

    def has(self, **wanted: Any) -> bool:
        return any(wanted.items() <= event.items() for event in self.heard)


@pytest.fixture
def listener(engine: EngineProcess) -> Iterator[Listener]:
    listener = Listener(engine)
    yield listener
    listener.leave()


def test_all_that_a_scene_does_is_heard_with_its_workspace(engine: EngineProcess, listener: Listener) -> None:
    scene = make_scene(engine)
    here = scene.workspace_id
    deployment_id = scene.deploy()
    assert scene.infer().status_code == 200
    publish = scene.publish()
    edge = f"e{scene.name}"
    engine.post("pipelines/add_edge_to_publish", pipeline_publish_id=publish["id"], name=edge, tags=[])
    engine.post("pipelines/remove_edge", name=edge)
    scene.undeploy(deployment_id)
    pipeline_id = scene.pipeline_id
    for wanted in (
        {"kind": "workspace", "id": here, "action": "created", "workspace_id": here},
        {"kind": "model", "action": "created", "workspace_id": here},
        {"kind": "pipeline", "id": pipeline_id, "action": "created", "workspace_id": here},
        {"kind": "deployment", "id": deployment_id, "workspace_id": here},
        {"kind": "log", "id": pipeline_id, "action": "changed", "workspace_id": here},
        {"kind": "publish", "id": publish["id"], "workspace_id": here},
        {"kind": "edge", "action": "deleted", "workspace_id": here},
        {"kind": "job", "workspace_id": None},
    ):
        until(lambda wanted=wanted: listener.has(**wanted))  # type: ignore[misc]


def test_a_replica_that_is_killed_and_comes_back_is_heard(engine: EngineProcess, listener: Listener) -> None:
    import psutil

    scene = make_scene(engine)
    deployment_id = scene.deploy()
    marker = engine.post("workspaces/create", workspace_name=f"after-{scene.name}")["workspace_id"]
    until(lambda: listener.has(kind="workspace", id=marker))  # so that all of the deployment was heard before
    listener.heard.clear()
    name = engine.post("status/get_deployment", name=f"{scene.name}-{deployment_id}")["engines"][0]["name"]
    for child in psutil.Process(engine.process.pid).children():
        if any(name in file.path for file in child.open_files()):
            child.kill()
    until(lambda: listener.has(kind="deployment", id=deployment_id, action="changed"))
    scene.undeploy(deployment_id)


def test_events_ask_for_the_token(engine: EngineProcess) -> None:
    assert httpx.get(f"{engine.url}/v1/api/events").status_code == 401


def test_an_engine_with_listeners_stops_without_cutting_them_off(own_engine: EngineProcess) -> None:
    own_engine.start()
    listeners = [Listener(own_engine) for _ in range(3)]
    assert own_engine.stop() == 0
    assert "graceful shutdown exceeded" not in own_engine.log()
    for listener in listeners:
        listener.join(30)
        assert not listener.is_alive()
    assert "Traceback" not in own_engine.log()


def test_listeners_that_leave_are_forgotten(engine: EngineProcess) -> None:
    listeners = [Listener(engine) for _ in range(20)]
    for listener in listeners:
        listener.leave()
    engine.post("workspaces/create", workspace_name=f"leave{time.time_ns()}")
    for listener in listeners:
        listener.join(30)
        assert not listener.is_alive()


@pytest.fixture
def database(tmp_path: Path) -> tuple[Sessions, list[Change]]:
    """A database, and what is told of it."""
    sessions, told = open_database(tmp_path / "engine.db"), list[Change]()
    watch(sessions, told.extend)
    return sessions, told


def add_workspace(session: Session, name: str = "w") -> Workspace:
    from jupyter_edge.engine.users import find_or_make_owner

    workspace = Workspace(name=name, created_by=find_or_make_owner(session).id)
    session.add(workspace)
    session.flush()
    return workspace


def test_nothing_is_told_before_the_commit_and_nothing_of_what_is_rolled_back(
    database: tuple[Sessions, list[Change]],
) -> None:
    sessions, told = database
    with sessions.begin() as session:
        add_workspace(session)
        assert told == []
    assert told == [Change("workspace", 1, "created", 1)]
    with suppress(KeyError), sessions.begin() as session:
        add_workspace(session, "other")
        session.execute(update(Workspace).values(archived=True))
        raise KeyError
    with sessions.begin() as session:
        session.add(Job(kind="x"))
    assert told[1:] == [Change("job", 1, "created", None)]


def test_what_is_told_can_be_read_by_others(tmp_path: Path) -> None:
    sessions, seen = open_database(tmp_path / "engine.db"), list[str]()

    def look(_changes: object) -> None:
        with sessions() as session:
            seen.extend(session.scalars(select(Job.state)))

    watch(sessions, look)
    with sessions.begin() as session:
        session.add(Job(kind="x"))
    with sessions.begin() as session:
        session.execute(update(Job).values(state="running"))
    assert seen == ["queued", "running"]


def test_statements_on_whole_tables_are_told_row_by_row(database: tuple[Sessions, list[Change]]) -> None:
    sessions, told = database
    with sessions.begin() as session:
        session.add_all([Job(kind="a"), Job(kind="b"), Job(kind="c")])
    told.clear()
    with sessions.begin() as session:
        session.execute(update(Job).where(Job.kind != "b").values(progress=0.5))
        session.execute(delete(Job).where(Job.kind == "c"))
    assert told == [Change("job", 1, "changed", None), Change("job", 3, "deleted", None)]


def test_a_thing_whose_parts_change_or_go_with_it_is_told_once(database: tuple[Sessions, list[Change]]) -> None:
    sessions, told = database
    with sessions.begin() as session:
        add_workspace(session)
        session.add(Pipeline(workspace_id=1, name="p", versions=[PipelineVersion(definition={})]))
        version = {"sha": "s", "size": 1, "file_name": "f", "conversion": {}, "schema": {}}
        session.add(Model(workspace_id=1, name="m", versions=[ModelVersion(**version)]))
    assert set(told) == {Change(kind, 1, "created", 1) for kind in ("workspace", "pipeline", "model")}
    told.clear()
    with sessions.begin() as session:
        session.add(PipelineVersion(pipeline_id=1, definition={}))
        session.delete(session.get_one(Model, 1))
    assert set(told) == {Change("pipeline", 1, "changed", 1), Change("model", 1, "deleted", 1)}


def test_each_step_of_a_job_is_told(database: tuple[Sessions, list[Change]]) -> None:
    sessions, told = database
    jobs = Jobs(sessions)

    def work(job: JobContext) -> None:
        job.report(0.5, "half")

    job_id, outcome = jobs.submit("x", work)
    outcome.result(30)
    wait_for(lambda: jobs.get(job_id).state == "succeeded")
    assert told[0] == Change("job", job_id, "created", None)
    assert told[1:] == [Change("job", job_id, "changed", None)] * 3  # it runs, it is half done, it succeeded


def hear(events: Events, meanwhile: Callable[[], None]) -> list[list[Change]]:
    """Return what a listener hears that takes nothing while ``meanwhile`` runs."""

    async def listen() -> list[list[Change]]:
        listening = events.listen()
        assert await anext(listening) == []
        await asyncio.to_thread(meanwhile)
        heard = [await anext(listening)]
        events.close()
        return heard + [changes async for changes in listening]

    return asyncio.run(listen())


def test_changes_of_one_thing_are_told_once_to_a_slow_listener() -> None:
    events = Events()

    def change() -> None:
        for action in ("created", "changed", "changed"):
            events.tell([Change("job", 1, action, None), Change("log", 2, "changed", 3)])

    assert hear(events, change)[0] == [Change("job", 1, "created", None), Change("log", 2, "changed", 3)]


def test_many_changes_of_a_kind_are_told_as_one() -> None:
    events = Events()

    def change() -> None:
        events.tell([Change("job", 7, "created", None)])
        events.tell([Change("edge", str(number), "changed", 1) for number in range(MANY + 1)])

    assert hear(events, change)[0] == [Change("job", 7, "created", None), Change("edge", None, "changed", None)]


def test_a_listener_that_missed_too_much_is_told_to_look_at_everything() -> None:
    events = Events()

    def change() -> None:
        for number in range(2 * MAX_PENDING):
            events.tell([Change("edge", str(number), "changed", 1)])

    heard = hear(events, change)[0]
    assert EVERYTHING in heard
    assert len(heard) == 2

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from jupyter_edge.core.bundle import EdgeBundle
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.engine import edge_events
from jupyter_edge.engine.database import Sessions
from jupyter_edge.engine.events import Change
from jupyter_edge.engine.fleet import LATE_STEPS, LOST_STEPS, STEPS_A_PERIOD, Fleet, heartbeat_seconds
from jupyter_edge.engine.tables import Edge, EdgeEvent, PipelineVersion, Publish, User
from tests.engine.log_helpers import database_with_pipeline
from tests.engine.process import EngineProcess, wait_for
from tests.engine.scenes import make_scene

PERIOD = 0.3
REPORT = {
    "agent_version": "1.2.3",
    "pipeline_version": "6c1a5c9e-0b7e-4f1e-8a43-0f6c2f1f2b11",
    "uptime_seconds": 60.0,
    "backlog_rows": 7,
    "backlog_bytes": 3_000_000_000,
    "dropped_rows": 2,
}


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    """A database with the edges `one` and `two`, which have not joined."""
    with database_with_pipeline(tmp_path / "engine.db") as made:
        with made.begin() as session:
            version = PipelineVersion(pipeline_id=1, definition={})
            owner = session.scalars(select(User.id)).one()
            publish = Publish(pipeline_version=version, created_by=owner, model_config_ids=[], engine_config={})
            session.add(publish)
            for name in ("one", "two"):
                session.add(Edge(name=name, publish=publish, tags=[], cpus=1.0, memory="1Gi"))
        yield made


def tell_nobody(_changes: Iterable[Change]) -> None:
    """Take what listeners are told, where there are none."""


def edge_of(session: Any, name: str) -> Edge:
    return session.scalars(select(Edge).where(Edge.name == name)).one()  # type: ignore[no-any-return]


def hear(sessions: Sessions, fleet: Fleet, name: str, *, stopping: bool = False) -> None:
    with sessions.begin() as session:
        fleet.hear(session, edge_of(session, name), stopping=stopping)


def state(sessions: Sessions, fleet: Fleet, name: str) -> str:
    with sessions() as session:
        return fleet.state_of(edge_of(session, name))


def history(sessions: Sessions) -> list[tuple[str, str]]:
    with sessions() as session:
        found = edge_events.list_events(session, None, None, 1000)
    return [(event.edge_name, event.kind) for event in reversed(found)]


def pass_steps(fleet: Fleet, steps: int) -> None:
    for _ in range(steps):
        fleet.step()


def test_an_edge_is_late_then_lost_and_comes_back(sessions: Sessions) -> None:
    fleet = Fleet(sessions, PERIOD, tell_nobody)
    pass_steps(fleet, 100)
    assert (state(sessions, fleet, "one"), history(sessions)) == ("waiting", [])
    hear(sessions, fleet, "one")
    pass_steps(fleet, LATE_STEPS)
    assert state(sessions, fleet, "one") == "online"
    fleet.step()
    assert state(sessions, fleet, "one") == "late"
    hear(sessions, fleet, "one")
    assert state(sessions, fleet, "one") == "online"
    pass_steps(fleet, LOST_STEPS)
    assert state(sessions, fleet, "one") == "late"
    pass_steps(fleet, 5)
    assert state(sessions, fleet, "one") == "lost"
    hear(sessions, fleet, "one")
    assert state(sessions, fleet, "one") == "online"
    assert history(sessions) == [("one", "joined"), ("one", "lost"), ("one", "back")]


def test_listeners_are_told_once_that_an_edge_turns_late(sessions: Sessions) -> None:
    told: list[Change] = []
    fleet = Fleet(sessions, PERIOD, told.extend)
    hear(sessions, fleet, "one")
    hear(sessions, fleet, "two", stopping=True)
    pass_steps(fleet, LATE_STEPS)
    assert told == []
    pass_steps(fleet, LOST_STEPS)
    with sessions() as session:
        assert told == [Change("edge", edge_of(session, "one").id, "changed", 1)]


def test_an_edge_that_said_goodbye_is_never_lost(sessions: Sessions) -> None:
    fleet = Fleet(sessions, PERIOD, tell_nobody)
    hear(sessions, fleet, "one")
    hear(sessions, fleet, "two")
    for _ in range(2):
        hear(sessions, fleet, "one", stopping=True)
    pass_steps(fleet, LOST_STEPS + 1)
    assert state(sessions, fleet, "one") == "stopped"
    hear(sessions, fleet, "one")
    assert history(sessions) == [
        ("one", "joined"),
        ("two", "joined"),
        ("one", "stopped"),
        ("two", "lost"),
        ("one", "back"),
    ]


def test_a_restarted_engine_gives_every_edge_the_whole_time_again(sessions: Sessions) -> None:
    fleet = Fleet(sessions, PERIOD, tell_nobody)
    hear(sessions, fleet, "one")
    pass_steps(fleet, LOST_STEPS)
    restarted = Fleet(sessions, PERIOD, tell_nobody)
    pass_steps(restarted, LOST_STEPS)
    assert history(sessions) == [("one", "joined")]
    restarted.step()
    assert history(sessions)[1:] == [("one", "lost")]


def test_only_the_newest_events_are_kept(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_events, "KEPT_EVENTS", 5)
    fleet = Fleet(sessions, PERIOD, tell_nobody)
    for number in range(10):
        hear(sessions, fleet, "one", stopping=number % 2 == 1)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(EdgeEvent)) == 5
    assert history(sessions)[-1] == ("one", "stopped")


@pytest.mark.parametrize("text", ["soon", "0", "nan", "-1", "1e9", ""])
def test_a_period_that_cannot_be_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInputError, match="JUPYTER_EDGE_HEARTBEAT_SECONDS"):
        heartbeat_seconds({"JUPYTER_EDGE_HEARTBEAT_SECONDS": text})


class Joined:
    """An edge that has joined, played by the test."""

    def __init__(self, engine: EngineProcess, name: str, publish_id: int) -> None:
        self.engine, self.name = engine, name
        added = engine.post("pipelines/add_edge_to_publish", pipeline_publish_id=publish_id, name=name)
        token = EdgeBundle.decode(added["docker_run_variables"]["EDGE_BUNDLE"]).join_token
        self.credential: str = engine.post("edges/join", edge_name=name, join_token=token)["credential"]

    def beat(self, **changes: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.credential}"}
        return httpx.post(f"{self.engine.url}/v1/api/edges/heartbeat", headers=headers, json=REPORT | changes)

    def listed(self) -> dict[str, Any]:
        found: dict[str, Any]
        (found,) = (one for one in self.engine.post("pipelines/list_edges")["edges"] if one["name"] == self.name)
        return found

    def events(self, **query: Any) -> list[str]:
        return [event["kind"] for event in self.engine.post("edges/events", name=self.name, **query)["events"]]


@pytest.fixture(scope="module")
def publish_id(engine: EngineProcess) -> int:
    number: int = make_scene(engine).publish()["id"]
    return number


def test_what_an_edge_says_of_itself_is_listed(
    engine: EngineProcess, publish_id: int, new_name: Callable[[], str]
) -> None:
    edge = Joined(engine, new_name(), publish_id)
    before = edge.listed()
    assert (before["state"], before["agent_version"], before["backlog_rows"]) == ("online", None, None)
    answer = edge.beat()
    assert (answer.status_code, answer.json()) == (200, {"next_seconds": 10.0})
    listed = edge.listed()
    said = {key: listed[key] for key in REPORT.keys() - {"uptime_seconds"}}
    assert said == {key: REPORT[key] for key in said}
    uptime = datetime.fromisoformat(listed["last_seen"]) - datetime.fromisoformat(listed["started_at"])
    assert abs(uptime - timedelta(seconds=60)) < timedelta(seconds=1)
    edge.beat(stopping=True)
    assert edge.listed()["state"] == "stopped"
    engine.post("pipelines/remove_edge", name=edge.name)
    assert edge.events() == ["removed", "stopped", "joined"]
    assert edge.beat().status_code == 403


def test_a_heartbeat_needs_a_credential_and_numbers_that_can_be(
    engine: EngineProcess, publish_id: int, new_name: Callable[[], str]
) -> None:
    edge = Joined(engine, new_name(), publish_id)
    url = f"{engine.url}/v1/api/edges/heartbeat"
    assert httpx.post(url, json=REPORT).status_code == 401
    assert httpx.post(url, json=REPORT, headers={"Authorization": f"Bearer {engine.token}"}).status_code == 403
    for changes in (
        {"backlog_rows": -1},
        {"dropped_rows": 1 << 63},
        {"uptime_seconds": 1e300},
        {"agent_version": "x" * 1000},
        {"stopping": "perhaps"},
    ):
        assert edge.beat(**changes).status_code == 400, changes
    assert edge.listed()["agent_version"] is None


def test_events_are_read_from_a_moment_on_and_no_more_than_asked_for(
    engine: EngineProcess, publish_id: int, new_name: Callable[[], str]
) -> None:
    edge = Joined(engine, new_name(), publish_id)
    edge.beat(stopping=True)
    moment = engine.post("edges/events", name=edge.name, limit=1)["events"][0]["time"]
    assert edge.events(since=moment) == []
    edge.beat()
    assert edge.events(since=moment) == ["back"]
    assert edge.events(limit=2) == ["back", "stopped"]
    assert edge.events(since=datetime.now(UTC).isoformat()) == []
    for query in ({"since": "2026-01-01T00:00:00"}, {"limit": 0}, {"limit": 10_001}):
        assert engine.client.post("/v1/api/edges/events", json=query).status_code == 400


def test_an_edge_is_lost_by_itself_and_not_while_the_engine_was_down(
    own_engine: EngineProcess, new_name: Callable[[], str]
) -> None:
    own_engine.start(JUPYTER_EDGE_HEARTBEAT_SECONDS=str(PERIOD))
    edge = Joined(own_engine, new_name(), make_scene(own_engine).publish()["id"])
    wait_for(lambda: edge.listed()["state"] == "lost")
    assert edge.beat().json() == {"next_seconds": PERIOD}
    own_engine.kill()
    time.sleep(2 * LOST_STEPS / STEPS_A_PERIOD * PERIOD)
    started = datetime.now(UTC)
    own_engine.start(JUPYTER_EDGE_HEARTBEAT_SECONDS=str(PERIOD))
    wait_for(lambda: edge.events() == ["lost", "back", "lost", "joined"])
    (newest,) = own_engine.post("edges/events", limit=1)["events"]
    silent = datetime.fromisoformat(newest["time"]) - started
    assert silent > timedelta(seconds=LOST_STEPS / STEPS_A_PERIOD * PERIOD)

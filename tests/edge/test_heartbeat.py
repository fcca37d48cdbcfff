"""An edge's word to its engine, from a real `jupyter-edge serve` to a real engine that asks for it often."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.client.edge import Edge as ListedEdge
from jupyter_edge.core.home import Home
from jupyter_edge.core.version import VERSION
from jupyter_edge.edge.heartbeat import Heartbeat
from jupyter_edge.edge.store import Identity
from jupyter_edge.logs.spool import Spool
from jupyter_edge.logs.spool_reader import SpoolReader
from tests.client.server import Server
from tests.logs.helpers import record

from .conftest import Centre, Edge, free_port, until

Start = Callable[..., Edge]
PERIOD = 0.3


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    home = tmp_path_factory.mktemp("centre") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_EDGE_HOME", str(home))
        patch.setenv("JUPYTER_EDGE_PORT", str(free_port()))
        patch.setenv("JUPYTER_EDGE_HEARTBEAT_SECONDS", str(PERIOD))
        yield Centre(home)
        stop_engine(Home(home))


class Fleet:
    """One registered edge, and what the engine says of it."""

    def __init__(self, centre: Centre, start: Start) -> None:
        self.centre, self.start = centre, start
        self.name = f"shop-{uuid.uuid4().hex[:8]}"
        self.variables = centre.variables(centre.publish.add_edge(self.name))

    def serve(self) -> Edge:
        edge = self.start(**self.variables).wait_until_ready()
        until(lambda: self.listed().agent_version and self.listed().state == "online", "the first heartbeat")
        return edge

    def listed(self) -> ListedEdge:
        return next(edge for edge in self.centre.client.list_edges() if edge.name == self.name)

    def wait_for(self, state: str) -> None:
        until(lambda: self.listed().state == state, f"an edge that is {state}, not {self.listed().state}")

    def events(self) -> list[str]:
        found = self.centre.client.transport.post("edges/events", {"name": self.name})["events"]
        return [event["kind"] for event in reversed(found)]


@pytest.fixture
def fleet(centre: Centre, start_edge: Start) -> Fleet:
    return Fleet(centre, start_edge)


def test_an_idle_edge_tells_how_it_is_and_says_goodbye(fleet: Fleet) -> None:
    assert fleet.listed().state == "waiting"
    edge = fleet.serve()
    first = fleet.listed()
    assert (first.agent_version, first.backlog_rows, first.backlog_bytes) == (VERSION, 0, 0)
    assert str(fleet.centre.publish.pipeline_url).endswith(f":{first.pipeline_version}")
    assert first.started_at
    assert first.last_seen
    seen = first.last_seen
    until(lambda: (fleet.listed().last_seen or seen) > seen, "another heartbeat")
    assert (fleet.listed().rows, fleet.events()) == (0, ["joined"])
    assert edge.end() == 0
    assert fleet.listed().state == "stopped"
    fleet.serve()
    assert fleet.events() == ["joined", "stopped", "back"]
    for shown in (repr(fleet.centre.client.list_edges()), repr(fleet.listed()), fleet.listed()._repr_html_()):
        assert "online" in shown


def test_an_edge_that_is_killed_or_hangs_is_lost(fleet: Fleet) -> None:
    edge = fleet.serve()
    edge.process.send_signal(signal.SIGSTOP)
    fleet.wait_for("lost")
    edge.process.send_signal(signal.SIGCONT)
    fleet.wait_for("online")
    edge.end(signal.SIGKILL)
    fleet.wait_for("lost")
    assert fleet.events() == ["joined", "lost", "back", "lost"]


def test_no_edge_is_lost_because_the_engine_slept_or_was_down(fleet: Fleet) -> None:
    fleet.serve()
    address = fleet.centre.home.read_address()
    assert address
    os.kill(address.pid, signal.SIGSTOP)
    time.sleep(8 * PERIOD)
    os.kill(address.pid, signal.SIGCONT)
    fleet.centre.engine_away()
    time.sleep(8 * PERIOD)
    fleet.centre.engine_back()
    seen = fleet.listed().last_seen
    until(lambda: fleet.listed().last_seen != seen, "a heartbeat after the engine came back")
    assert fleet.events() == ["joined"]


def test_an_edge_that_is_removed_is_told_so_once_and_serves_on(fleet: Fleet) -> None:
    edge = fleet.serve()
    fleet.centre.client.remove_edge(fleet.name)
    until(lambda: "The engine refuses this edge: " in edge.said(), "the refusal")
    time.sleep(3 * PERIOD)
    assert edge.said().count("The engine refuses this edge: ") == 1
    edge.infer()
    assert edge.end() == 0


@contextmanager
def beating(spool: Path, answer: bytes) -> Iterator[list[dict[str, Any]]]:
    """Beat to a server that gives one answer; yield what it hears, and after the block also the goodbye."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        server.answer = (200, {}, answer)
        identity = Identity("shop", f"http://127.0.0.1:{server.server_port}", "the-credential", "")
        heartbeat = Heartbeat(identity, spool, "v", time.monotonic())
        heartbeat.start()
        until(lambda: server.seen, "the first heartbeat")
        heard: list[dict[str, Any]] = []
        yield heard
        heartbeat.stop()
        assert {headers["Authorization"] for _, headers, _ in server.seen} == {"Bearer the-credential"}
        heard += [json.loads(body) for _, _, body in server.seen]
        server.shutdown()


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"next_seconds": 1e9}', b'{"next_seconds": "soon"}'])
def test_an_answer_that_no_engine_gives_changes_nothing(tmp_path: Path, answer: bytes) -> None:
    with beating(tmp_path / "spool.db", answer) as heard:
        pass
    assert [report["stopping"] for report in heard] == [False, True]


def test_an_edge_tells_what_it_has_not_sent_and_what_it_lost(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    spool = Spool(path, "shop")
    for number in range(3):
        spool.append(record(number, 2))
        spool.flush()
    spool.close()
    with SpoolReader(path) as reader:
        reader.discard(reader.pending(1)[0])
    with beating(path, b"{}") as heard:
        pass
    assert (heard[-1]["backlog_rows"], heard[-1]["dropped_rows"]) == (4, 2)
    assert heard[-1]["backlog_bytes"] > 0

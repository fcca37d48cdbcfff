from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jupyter_edge.core.secret import Secret
from jupyter_edge.logs.shipper import Shipper
from jupyter_edge.logs.spool import Spool
from jupyter_edge.logs.spool_reader import SpoolReader
from tests.logs.helpers import record, wait_until


class Engine:
    """An HTTP server that keeps what it is sent, as an engine does, and answers as `answers` says."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.seen: set[tuple[str, int]] = set()
        self.requests: list[dict[str, str]] = []
        self.answers: list[Any] = []
        self.poison: int | None = None
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                engine.requests.append(dict(self.headers) | {"path": self.path})
                answer = engine.answers.pop(0) if engine.answers else 200
                if answer in ("before", "after"):
                    if answer == "after":
                        engine.keep(self.headers, body)
                    self.close_connection = True
                    return
                status, value = answer if isinstance(answer, tuple) else engine.judge(self.headers, body)
                content = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def judge(self, headers: Any, body: bytes) -> tuple[int, dict[str, Any]]:
        if self.poison is not None and self.poison in [number for _, rows in _read(headers, body) for number in rows]:
            return 400, {"msg": "This batch is damaged.", "code": 400}
        self.keep(headers, body)
        return 200, {"acknowledged": int(headers["Jupyter-Edge-Sequence"].split(",")[-1])}

    def keep(self, headers: Any, body: bytes) -> None:
        for name, rows in _read(headers, body):
            if name not in self.seen:
                self.seen.add(name)
                self.numbers += rows

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def _read(headers: Any, body: bytes) -> list[tuple[tuple[str, int], list[int]]]:
    source = pa.BufferReader(body)
    found = []
    for seq in headers["Jupyter-Edge-Sequence"].split(","):
        column = pa.ipc.open_stream(source).read_all().column("out.number")
        found.append(((headers["Jupyter-Edge-Epoch"], int(seq)), [number for (number,) in column.to_pylist()]))
    assert source.tell() == len(body)
    return found


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.close()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path / "spool.db", "edge-1")
    yield made
    made.close()


@pytest.fixture
def shipper(spool: Spool, engine: Engine) -> Iterator[Shipper]:
    made = Shipper(spool.path, engine.url, Secret("the-credential"), longest_pause=0.2)
    yield made
    made.stop(0)


def write(spool: Spool, first: int, count: int) -> None:
    for number in range(first, first + count):
        spool.append(record(number))
        spool.flush()


def test_rows_arrive_oldest_first_and_leave_the_spool(spool: Spool, engine: Engine, shipper: Shipper) -> None:
    write(spool, 0, 20)
    assert shipper.backlog[0] == 20
    shipper.start()
    wait_until(lambda: shipper.backlog == (0, 0))
    assert engine.numbers == list(range(20))
    first = engine.requests[0]
    assert first["path"] == "/v1/api/edges/logs"
    assert first["Authorization"] == "Bearer the-credential"
    assert first["Jupyter-Edge-Dropped-Rows"] == "0"
    assert len(engine.requests) < 20
    write(spool, 20, 1)
    wait_until(lambda: engine.numbers == list(range(21)))


@pytest.mark.parametrize(
    "answer",
    [
        "before",
        "after",
        (500, {"msg": "The disk is full.", "code": 507}),
        (404, {"detail": "Not Found"}),
        (429, b""),
        (302, b""),
        (200, b"<html>Log in to this network</html>"),
        (200, {"acknowledged": 99}),
        (403, b"<html>Forbidden by the gateway</html>"),
        (400, b"bad gateway"),
    ],
)
def test_whatever_comes_between_nothing_is_lost_or_doubled(
    spool: Spool, engine: Engine, shipper: Shipper, answer: Any
) -> None:
    engine.answers = [answer, answer, 200, answer]
    shipper.start()
    write(spool, 0, 10)
    wait_until(lambda: len(engine.numbers) == 10 and shipper.backlog[0] == 0)
    write(spool, 10, 10)
    wait_until(lambda: len(engine.numbers) == 20 and shipper.backlog[0] == 0)
    assert engine.numbers == list(range(20))


def test_an_engine_that_is_away_is_waited_for(spool: Spool, engine: Engine, shipper: Shipper) -> None:
    engine.server.socket.close()
    engine.close()
    shipper.start()
    write(spool, 0, 3)
    time.sleep(0.3)
    assert shipper.backlog[0] == 3
    assert shipper.refusal is None
    other = ThreadingHTTPServer(engine.server.server_address, engine.server.RequestHandlerClass)
    thread = threading.Thread(target=other.serve_forever, args=(0.05,))
    thread.start()
    try:
        wait_until(lambda: engine.numbers == [0, 1, 2])
    finally:
        other.shutdown()
        other.server_close()
        thread.join()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_edge_says_so_once_and_keeps_its_rows(
    spool: Spool, engine: Engine, shipper: Shipper, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    engine.answers = [(status, {"msg": "The engine does not know this edge any more.", "code": status})] * 10
    write(spool, 0, 3)
    shipper.start()
    wait_until(lambda: shipper.refusal is not None)
    assert shipper.refusal == "The engine does not know this edge any more."
    assert caplog.text.count("does not know this edge") == 1
    assert "the-credential" not in caplog.text
    time.sleep(0.3)
    assert (len(engine.requests), shipper.backlog[0]) == (1, 3)


def test_only_the_batch_that_the_engine_refuses_is_lost_and_counted(
    spool: Spool, engine: Engine, shipper: Shipper
) -> None:
    engine.poison = 4
    write(spool, 0, 10)
    shipper.start()
    wait_until(lambda: shipper.backlog[0] == 0)
    assert engine.numbers == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    with SpoolReader(spool.path) as reader:
        assert reader.dropped_rows() == 1


def test_stop_ships_what_is_spooled_and_a_next_shipper_the_rest(spool: Spool, engine: Engine, shipper: Shipper) -> None:
    shipper.start()
    write(spool, 0, 5)
    shipper.stop(10)
    assert engine.numbers == [0, 1, 2, 3, 4]
    write(spool, 5, 5)
    other = Shipper(spool.path, engine.url, Secret("the-credential"))
    other.start()
    other.stop(10)
    assert engine.numbers == list(range(10))


def test_stop_does_not_wait_for_an_engine_that_is_away(spool: Spool) -> None:
    write(spool, 0, 1)
    shipper = Shipper(spool.path, "http://127.0.0.1:9", Secret("x"))
    shipper.start()
    began = time.monotonic()
    shipper.stop(5)
    assert time.monotonic() - began < 5
    assert shipper.backlog[0] == 1
    Shipper(spool.path, "http://127.0.0.1:9", Secret("x")).stop(1)

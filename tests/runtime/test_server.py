from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from jupyter_edge.runtime import connection, server
from jupyter_edge.runtime.exchange import Exchange, Request, Response
from jupyter_edge.runtime.pipeline import Pipeline
from tests.runtime.conftest import HandlerMaker, Memory, ServerMaker

ROW = b'[{"x":[1,2,3]}]'
POST = b"POST /pipelines/line HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(ROW), ROW)


class Reflecting:
    """A handler that answers with what it got; ``release`` holds back the answers to ``/slow``."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.seen: list[Request] = []
        self.cancelled: list[Request] = []

    def admit(self, request: Request) -> Response | None:
        return Response(401, b"[]") if "refuse" in request.headers else None

    def handle(self, exchange: Exchange) -> None:
        request = exchange.request
        self.seen.append(request)
        if request.target == "/broken":
            raise RuntimeError(request.target)
        if request.target == "/slow":
            asyncio.get_running_loop().create_task(self._answer_slowly(exchange))
        elif request.target == "/large":
            exchange.answer(Response(200, bytes(10_000_000)))
        else:
            exchange.answer(self._reflection(request))

    async def _answer_slowly(self, exchange: Exchange) -> None:
        while not self.release.is_set() and not exchange.over:
            await asyncio.sleep(0.005)
        if exchange.over:
            self.cancelled.append(exchange.request)
        exchange.answer(self._reflection(exchange.request))

    def _reflection(self, request: Request) -> Response:
        return Response(200, f"{request.method} {request.target} ".encode() + bytes(request.body[-20:]))

    def close(self) -> None:
        return


def with_host(data: bytes) -> bytes:
    return data.replace(b" HTTP/1.1\r\n", b" HTTP/1.1\r\nHost: edge\r\n")


class Client:
    """A raw connection to a server."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.socket.makefile("rb")

    def send(self, data: bytes) -> Client:
        """Send data, every HTTP/1.1 request in it with the Host that it needs."""
        return self.send_as_it_is(with_host(data))

    def send_as_it_is(self, data: bytes) -> Client:
        self.socket.sendall(data)
        return self

    def head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers of the next answer."""
        status = int(self.file.readline().split()[1])
        lines = iter(self.file.readline, b"\r\n")
        pairs = (line.decode().rstrip().partition(": ") for line in lines)
        return status, {name.lower(): value for name, _, value in pairs}

    def answer(self) -> tuple[int, bytes]:
        """Return status and body of the next answer."""
        status, headers = self.head()
        return status, self.file.read(int(headers["content-length"]))

    def is_closed(self) -> bool:
        """Wait until the server closes the connection."""
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True


@pytest.fixture
def reflecting(monkeypatch: pytest.MonkeyPatch) -> Reflecting:
    monkeypatch.setattr(server, "_SWEEP_SECONDS", 0.02)
    return Reflecting()


@pytest.fixture
def connect(start_server: ServerMaker, reflecting: Reflecting) -> Callable[[], Client]:
    """Return a function that connects to a server of the reflecting handler, with a body limit of 1 MB."""
    port = start_server(reflecting, max_body=1_000_000)
    return lambda: Client(port)


def test_a_pipeline_answers_over_http(
    start_server: ServerMaker, make_handler: HandlerMaker, doubling: Pipeline, log: Memory
) -> None:
    port = start_server(make_handler(doubling))
    with requests.Session() as session:
        for _ in range(3):
            answer = session.post(f"http://127.0.0.1:{port}/pipelines/line", data=ROW, timeout=20)
            assert answer.headers["Content-Type"] == "application/json; format=pandas-records"
            assert answer.json()[0]["out"] == {"y": [2, 4, 6]}
        many = json.dumps([{"x": [row, 0.5, 1]} for row in range(5000)])
        answers = session.post(f"http://127.0.0.1:{port}/pipelines/line", data=many, timeout=20).json()
    assert [answer["out"]["y"][0] for answer in answers] == [2 * row for row in range(5000)]
    assert len(log.records) == 4


def test_a_connection_is_kept(connect: Callable[[], Client]) -> None:
    client = connect()
    for number in range(3):
        assert client.send(b"GET /%d HTTP/1.1\r\n\r\n" % number).answer() == (200, b"GET /%d " % number)


@pytest.mark.parametrize("request_line", [b"GET /a HTTP/1.0\r\n\r\n", b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n"])
def test_a_connection_is_closed_for_those_who_want_it(connect: Callable[[], Client], request_line: bytes) -> None:
    client = connect().send(request_line)
    assert client.answer() == (200, b"GET /a ")
    assert client.is_closed()


def test_pipelined_requests_are_answered_in_their_order(connect: Callable[[], Client], reflecting: Reflecting) -> None:
    client = connect().send(
        b"GET /slow HTTP/1.1\r\n\r\n" + b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % n for n in range(500))
    )
    for number in range(500, 3000):
        client.send(b"POST /%d HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc" % number)
    reflecting.release.set()
    assert client.answer() == (200, b"GET /slow ")
    assert [client.answer()[1] for _ in range(500)] == [b"GET /%d " % number for number in range(500)]
    assert [client.answer()[1] for _ in range(2500)] == [b"POST /%d abc" % number for number in range(500, 3000)]


@pytest.mark.parametrize("size", [0, 1, 1000, 16_384, 16_385, 65_536, 100_000, 999_999])
@pytest.mark.parametrize("chunk", [1_000_000, 40_000, 700])
def test_a_body_of_any_size_arrives_whole_however_it_is_cut(
    connect: Callable[[], Client], reflecting: Reflecting, size: int, chunk: int
) -> None:
    body = bytes(number % 251 for number in range(size))
    whole = b"POST /a HTTP/1.1\r\nContent-Length: %d\r\n\r\n%bGET /b HTTP/1.1\r\n\r\n" % (
        size,
        body,
    )
    client, whole = connect(), with_host(whole)
    for start in range(0, len(whole), chunk):
        client.send_as_it_is(whole[start : start + chunk])
    assert client.answer() == (200, b"POST /a " + body[-20:])
    assert client.answer() == (200, b"GET /b ")
    assert bytes(reflecting.seen[0].body) == body


@pytest.mark.parametrize("sizes", [[3], [1, 5, 1], [70_000, 200_000, 3]])
def test_a_chunked_body_arrives_whole(connect: Callable[[], Client], reflecting: Reflecting, sizes: list[int]) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (size, b"x" * size) for size in sizes)
    client = connect().send(
        b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\nGET /b HTTP/1.1\r\n\r\n"
    )
    assert client.answer()[0] == 200
    assert client.answer() == (200, b"GET /b ")
    assert bytes(reflecting.seen[0].body) == b"x" * sum(sizes)


def test_head_has_the_length_and_no_body(connect: Callable[[], Client]) -> None:
    client = connect().send(b"HEAD /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n")
    status, headers = client.head()
    assert (status, headers["content-length"]) == (200, "8")
    assert client.answer() == (200, b"GET /b ")


def test_continue_is_said_before_the_body_and_after_earlier_answers(
    connect: Callable[[], Client], reflecting: Reflecting
) -> None:
    client = connect().send(
        b"GET /slow HTTP/1.1\r\n\r\nPOST /a HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    )
    reflecting.release.set()
    assert client.answer() == (200, b"GET /slow ")
    assert client.head() == (100, {})
    assert client.send(b"abc").answer() == (200, b"POST /a abc")


def test_a_body_that_does_not_wait_needs_no_continue(connect: Callable[[], Client]) -> None:
    client = connect().send(b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc")
    assert client.answer() == (200, b"POST /a abc")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_does_not_wait_for_continue(connect: Callable[[], Client], reflecting: Reflecting, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"x" * 900_000)
    host, port = connect().socket.getpeername()
    command = ["curl", "-sv", "--expect100-timeout", "20", "--max-time", "15", "-H", "Expect: 100-continue"]
    command += ["-H", "Authorization:Bearer x", "--data-binary", f"@{tmp_path / 'body'}", f"http://{host}:{port}/a"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert b"100 Continue" in done.stderr
    assert done.stdout == b"POST /a " + b"x" * 20
    assert reflecting.seen[0].headers["authorization"] == "Bearer x"


@pytest.mark.parametrize("body", [b"", b"abc", b"x" * 300_000])
def test_an_offered_upgrade_is_passed_over(connect: Callable[[], Client], reflecting: Reflecting, body: bytes) -> None:
    head = (
        b"POST /a HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n"
        % len(body)
    )
    client = connect().send((head + body) * 3 + b"GET /b HTTP/1.1\r\n\r\n")
    assert [client.answer()[0] for _ in range(3)] == [200] * 3
    assert client.answer() == (200, b"GET /b ")
    assert [bytes(request.body) for request in reflecting.seen[:3]] == [body] * 3


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnix\r\n", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: 1000001\r\n\r\n", 413),
        (b"POST /a HTTP/1.1\r\nContent-Length: 1000001\r\nExpect: 100-continue\r\n\r\n", 413),
        (
            b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n%b\r\n" % (b"x" * 65536)) * 16,
            413,
        ),
        (b"GET /a HTTP/1.1\r\nX: " + b"x" * 200_000, 431),
        (
            b"POST /a HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            501,
        ),
    ],
)
def test_what_is_no_proper_request_is_refused_after_earlier_answers(
    connect: Callable[[], Client], data: bytes, status: int
) -> None:
    client = connect().send(b"GET /first HTTP/1.1\r\n\r\n" + data)
    assert client.answer() == (200, b"GET /first ")
    refused, body = client.answer()
    assert refused == status
    assert json.loads(body)[0]["error"]
    client.socket.shutdown(socket.SHUT_WR)
    assert client.is_closed()
    assert connect().send(b"GET /a HTTP/1.1\r\n\r\n").answer()[0] == 200


def test_a_refusal_reaches_a_client_that_is_still_sending(connect: Callable[[], Client]) -> None:
    client = connect().send(b"POST /a HTTP/1.1\r\nContent-Length: 50000000\r\n\r\n")
    for _ in range(40):
        client.send(bytes(100_000))
    assert client.answer()[0] == 413


def test_a_handler_that_breaks_is_an_answer(connect: Callable[[], Client]) -> None:
    client = connect().send(b"GET /broken HTTP/1.1\r\n\r\nGET /a HTTP/1.1\r\n\r\n")
    status, body = client.answer()
    assert status == 500
    assert b"RuntimeError" not in body
    assert client.answer() == (200, b"GET /a ")


def test_clients_that_vanish_leave_the_server_as_it_was(connect: Callable[[], Client], reflecting: Reflecting) -> None:
    for data in (
        b"",
        b"GE",
        b"POST /a HTTP/1.1\r\nContent-Length: 900000\r\n\r\nabc",
        b"GET /slow HTTP/1.1\r\n\r\n",
        b"GET /large HTTP/1.1\r\n\r\n",
    ):
        client = connect().send(data)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.file.close()
        client.socket.close()
    reflecting.release.set()
    assert connect().send(b"GET /a HTTP/1.1\r\n\r\n").answer() == (200, b"GET /a ")


def test_a_client_that_has_said_all_still_gets_its_answers(
    connect: Callable[[], Client], reflecting: Reflecting
) -> None:
    client = connect().send(b"GET /slow HTTP/1.1\r\n\r\nGET /a HTTP/1.1\r\n\r\n")
    client.socket.shutdown(socket.SHUT_WR)
    reflecting.release.set()
    assert [client.answer()[1], client.answer()[1]] == [b"GET /slow ", b"GET /a "]
    assert client.is_closed()


def test_an_answer_waits_for_a_client_that_reads_slowly(connect: Callable[[], Client]) -> None:
    client = connect().send(b"GET /large HTTP/1.1\r\n\r\nGET /a HTTP/1.1\r\n\r\n")
    assert client.answer()[1] == bytes(10_000_000)
    assert client.answer() == (200, b"GET /a ")


@pytest.mark.parametrize("sent", [b"GET /a HT", b"POST /a HTTP/1.1\r\nContent-Length: 900000\r\n\r\nabc"])
def test_a_request_that_does_not_arrive_in_time_is_given_up(
    connect: Callable[[], Client], monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connection, "_GRACE_SECONDS", 0.1)
    client = connect().send(sent)
    assert client.answer()[0] == 408
    client.socket.shutdown(socket.SHUT_WR)
    assert client.is_closed()


def test_idle_connections_and_unread_answers_are_given_up(
    connect: Callable[[], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_IDLE_SECONDS", 0.1)
    monkeypatch.setattr(connection, "_GRACE_SECONDS", 0.1)
    unread = connect().send(b"GET /large HTTP/1.1\r\n\r\n" * 5)
    for _ in range(4):  # each outlasts the time that the other has, by the same clock
        assert connect().is_closed()
    received = 0
    try:
        while part := unread.socket.recv(1 << 20):
            received += len(part)
    except ConnectionResetError:
        pass
    assert received < 50_000_000


def test_what_takes_long_is_not_given_up(
    connect: Callable[[], Client], reflecting: Reflecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_IDLE_SECONDS", 0.05)
    monkeypatch.setattr(connection, "_GRACE_SECONDS", 0.05)
    client = connect().send(b"GET /slow HTTP/1.1\r\n\r\n")
    time.sleep(0.3)
    reflecting.release.set()
    assert client.answer() == (200, b"GET /slow ")


def test_stopping_finishes_what_has_begun_and_closes_the_rest() -> None:
    handler, stop = Reflecting(), asyncio.Event()
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    loop = asyncio.new_event_loop()
    serving = threading.Thread(target=loop.run_until_complete, args=[server.serve(handler, sock, stop)])
    serving.start()
    idle, busy, half = Client(port), Client(port), Client(port)
    assert idle.send(b"GET /a HTTP/1.1\r\n\r\n").answer()[0] == 200
    busy.send(b"GET /slow HTTP/1.1\r\n\r\n")
    half.send(b"POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\na")
    deadline = time.monotonic() + 20
    while len(handler.seen) < 2:
        assert time.monotonic() < deadline, handler.seen
        time.sleep(0.005)
    loop.call_soon_threadsafe(stop.set)
    assert idle.is_closed()
    with pytest.raises(OSError, match="refused"):
        Client(port)
    handler.release.set()
    status, headers = busy.head()
    assert (status, headers["connection"]) == (200, "close")
    assert half.send(b"bc").answer() == (200, b"POST /b abc")
    serving.join(20)
    assert not serving.is_alive()
    loop.close()


def test_small_requests_are_answered_while_large_ones_are_worked_on(
    start_server: ServerMaker, make_handler: HandlerMaker, doubling: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    working, go_on = threading.Event(), threading.Event()
    infer = Pipeline.infer

    def infer_slowly(pipeline: Pipeline, batch: Any) -> Any:
        if batch.rows > 1:
            working.set()
            go_on.wait(20)
        return infer(pipeline, batch)

    monkeypatch.setattr(Pipeline, "infer", infer_slowly)
    port = start_server(make_handler(doubling))
    body = json.dumps([{"x": [1, 2, 3]}] * 2000).encode()
    large = Client(port).send(b"POST /infer HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    assert working.wait(20)
    assert Client(port).send(POST).answer()[0] == 200
    go_on.set()
    assert large.answer()[0] == 200

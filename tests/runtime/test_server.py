from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import threading
import time
from typing import Any

import pytest
import requests

from jupyter_edge.runtime import server
from jupyter_edge.runtime.pipeline import Pipeline
from tests.runtime.conftest import HandlerMaker, Memory, ServerMaker
from tests.runtime.http_client import Client, Reflecting

ROW = b'[{"x":[1,2,3]}]'
POST = b"POST /pipelines/line HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(ROW), ROW)


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


def test_stopping_finishes_what_has_begun_in_a_process_of_many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    number = min(1500, most - 1)  # select() knows of 1024
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    handler, stop = Reflecting(), asyncio.Event()

    async def serve_and_stop() -> None:
        with socket.create_server(("127.0.0.1", 0)) as low:
            sock = socket.socket(fileno=os.dup2(low.fileno(), number))
            serving = asyncio.create_task(server.serve(handler, sock, stop))
            reader, writer = await asyncio.open_connection(*low.getsockname())
            writer.write(b"GET /slow HTTP/1.1\r\nHost: e\r\n\r\n")
            while not handler.seen:
                await asyncio.sleep(0.005)
            stop.set()
            await asyncio.sleep(0.05)
            handler.release.set()
            async with asyncio.timeout(20):
                assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
                await serving
            writer.close()

    asyncio.run(serve_and_stop())


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

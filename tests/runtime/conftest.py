from __future__ import annotations

import asyncio
import contextlib
import io
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import uvloop

from jupyter_edge.core.records import InferenceRecord
from jupyter_edge.core.secret import Secret
from jupyter_edge.runtime import server
from jupyter_edge.runtime.exchange import Exchange, Request, Response
from jupyter_edge.runtime.handler import Handler
from jupyter_edge.runtime.pipeline import Pipeline
from jupyter_edge.runtime.server import serve
from tests.runtime import models
from tests.runtime.http_client import Client, Reflecting


class Memory:
    """A log sink that keeps records where a test can look at them."""

    def __init__(self) -> None:
        self.records: list[InferenceRecord] = []
        self.dropped_rows = 0

    def backlog(self) -> int:
        return sum(record.rows for record in self.records)

    def append(self, record: InferenceRecord) -> None:
        self.records.append(record)

    def flush(self) -> None:
        return


async def answer_of(handler: Handler, request: Request) -> Response:
    """Wait for a handler's answer, as a server would."""
    answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
    handler.handle(Exchange(request, answer.set_result))
    return await answer


def arrow_file(table: Any) -> bytes:
    """Return a table as the bytes of an Arrow IPC file."""
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


HandlerMaker = Callable[..., Handler]
ServerMaker = Callable[..., int]


@pytest.fixture
def log() -> Memory:
    return Memory()


@pytest.fixture
def make_handler(log: Memory) -> Iterator[HandlerMaker]:
    """Return a function that makes a handler of a pipeline; token and echo_limit as keywords."""
    with contextlib.ExitStack() as stack:

        def make(pipeline: Pipeline, token: str | None = None, echo_limit: int | None = None) -> Handler:
            handler = Handler(pipeline, log, "here", Secret(token) if token else None, echo_limit)
            stack.callback(handler.close)
            return handler

        yield make


@pytest.fixture
def start_server() -> Iterator[ServerMaker]:
    """Return a function that serves a handler on a loopback port and returns the port."""
    with contextlib.ExitStack() as stack:

        def start(handler: Any, **options: Any) -> int:
            sock = socket.create_server(("127.0.0.1", 0))
            loop = uvloop.new_event_loop()
            stop = asyncio.Event()
            thread = threading.Thread(target=loop.run_until_complete, args=[serve(handler, sock, stop, **options)])
            thread.start()
            stack.callback(loop.close)
            stack.callback(thread.join)
            stack.callback(loop.call_soon_threadsafe, stop.set)
            return int(sock.getsockname()[1])

        yield start


@pytest.fixture
def doubling(tmp_path: Path) -> Pipeline:
    """A pipeline that doubles rows of three numbers: column x to output y."""
    return models.pipeline_of(models.doubling(tmp_path / "doubling.onnx"))


@pytest.fixture
def reflecting(monkeypatch: pytest.MonkeyPatch) -> Reflecting:
    monkeypatch.setattr(server, "_SWEEP_SECONDS", 0.02)
    return Reflecting()


@pytest.fixture
def connect(start_server: ServerMaker, reflecting: Reflecting) -> Callable[[], Client]:
    """Return a function that connects to a server of the reflecting handler, with a body limit of 1 MB."""
    port = start_server(reflecting, max_body=1_000_000)
    return lambda: Client(port)

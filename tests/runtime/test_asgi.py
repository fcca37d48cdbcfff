"""The handler knows nothing of the server that carries it: uvicorn can, as an ASGI 3 application."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import pyarrow as pa
import pytest
import requests
import uvicorn

from jupyter_edge.core.media_types import ARROW_FILE
from jupyter_edge.runtime.exchange import Request
from jupyter_edge.runtime.handler import Handler
from jupyter_edge.runtime.pipeline import Pipeline
from tests.runtime.conftest import HandlerMaker, ServerMaker, answer_of, arrow_file

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


def application(handler: Handler) -> Application:
    async def respond(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        body = bytearray()
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        query = scope["query_string"].decode("latin-1")
        target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        response = await answer_of(handler, Request(scope["method"], target, headers, body))
        fields = {"Content-Type": response.media_type, "Content-Length": str(len(response.body)), **response.headers}
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": encoded})
        content = b"" if scope["method"] == "HEAD" else response.body
        await send({"type": "http.response.body", "body": content})

    return respond


@pytest.fixture
def start_uvicorn() -> Iterator[Callable[[Handler], str]]:
    """Return a function that lets uvicorn serve a handler and returns its URL."""
    with contextlib.ExitStack() as stack:

        def start(handler: Handler) -> str:
            server = uvicorn.Server(uvicorn.Config(application(handler), lifespan="off", log_level="error"))
            sock = socket.create_server(("127.0.0.1", 0))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
            thread.start()
            stack.callback(thread.join, 20)
            stack.callback(setattr, server, "should_exit", True)
            return f"http://127.0.0.1:{sock.getsockname()[1]}"

        yield start


ROWS: list[dict[str, Any]] = [{"x": [1, 2.5, 3], "id": "a"}, {"x": [0.1, 1e-9, 1e9], "id": None}]
ARROW = pa.table({"x": pa.array([row["x"] for row in ROWS], pa.list_(pa.float32())), "id": ["a", None]})
QUERY = "?dataset=in&dataset=out&dataset=check_failures&dataset=metadata.partition"
REQUESTS: list[dict[str, Any]] = [
    {"url": f"/pipelines/line{QUERY}", "data": json.dumps(ROWS)},
    {"url": f"/infer{QUERY}", "data": json.dumps(ROWS[:1])},
    {"url": f"/infer{QUERY}", "data": json.dumps(ROWS * 3000)},
    {"url": f"/infer{QUERY}", "data": arrow_file(ARROW), "headers": {"Accept": ARROW_FILE}},
    {"url": f"/infer{QUERY}&dataset.separator=.", "data": arrow_file(ARROW)},
    {"url": f"/infer{QUERY}", "data": "[]", "headers": {"Accept": ARROW_FILE}},
    {"url": "/infer", "data": "[{"},
    {"url": "/infer", "data": json.dumps([{"x": [1]}])},
    {"url": "/infer?dataset=nix", "data": json.dumps(ROWS)},
    {"url": "/infer", "data": "x", "headers": {"Content-Type": "image/png"}},
    {"url": "/infer", "data": json.dumps(ROWS), "headers": {"Authorization": "Bearer gu3ss"}},
    {"url": "/infer", "method": "GET"},
    {"url": "/nix", "method": "GET"},
    {"url": "/models", "method": "GET"},
    {"url": "/ready", "method": "HEAD"},
    {"url": "/v2/models/line", "method": "GET"},
]


@pytest.mark.parametrize(
    "request_", REQUESTS, ids=lambda request: f"{request['url'][:20]} {request.get('headers', '')}"
)
def test_another_server_carries_the_same_answers(
    make_handler: HandlerMaker,
    doubling: Pipeline,
    start_server: ServerMaker,
    start_uvicorn: Callable[[Handler], str],
    request_: dict[str, Any],
) -> None:
    own = f"http://127.0.0.1:{start_server(make_handler(doubling, token='t0ken'))}"
    answers = []
    for url in (own, start_uvicorn(make_handler(doubling, token="t0ken"))):
        headers = {"Authorization": "Bearer t0ken", **request_.get("headers", {})}
        changes = {"url": url + request_["url"], "headers": headers}
        options: dict[str, Any] = {"method": "POST", "timeout": 20} | request_ | changes
        answers.append(requests.request(**options))
    ours, other = answers
    assert ours.status_code == other.status_code
    assert ours.content == other.content
    for answer in answers:
        assert answer.headers.pop("date")
        answer.headers.pop("server", None)
    assert ours.headers == other.headers

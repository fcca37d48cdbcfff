"""The handler knows nothing of the server that carries it: uvicorn can, as an ASGI 3 application."""

from __future__ import annotations

import socket
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import requests
import uvicorn

from jupyter_edge.runtime.exchange import Request
from jupyter_edge.runtime.handler import Handler
from jupyter_edge.runtime.pipeline import Pipeline
from tests.runtime.conftest import HandlerMaker, answer_of

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


def test_another_server_can_carry_the_handler(make_handler: HandlerMaker, doubling: Pipeline) -> None:
    server = uvicorn.Server(
        uvicorn.Config(application(make_handler(doubling, token="t0ken")), lifespan="off", log_level="error")
    )
    sock = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        headers = {"Authorization": "Bearer t0ken"}
        rows = [{"x": [1, 2, 3]}] * 3000
        answers = requests.post(f"{url}/pipelines/line?dataset=out", json=rows, headers=headers, timeout=20)
        assert answers.headers["Content-Type"] == "application/json; format=pandas-records"
        assert answers.json() == [{"out": {"y": [2, 4, 6]}}] * 3000
        refused = requests.get(f"{url}/models", timeout=20)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        head = requests.head(f"{url}/ready", timeout=20)
        assert (head.status_code, head.content) == (200, b"")
    finally:
        server.should_exit = True
        thread.join(20)

from __future__ import annotations

import socket
import threading

import requests
import uvicorn

from jupyter_edge.runtime.asgi import application
from jupyter_edge.runtime.pipeline import Pipeline
from tests.runtime.conftest import HandlerMaker


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

from __future__ import annotations

import socket

import pytest

from jupyter_edge.engine.protocol import MAX_HEAD
from tests.engine.process import EngineProcess


def test_headers_without_an_end_are_refused(engine: EngineProcess) -> None:
    host, port = engine.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as sock:
        sock.sendall(b"POST /v1/api/users/me HTTP/1.1\r\nX: ".ljust(MAX_HEAD + 1, b"x"))
        assert sock.recv(1000).startswith(b"HTTP/1.1 400 ")
    with socket.create_connection((host, int(port)), timeout=20) as sock, pytest.raises(ConnectionError):
        sock.sendall(b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 10_000_000)
    large = {"X": "x" * (MAX_HEAD - 2000)}
    assert [engine.client.post("/v1/api/users/me", headers=large).status_code for _ in range(3)] == [200] * 3

"""A raw HTTP client, and a handler to try servers with."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

from jupyter_edge.runtime.exchange import Exchange, Request, Response, error_response


class Reflecting:
    """A handler that answers with what it got; ``release`` holds back the answers to ``/slow``, ``full`` all bodies."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.full = False
        self.seen: list[Request] = []
        self.cancelled: list[Request] = []

    def admit(self, request: Request) -> Response | None:
        if self.full:
            return error_response(503, "Too many wait.")
        return error_response(401, "No.") if "refuse" in request.headers else None

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
        """Return status and body of the next answer, passing over interim ones."""
        status, headers = self.head()
        while status == 100:
            status, headers = self.head()
        return status, self.file.read(int(headers["content-length"]))

    def is_closed(self) -> bool:
        """Wait until the server closes the connection."""
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)

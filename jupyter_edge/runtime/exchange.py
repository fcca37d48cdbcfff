"""Requests and answers as the handler sees them, whatever server carries them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import orjson

from jupyter_edge.core.errors import EdgeError
from jupyter_edge.core.media_types import JSON


@dataclass(slots=True)  # not frozen, which would cost each request a microsecond; nor is the answer
class Request:
    """A request as a server received it: ``target`` is path and query, header names are in lower case.

    ``findings`` is what was found out from all but the body; requests that are alike in that may share it.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | bytearray = b""
    findings: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Response:
    """An answer to send; Content-Length, and what belongs to the connection, is the server's."""

    status: int
    body: bytes
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


class MethodNotAllowedError(EdgeError):
    """The path exists, for other methods."""

    status: ClassVar[int] = 405

    def __init__(self, method: str, path: str, allowed: str) -> None:
        super().__init__(f"{path} does not answer {method}: use {allowed}.")
        self.allowed = allowed


def require_get(request: Request, path: str) -> None:
    """Refuse other methods than GET and HEAD.

    Raises:
        MethodNotAllowedError: naming those two.
    """
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowedError(request.method, path, "GET, HEAD")


def error_response(status: int, message: str, headers: dict[str, str] | None = None, *, target: str = "") -> Response:
    """Return an error as clients of ``target`` read it: a JSON object, alone in a list except below ``/v2``."""
    error = {"error": message}
    return Response(status, orjson.dumps(error if is_open_inference(target) else [error]), headers=headers or {})


def is_open_inference(target: str) -> bool:
    """Say whether a request's target belongs to the Open Inference Protocol."""
    return target.startswith("/v2") and target[3:4] in ("", "/", "?")


class Exchange:
    """A request at work, and the way back to who sent it; used in the event loop's thread, but for ``over``.

    Args:
        request: what was sent.
        send: takes the answer; called at most once.
        alone: no other client is connected, so that nobody else waits while this one is answered.
    """

    __slots__ = ("_send", "_timer", "alone", "over", "request", "started")

    def __init__(self, request: Request, send: Callable[[Response], None], *, alone: bool = False) -> None:
        self.request = request
        self.alone = alone
        self.over = False
        """Answered, or wanted by nobody any more: work on it can be left."""
        self.started = time.perf_counter()
        self._send = send
        self._timer: asyncio.TimerHandle | None = None

    def answer(self, response: Response) -> None:
        """Send the answer, if one is still wanted."""
        if not self.over:
            self.over = True
            if self._timer is not None:
                self.cancel()
            self._send(response)

    def cancel(self) -> None:
        """Say that nobody waits for an answer any more."""
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def expire_after(self, seconds: float, expire: Callable[[Exchange], None]) -> None:
        """Call ``expire`` with this exchange unless it is over within so many seconds."""
        self._timer = asyncio.get_running_loop().call_later(seconds, expire, self)


class Application(Protocol):
    """What a server carries requests to."""

    def admit(self, request: Request) -> Response | None:
        """Tell from a request's head why its body need not be received; ``None`` if it may come."""

    def handle(self, exchange: Exchange) -> None:
        """Answer the exchange, now or later, in the event loop's thread."""

    def close(self) -> None:
        """Wait for running work."""

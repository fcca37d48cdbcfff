"""Load on one address: so many requests at once over kept connections, for a bounded time and count."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast
from urllib.parse import urlencode, urlsplit

import httptools
import requests
import uvloop

GRACE_SECONDS = 10.0
"""How long answers are waited for once no more requests are sent."""

_CONNECT_SECONDS = 5.0
_ERROR_BYTES = 300


@dataclass(frozen=True)
class Target:
    """The request that is sent again and again."""

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    query: tuple[tuple[str, str], ...] = ()

    def message(self) -> bytes:
        """Return the whole HTTP/1.1 request."""
        url = urlsplit(self.url)
        path = (url.path or "/") + (f"?{urlencode(self.query)}" if self.query else "")
        headers = {"Host": url.netloc, **self.headers, "Content-Length": str(len(self.body))}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode() + self.body


@dataclass
class Measured:
    """What became of the requests: seconds of each good answer, and why others were none."""

    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0
    client_seconds: float = 0.0
    """CPU time of the sending thread."""


class Load:
    """One run, in a thread of its own: ``run`` blocks, ``stop`` ends it early from another thread.

    Args:
        target: what to send.
        concurrency: how many requests are under way at any time.
        seconds: when to send no more.
        requests: after how many to send no more.
    """

    def __init__(self, target: Target, concurrency: int, seconds: float, requests: int) -> None:
        self.message = target.message()
        self.measured = Measured()
        self._url = urlsplit(target.url)
        self._concurrency = concurrency
        self._seconds = seconds
        self._left = requests
        self._ends = 0.0
        self._stopped = False
        self._alive = concurrency
        self._connections: set[_Connection] = set()
        self._replacing: set[asyncio.Task[None]] = set()
        self._over: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> None:
        """Send, and fill ``measured``."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._run())

    def stop(self) -> None:
        """Send no more, and wait for nothing that is under way."""
        self._stopped = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._abort, None)

    async def _run(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        connections = await asyncio.gather(*(self._connect() for _ in range(self._concurrency)))
        started, cpu = time.perf_counter(), time.thread_time()
        self._ends = started + self._seconds
        why = f"no answer within {self._seconds + GRACE_SECONDS:g} s"
        timer = self._loop.call_later(self._seconds + GRACE_SECONDS, self._abort, why)
        for connection in connections:
            if connection is None:
                self._retire()
            else:
                connection.send()
        await self._over.wait()
        timer.cancel()
        self.measured.seconds = time.perf_counter() - started
        self.measured.client_seconds = time.thread_time() - cpu

    async def _connect(self) -> _Connection | None:
        secure = self._url.scheme == "https"
        context = ssl.create_default_context(cafile=requests.utils.DEFAULT_CA_BUNDLE_PATH) if secure else None
        port = self._url.port or (443 if secure else 80)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: _Connection(self), str(self._url.hostname), port, ssl=context
                )
        except OSError as error:
            self.measured.errors.append(f"no connection: {error}")
            return None
        self._connections.add(connection)
        return connection

    def goes_on(self) -> bool:
        """Say whether more requests are to be sent."""
        return not self._stopped and self._left > 0 and time.perf_counter() < self._ends

    def may_send(self) -> bool:
        """Say whether one more request is to be sent, and count it."""
        goes_on = self.goes_on()
        self._left -= goes_on
        return goes_on

    def lose(self, connection: _Connection) -> None:
        """Go on over another connection in place of one that is gone, while there is something to send."""
        self._connections.discard(connection)
        if self._loop is not None and self.goes_on():
            task = self._loop.create_task(self._replace())
            self._replacing.add(task)
            task.add_done_callback(self._replacing.discard)
        else:
            self._retire()

    async def _replace(self) -> None:
        connection = await self._connect()
        if connection is None:
            self._retire()
        else:
            connection.send()

    def _retire(self) -> None:
        self._alive -= 1
        if not self._alive and self._over is not None:
            self._over.set()

    def _abort(self, why: str | None) -> None:
        self._stopped = True
        for connection in list(self._connections):
            connection.give_up(why)
        if self._over is not None:
            self._over.set()


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the one before is whole."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._started: float | None = None
        self._error = b""

    def send(self) -> None:
        """Send one request, or close where none is to be sent."""
        if self._transport is None:
            return
        if self._transport.is_closing() or not self._load.may_send():
            self._transport.close()
            return
        self._error = b""
        self._started = time.perf_counter()
        self._transport.write(self._load.message)

    def give_up(self, why: str | None) -> None:
        """Close at once; ``why`` tells what an unanswered request counts as, if as an error."""
        if why is not None and self._started is not None:
            self._load.measured.errors.append(why)
        self._started = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to the server."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        """Read a part of an answer."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.give_up(f"no HTTP: {error}")

    def on_body(self, body: bytes) -> None:
        """Keep the beginning of an error's words."""
        if self._parser.get_status_code() != HTTPStatus.OK and len(self._error) < _ERROR_BYTES:
            self._error += body[:_ERROR_BYTES]

    def on_message_complete(self) -> None:
        """Count the answer and send the next request."""
        if self._started is None:
            return
        status = self._parser.get_status_code()
        if status == HTTPStatus.OK:
            self._load.measured.latencies.append(time.perf_counter() - self._started)
        else:
            self._load.measured.errors.append(f"{status} {self._error.decode(errors='replace')}".strip())
        self._started = None
        if self._parser.should_keep_alive():
            self.send()
        elif self._transport is not None:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Count a request that has no answer now, and go on over another connection while the run lasts."""
        if self._started is not None:
            self._load.measured.errors.append(f"connection lost: {error or 'closed by the server'}")
            self._started = None
        self._load.lose(self)

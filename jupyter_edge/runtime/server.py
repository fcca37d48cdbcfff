"""HTTP/1.1 for inference (RFC 9112): one handler, one listening socket, as little as possible in between."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from http import HTTPStatus
from typing import cast

import httptools

from jupyter_edge.runtime.exchange import Request, Response, error_response
from jupyter_edge.runtime.handler import Handler

MAX_BODY = 256 * 1024 * 1024
MAX_HEAD = 64 * 1024

_DIRECT_BODY = 16 * 1024  # a body of which more than this is still to come is received in place
_IDLE_SECONDS = 75.0
_GRACE_SECONDS = 30.0  # for a request to arrive, and a second more for each _SLOWEST bytes of it
_SLOWEST = 16 * 1024
_LINGER_SECONDS = 5.0
_DRAIN_SECONDS = 30.0
_QUIET_SECONDS = 1.0  # a client that has just connected, or just got an answer, may be about to send
_SWEEP_SECONDS = 1.0

_log = logging.getLogger(__name__)
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


async def serve(handler: Handler, sock: socket.socket, stop: asyncio.Event, *, max_body: int = MAX_BODY) -> None:
    """Answer requests on a listening socket until ``stop`` is set, then finish those that have begun.

    The socket may be shared with other processes; this process's handle of it is closed at the end, and so is the
    handler. A body of more than ``max_body`` bytes is refused with 413.
    """
    loop = asyncio.get_running_loop()
    connections = Connections(handler, max_body)
    server = await loop.create_server(lambda: _Connection(connections), sock=sock, backlog=1024)
    sweeper = loop.create_task(connections.sweep())
    try:
        await stop.wait()
    finally:
        server.close()
        await connections.drain()
        sweeper.cancel()
        handler.close()


class Connections:
    """What the connections of one server share."""

    def __init__(self, handler: Handler, max_body: int) -> None:
        self.handler = handler
        self.max_body = max_body
        self.draining = False
        self.open: set[_Connection] = set()
        # Filled and emptied within one turn of the event loop, so that all connections can share it.
        self.receive_buffer = memoryview(bytearray(MAX_HEAD))

    async def sweep(self) -> None:
        """Drop, for ever, the connections whose clients keep us waiting for too long."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for connection in list(self.open):
                connection.check_progress()

    async def drain(self) -> None:
        """Close idle connections, and the others once they are answered."""
        self.draining = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _DRAIN_SECONDS
        await asyncio.sleep(0.01)  # connections that were accepted just now turn up
        while self.open and loop.time() < deadline:
            for connection in list(self.open):
                connection.close_if_idle()
            await asyncio.sleep(0.01)
        for connection in list(self.open):
            connection.abort()


class _Connection(asyncio.BufferedProtocol):
    """One client: parses its requests, and answers them one at a time in their order."""

    def __init__(self, connections: Connections) -> None:
        self._shared = connections
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool] | Response] = deque()
        self._task: asyncio.Task[None] | None = None
        self._ends = False  # nothing more is read: the client has closed its side, or is to go
        self._writable = True
        self._paused = False
        self._unsent = 0
        self._begin_message()
        self._receiving = False

    def _begin_message(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._head_complete = False
        self._head_bytes = 0
        self._length = 0
        self._body = bytearray()
        self._received = 0
        self._in_place: memoryview | None = None  # what is still to be filled of a body received in place
        self._continue_owed = False
        self._refusal: Response | None = None
        self._receiving = True
        self._since = self._loop.time()

    # Receiving: the parser sees small messages whole, and of others all but the rest of their body.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._shared.open.add(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._shared.receive_buffer if self._in_place is None else self._in_place

    def buffer_updated(self, nbytes: int) -> None:
        if self._ends:
            return
        busy = self._task is not None
        if self._in_place is None:
            data = self._shared.receive_buffer[:nbytes]
            while data:
                data = self._parse(data)
        else:
            self._received += nbytes
            self._in_place = self._in_place[nbytes:]
            if not self._in_place:
                self._complete()
        if busy and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._answer_next()

    def _parse(self, data: memoryview) -> memoryview:
        """Feed the parser; return what it has not seen, behind a request that makes it stop."""
        rest = data[:0]
        if not self._head_complete:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = self._take_body(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse(400, f"This is not HTTP/1.1: {error}.")
        if not self._head_complete and self._head_bytes > MAX_HEAD:
            self._refuse(431, f"The request's headers take more than {MAX_HEAD} bytes.")
        if self._refusal is not None:
            self._waiting.append(self._refusal)
            self._ends = True
            return data[:0]
        to_come = self._length - self._received
        if self._head_complete and self._receiving and self._in_place is None and to_come > _DIRECT_BODY:
            self._receive_in_place()
        return rest

    def _take_body(self, data: memoryview) -> memoryview:
        """Stay with HTTP/1.1 for a request that offers another protocol, before whose body the parser has stopped."""
        self._parser = httptools.HttpRequestParser(self)
        if not self._receiving or self._refusal is not None:
            return data
        own, rest = data[: self._length], data[self._length :]
        self._body += own
        self._received = len(own)
        if self._received == self._length:
            self._complete()
        else:
            self._receive_in_place()
        return rest

    def _receive_in_place(self) -> None:
        body = bytearray(self._length)
        body[: self._received] = self._body
        self._body = body
        self._in_place = memoryview(body)[self._received :]
        self._parser = httptools.HttpRequestParser(self)

    def on_message_begin(self) -> None:
        self._begin_message()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        parser, headers = self._parser, self._headers
        self._head_complete = True
        self._method = parser.get_method().decode()
        self._keep_alive = parser.should_keep_alive() and parser.get_http_version() == "1.1"
        self._length = int(headers.get("content-length", "0"))
        self._check_size(self._length)
        if parser.should_upgrade() and "transfer-encoding" in headers:
            self._refuse(501, "Send this request without Upgrade, or with a Content-Length.")
        self._continue_owed = headers.get("expect", "").lower() == "100-continue"

    def on_body(self, body: bytes) -> None:
        self._received += len(body)
        self._check_size(self._received)
        if self._refusal is None:
            self._body += body

    def on_message_complete(self) -> None:
        if self._refusal is None and self._received >= self._length:
            self._complete()

    def _check_size(self, size: int) -> None:
        if size > self._shared.max_body:
            limit = self._shared.max_body
            self._refuse(413, f"The body is larger than {limit} bytes, the limit here: send fewer rows at once.")

    def _refuse(self, status: int, message: str) -> None:
        self._refusal = self._refusal or error_response(status, message)

    def _complete(self) -> None:
        request = Request(self._method, self._target.decode("latin-1"), self._headers, self._body)
        self._waiting.append((request, self._keep_alive))
        self._in_place = None
        self._receiving = False
        self._continue_owed = False

    def eof_received(self) -> bool:
        """Keep the connection for the answers to what is complete."""
        self._ends = True
        return self._task is not None or bool(self._waiting)

    # Answering

    def _answer_next(self) -> None:
        if self._task is not None or not self._writable or self._transport.is_closing():
            return
        if not self._waiting:
            self._read_on()
            return
        following = self._waiting.popleft()
        if isinstance(following, Response):
            self._send(following, with_body=True, keep_alive=False)
        else:
            self._task = self._loop.create_task(self._answer(*following))

    def _read_on(self) -> None:
        if self._ends and not self._receiving:
            self._transport.close()
            return
        if self._continue_owed:
            self._continue_owed = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    async def _answer(self, request: Request, keep_alive: bool) -> None:
        try:
            response = await self._shared.handler.handle(request)
        except Exception:  # noqa: BLE001  one request must not end the server
            _log.exception("A request could not be answered")
            response = error_response(500, "This request could not be answered: the log of this server says why.")
        self._task = None
        self._since = self._loop.time()
        self._send(response, with_body=request.method != "HEAD", keep_alive=keep_alive and not self._shared.draining)
        self._answer_next()

    def _send(self, response: Response, *, with_body: bool, keep_alive: bool) -> None:
        if self._transport.is_closing():
            return
        lines = [f"{name}: {value}\r\n" for name, value in response.headers.items()]
        if not keep_alive:
            lines.append("Connection: close\r\n")
        head = (
            f"{_STATUS_LINES[response.status]}Content-Type: {response.media_type}\r\n"
            f"Content-Length: {len(response.body)}\r\n{''.join(lines)}\r\n"
        ).encode("latin-1")
        self._transport.writelines([head, response.body] if with_body else [head])
        if not keep_alive:
            self._close_after_answer()

    def _close_after_answer(self) -> None:
        """Close; but read on a while, unheeding, if the client still sends: else it may not see the answer."""
        self._ends = True
        self._waiting.clear()
        self._in_place = None
        if self._receiving:
            self._since = self._loop.time()
            self._continue_owed = False
            self._transport.write_eof()
        else:
            self._transport.close()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._answer_next()

    # Ending

    def connection_lost(self, exc: Exception | None) -> None:
        self._shared.open.discard(self)
        self._waiting.clear()

    def check_progress(self) -> None:
        """Give up on a client that neither takes its answer nor sends its request in time."""
        unsent = self._transport.get_write_buffer_size()
        if self._task is not None or unsent != self._unsent:
            self._unsent, self._since = unsent, self._loop.time()
            return
        lingering = self._ends and not unsent
        allowed = _LINGER_SECONDS if lingering else _IDLE_SECONDS
        if unsent or (self._receiving and not lingering):
            allowed = _GRACE_SECONDS + self._received / _SLOWEST
        if self._loop.time() - self._since <= allowed:
            return
        if self._receiving and not self._ends and not unsent:
            self._send(error_response(408, "The request did not arrive in time."), with_body=True, keep_alive=False)
        else:
            self._transport.abort()

    def close_if_idle(self) -> None:
        """Close the connection if it neither sends a request nor waits for an answer, and has not just done so."""
        quiet = self._loop.time() - self._since > _QUIET_SECONDS
        if quiet and self._task is None and not self._waiting and not self._receiving:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection without sending what is left."""
        self._transport.abort()

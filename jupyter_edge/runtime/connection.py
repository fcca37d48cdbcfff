"""One client's connection: its requests are answered one at a time, in their order."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import time
from http import HTTPStatus
from typing import cast

from jupyter_edge.runtime.exchange import Application, Exchange, Request, Response, error_response
from jupyter_edge.runtime.request_reader import MAX_HEAD, Readers, RequestReader

_IDLE_SECONDS = 75.0
_GRACE_SECONDS = 30.0  # for a request to arrive, and a second more for each _SLOWEST bytes of it
_SLOWEST = 16 * 1024
_LINGER_SECONDS = 5.0
_QUIET_SECONDS = 1.0  # a client that has just connected, or just got an answer, may be about to send
_PROMPT_SECONDS = 100e-6  # to sleep and be woken takes a good part of it
_SMALL_ANSWER = 64 * 1024  # up to this size, one buffer is less work than two
_TCP_CLOSE = 7  # linux/tcp_states.h

_log = logging.getLogger(__name__)


class Shared:
    """What the connections of one server share."""

    def __init__(self, handler: Application, max_body: int) -> None:
        self.handler = handler
        self.draining = False
        self.open: set[Connection] = set()
        self.readers = Readers(max_body)
        # Filled and emptied within one turn of the event loop, so that all connections can share it.
        self.receive_buffer = memoryview(bytearray(MAX_HEAD))
        self.heads: dict[tuple[int, str, bool], bytes] = {}
        """Heads of answers as far as they repeat; cleared every second, because they hold the date."""

    def head(self, status: int, media_type: str, keep_alive: bool) -> bytes:
        """Return the head of an answer up to the value of Content-Length."""
        key = (status, media_type, keep_alive)
        head = self.heads.get(key)
        if head is None:
            # In English, as nothing here sets a locale; to import email.utils.formatdate is 2 ms of a start.
            date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
            connection = "" if keep_alive else "Connection: close\r\n"
            head = self.heads[key] = (
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nDate: {date}\r\n"
                f"{connection}Content-Type: {media_type}\r\nContent-Length: "
            ).encode("latin-1")
        return head


class Connection(asyncio.BufferedProtocol):
    """A client: what it sends is read ahead for one buffer at most, and it is given up where it keeps us waiting."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._reader = RequestReader(shared.receive_buffer, shared.readers, shared.handler.admit)
        self._exchange: Exchange | None = None
        self._keep_alive = True
        self._starting = False
        self._ends = False  # nothing more is read: the client has closed its side, or is to go
        self._writable = True
        self._paused = False
        self._unsent = 0
        self._since = self._loop.time()
        self._answered = -math.inf
        self._prompt = False  # the last request came at once after an answer, and so may the next
        self._watching = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._shared.open.add(self)

    # Receiving

    def get_buffer(self, sizehint: int) -> memoryview:
        """Say where received bytes go."""
        return self._reader.buffer()

    def buffer_updated(self, nbytes: int) -> None:
        """Read what was received, and answer it."""
        if self._ends:
            return
        reader, busy = self._reader, self._exchange is not None or not self._writable
        was_receiving = reader.receiving
        reader.take(nbytes)
        if not was_receiving:
            self._since = self._loop.time()
            if len(self._shared.open) == 1:
                self._prompt = time.perf_counter() - self._answered < _PROMPT_SECONDS
        if busy and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        if not busy:
            self._answer_next()

    def eof_received(self) -> bool:
        """Keep the connection for the answers to what is complete.

        The client may have closed one side of it, or be gone: only sending tells. An interim answer to what is at work
        makes the system of a client that is gone say so, and the others pass over it (RFC 9110 section 15.2).
        """
        self._ends = True
        if self._exchange is not None and self._keep_alive:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self._exchange is not None or bool(self._reader.ready)

    # Answering

    def _answer_next(self) -> None:
        """Answer what is ready, as long as answers come at once and the client takes them."""
        ready = self._reader.ready
        self._starting = True
        while ready and self._exchange is None and self._writable and not self._transport.is_closing():
            following = ready.popleft()
            if isinstance(following, Response):
                self._send(following, self._reader.method, keep_alive=False)
            else:
                self._start(*following)
        self._starting = False
        if not ready and self._exchange is None and self._writable and not self._transport.is_closing():
            self._read_on()

    def _read_on(self) -> None:
        reader = self._reader
        if self._ends and not (reader.receiving and reader.failed):
            self._transport.close()
            return
        if reader.continue_owed:
            reader.continue_owed = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _start(self, request: Request, keep_alive: bool) -> None:
        shared = self._shared
        self._keep_alive = keep_alive
        exchange = self._exchange = Exchange(request, self._reply, alone=len(shared.open) == 1)
        try:
            shared.handler.handle(exchange)
        except Exception:  # noqa: BLE001  one request must not end the server
            _log.exception("A request could not be answered")
            message = "This request could not be answered: the log of this server says why."
            exchange.answer(error_response(500, message, target=request.target))

    def _reply(self, response: Response) -> None:
        exchange, self._exchange = self._exchange, None
        assert exchange is not None  # noqa: S101 (this is its way back)
        self._since = self._loop.time()
        request = exchange.request
        self._reader.release(len(request.body))
        self._send(response, request.method, keep_alive=self._keep_alive and not self._shared.draining)
        if not self._starting and (self._reader.ready or self._paused or self._ends or self._reader.continue_owed):
            self._answer_next()

    def _send(self, response: Response, method: str, *, keep_alive: bool) -> None:
        if self._transport.is_closing():
            return
        body = response.body
        head = self._shared.head(response.status, response.media_type, keep_alive)
        more = b""
        if response.headers:
            more = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items()).encode("latin-1")
        head = b"%b%d\r\n%b\r\n" % (head, len(body), more)
        if method == "HEAD":
            self._transport.write(head)
        elif len(body) <= _SMALL_ANSWER:
            self._transport.write(head + body)
        else:
            self._transport.writelines([head, body])
        if not keep_alive:
            self._close_after_answer()
            return
        if len(self._shared.open) == 1:
            self._answered = time.perf_counter()
            if self._prompt and not self._watching:
                self._watching = True
                self._loop.call_soon(self._watch)

    def _watch(self) -> None:
        """Stay awake a moment for a client that is alone and prompt."""
        self._watching = self._exchange is None and time.perf_counter() - self._answered < _PROMPT_SECONDS
        if self._watching:
            self._loop.call_soon(self._watch)

    def _close_after_answer(self) -> None:
        """Close; but read on a while, unheeding, if the client still sends: else it may not see the answer."""
        still_sends = self._reader.receiving and not self._ends
        self._ends = True
        self._reader.close()
        if still_sends:
            self._since = self._loop.time()
            self._transport.write_eof()
            if self._paused:
                self._paused = False
                self._transport.resume_reading()
        else:
            self._transport.close()

    def pause_writing(self) -> None:
        """Answer no more until the client has taken some of it."""
        self._writable = False

    def resume_writing(self) -> None:
        """Go on answering."""
        self._writable = True
        if not self._starting:
            self._answer_next()

    # Ending

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything: nobody waits for what is at work."""
        self._shared.open.discard(self)
        self._ends = True
        self._reader.close()
        if self._exchange is not None:
            self._exchange.cancel()
            self._exchange.request.body = b""  # it may wait for a thread for long, with the memory of a large body

    def check_progress(self) -> None:
        """Give up on a client that is gone, or neither takes its answer nor sends its request in time."""
        unsent = self._transport.get_write_buffer_size()
        if self._exchange is not None:
            self._since = self._loop.time()
            if self._ends and self._is_gone():
                self._transport.abort()
            return
        if unsent != self._unsent:
            self._unsent, self._since = unsent, self._loop.time()
            return
        receiving = self._reader.receiving and not self._ends
        allowed = _LINGER_SECONDS if self._ends and not unsent else _IDLE_SECONDS
        if unsent or receiving:
            allowed = _GRACE_SECONDS + self._reader.received / _SLOWEST
        if self._loop.time() - self._since <= allowed:
            return
        if receiving and not unsent:
            self._send(
                error_response(408, "The request did not arrive in time."), self._reader.method, keep_alive=False
            )
        else:
            self._transport.abort()

    def _is_gone(self) -> bool:
        """Tell whether the client's system has said that nobody takes an answer; only Linux tells."""
        sock = self._transport.get_extra_info("socket")
        state: int = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        return state == _TCP_CLOSE

    def close_if_idle(self) -> None:
        """Close the connection if it neither sends a request nor waits for an answer, and has not just done so."""
        quiet = self._loop.time() - self._since > _QUIET_SECONDS
        if quiet and self._exchange is None and not self._reader.ready and not self._reader.receiving:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection without sending what is left."""
        self._transport.abort()

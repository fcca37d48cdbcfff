"""The bytes of one HTTP/1.1 connection into requests (RFC 9112): framing, limits, and what is refused early."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

import httptools

from jupyter_edge.runtime.exchange import Request, Response, error_response

MAX_BODY = 256 * 1024 * 1024
MAX_HEAD = 64 * 1024
MAX_TARGET = 8 * 1024

_LONG_HEAD = f"The request's headers take more than {MAX_HEAD} bytes."
_END_OF_HEAD = b"\r\n\r\n"
_DIRECT_BODY = 16 * 1024  # a body of which more than this is still to come is received in place
_MAX_KNOWN_HEAD, _MAX_KNOWN_HEADS = 4 * 1024, 64
_ALTERS_FRAMING = {"expect", "transfer-encoding", "upgrade"}

Admit = Callable[[Request], Response | None]
"""Tells from a request's head alone why its body need not come; ``None`` if it may."""


class KnownHead(NamedTuple):
    """What a head says that was parsed before, of a request whose connection is kept."""

    method: str
    target: str
    headers: dict[str, str]
    length: int
    findings: dict[str, Any]


@dataclass
class Readers:
    """What the readers of one server share: limits, and what they have learned.

    Args:
        one: how many bytes the body of one request may take; those of all at once may take twice as many.
        held: how many bytes these take.
        heads: what the last heads said: clients repeat theirs to the byte, and then it need not be parsed again.
    """

    one: int = MAX_BODY
    held: int = 0
    heads: dict[bytes, KnownHead] = field(default_factory=dict)

    def has_room(self, size: int) -> bool:
        """Tell whether ``size`` bytes more may be held: a lone body always, all together twice the largest one."""
        return not self.held or self.held + size <= 2 * self.one


class RequestReader:
    """Reads requests, one after the other, into ``ready``: a refusal there means that nothing more can be read.

    Small messages go through the parser whole. Of others it sees all but the rest of their body, which is received
    where it stays.

    Args:
        buffer: where bytes are received that belong to no body yet; connections may share it.
        shared: with the readers of the server's other connections.
        admit: asked, before they are received, about bodies that are large, or whose client waits to be asked for them.
    """

    def __init__(self, buffer: memoryview, shared: Readers, admit: Admit) -> None:
        self.ready: deque[tuple[Request, bool] | Response] = deque()
        self.failed = False
        self._buffer = buffer
        self._shared = shared
        self._admit = admit
        self._parser = httptools.HttpRequestParser(self)
        self._keep_alive = True
        self._held = 0
        self._begin_message()
        self.receiving = False

    def _begin_message(self) -> None:
        self.receiving = True
        self.received = 0
        self.method = ""
        self.continue_owed = False
        self._target = b""
        self._headers: dict[str, str] = {}
        self._findings: dict[str, Any] = {}
        self._head_complete = False
        self._head_bytes = 0  # or of what comes, of a chunked body, behind its last part: extensions and trailers
        self._length = 0
        self._body = bytearray()
        self._in_place: memoryview | None = None  # what is still to be filled of a body received in place
        self._refusal: Response | None = None

    def buffer(self) -> memoryview:
        """Return where the next bytes are to be put."""
        return self._buffer if self._in_place is None else self._in_place

    def take(self, size: int) -> None:
        """Read the ``size`` bytes that were put into the buffer."""
        if self._in_place is not None:
            self.received += size
            self._in_place = self._in_place[size:]
            if not self._in_place:
                self._complete()
            return
        if not self.receiving and self._take_known(size):
            return
        data = self._buffer[:size]
        if self.receiving:
            self._parse_all(data)
        else:
            waiting = len(self.ready)
            self._parse_all(data)
            if not waiting:  # else what waits may be of another message
                self._remember(data)

    def _hold(self, size: int) -> None:
        self._held += size
        self._shared.held += size

    def release(self, size: int) -> None:
        """Say that a request's body of ``size`` bytes is needed no more."""
        self._held -= size
        self._shared.held -= size

    def close(self) -> None:
        """Read no more, and forget what was not taken out of ``ready``."""
        self.failed = True
        self.ready.clear()
        self._in_place = None
        self._body = bytearray()
        self.release(self._held)

    def _take_known(self, size: int) -> bool:
        """Take a request whose head is known, or the beginning of a large one; return whether it is one."""
        buffer, shared = self._buffer, self._shared
        head, end, body = buffer[: min(size, _MAX_KNOWN_HEAD)].tobytes().partition(_END_OF_HEAD)
        known = shared.heads.get(head)
        if known is None or not end or self.failed or not self._keep_alive:
            return False
        begin, length = len(head) + len(end), known.length
        large = length > _DIRECT_BODY
        if size - begin > length or (size - begin < length and not large) or not shared.has_room(length):
            return False
        self._hold(length)
        if large:
            self._receive_known(known, buffer[begin:size])
        else:
            if size > _MAX_KNOWN_HEAD:
                body = buffer[begin:size].tobytes()
            method, target, headers, _, findings = known
            self.method = method
            self.ready.append((Request(method, target, headers, body, findings), True))
        return True

    def _receive_known(self, known: KnownHead, begun: memoryview) -> None:
        self._begin_message()
        self.method, _, self._headers, self._length, self._findings = known
        self._target = known.target.encode("latin-1")
        self._head_complete = True
        self.received = len(begun)
        self._refusal = self._admit(Request(known.method, known.target, known.headers))
        self._receive_in_place(begun)
        if self._refusal is None and self.received == self._length:
            self._complete()
        self._end_if_refused()

    def _remember(self, data: memoryview) -> None:
        """Keep what the head of a request says, if that came alone, its body behind it, and as nearly all do."""
        whole = len(self.ready) == 1 and not self.receiving
        begun = self._in_place is not None
        head, end, _ = bytes(data[:_MAX_KNOWN_HEAD]).partition(_END_OF_HEAD)
        if self.failed or not (whole or begun) or not self._keep_alive:
            return
        if not end or len(data) - len(head) - len(end) != self.received:
            return
        if not _ALTERS_FRAMING.isdisjoint(self._headers):
            return
        heads = self._shared.heads
        if len(heads) >= _MAX_KNOWN_HEADS:
            heads.clear()
        heads[head] = KnownHead(self.method, self._path(), self._headers, self._length, self._findings)

    def _parse_all(self, data: memoryview) -> None:
        while data and not self.failed:
            data = self._parse(data)

    def _parse(self, data: memoryview) -> memoryview:
        """Feed the parser; return what it has not seen, behind a request that makes it stop."""
        rest = data[:0]
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = self._take_body(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse(400, f"This is not HTTP/1.1: {error}.")
        if self._head_bytes > MAX_HEAD:
            self._refuse(431, _LONG_HEAD)
        to_come = self._length - self.received
        if self._head_complete and self.receiving and self._in_place is None and to_come > _DIRECT_BODY:
            self._receive_in_place(self._body)
        self._end_if_refused()
        return rest

    def _end_if_refused(self) -> None:
        if self._refusal is not None:
            self.ready.append(self._refusal)
            self.failed = True
            self.continue_owed = False

    def _take_body(self, data: memoryview) -> memoryview:
        """Stay with HTTP/1.1 for a request that offers another protocol, before whose body the parser has stopped."""
        self._parser = httptools.HttpRequestParser(self)
        if not self.receiving or self._refusal is not None:
            return data
        own, rest = data[: self._length], data[self._length :]
        self._body += own
        self.received = len(own)
        if self.received == self._length:
            self._complete()
        else:
            self._receive_in_place(self._body)
        return rest

    def _receive_in_place(self, begun: bytearray | memoryview) -> None:
        if self._refusal is not None:
            return
        try:
            body = bytearray(self._length)
        except MemoryError:
            self._refuse(503, "There is no memory for this body now: send it again later.", {"Retry-After": "1"})
            return
        body[: self.received] = begun
        self._body = body
        self._in_place = memoryview(body)[self.received :]
        self._parser = httptools.HttpRequestParser(self)

    # What the parser finds

    def on_message_begin(self) -> None:
        """Begin a request."""
        if self._refusal is None:  # else this is what a refused request has behind it, and not read any more
            self._begin_message()

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._target += url
        if len(self._target) > MAX_TARGET:
            self._refuse(414, f"The request's target takes more than {MAX_TARGET} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        if self._head_complete:
            return  # a trailer: nothing here needs one
        key, text = _key(name), value.decode("latin-1")
        headers = self._headers
        headers[key] = f"{headers[key]}, {text}" if key in headers else text

    def on_headers_complete(self) -> None:
        """Decide from the head whether, and how, the body is received."""
        if self._refusal is not None:
            return
        parser, headers = self._parser, self._headers
        came_in_parts = self._head_bytes > 0
        if came_in_parts and sum(map(len, chain(headers, headers.values()))) > MAX_HEAD:
            self._refuse(431, _LONG_HEAD)
        self._head_complete, self._head_bytes = True, 0
        version = parser.get_http_version()
        self.method = parser.get_method().decode()
        self._keep_alive = version == "1.1" and parser.should_keep_alive()
        if version == "1.1" and ("host" not in headers or "," in headers["host"]):
            self._refuse(400, "An HTTP/1.1 request needs exactly one Host header.")
        expect = headers.get("expect", "").lower()
        if expect not in ("", "100-continue"):
            self._refuse(417, f"Nothing here can do what Expect asks for ({expect}): send the request without it.")
        if "transfer-encoding" in headers:
            self._check_chunked(version)
        elif "content-length" in headers:
            self._length = int(headers["content-length"])
            self._reserve(self._length)
        large = self._length > _DIRECT_BODY or "transfer-encoding" in headers
        if self._refusal is None and (large or expect):
            self._refusal = self._admit(Request(self.method, self._target.decode("latin-1"), headers))
        self.continue_owed = expect != "" and version == "1.1"

    def _check_chunked(self, version: str) -> None:
        if version != "1.1":
            self._refuse(400, "Transfer-Encoding needs HTTP/1.1.")
        if self._headers["transfer-encoding"].lower() != "chunked":
            self._refuse(501, "Transfer-Encoding may only be chunked here: send the body plain.")
        if self._parser.should_upgrade():
            self._refuse(501, "Send this request without Upgrade, or with a Content-Length.")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self.received += len(body)
        self._head_bytes = 0
        if self.received > self._length:  # chunked: the length is not known before
            self._reserve(len(body), self.received)
        if self._refusal is None:
            self._body += body

    def on_message_complete(self) -> None:
        """Hand the request on."""
        if self._refusal is None and self.received >= self._length:
            self._complete()

    def _reserve(self, size: int, whole: int = 0) -> None:
        shared = self._shared
        if max(size, whole) > shared.one:
            self._refuse(413, f"The body is larger than {shared.one} bytes, the limit here: send fewer rows at once.")
        elif not shared.has_room(size):
            message = "Too many large requests arrive at the same time: send this one again later."
            self._refuse(503, message, {"Retry-After": "1"})
        else:
            self._hold(size)

    def _refuse(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        target = self._target.decode("latin-1")
        self._refusal = self._refusal or error_response(status, message, headers, target=target)

    def _complete(self) -> None:
        request = Request(self.method, self._path(), self._headers, self._body, self._findings)
        self.ready.append((request, self._keep_alive))
        self._in_place = None
        self.receiving = False
        self.continue_owed = False

    def _path(self) -> str:
        target = self._target.decode("latin-1")
        return target if target.startswith("/") else _origin_form(target)


@functools.lru_cache(maxsize=128)
def _key(name: bytes) -> str:
    return name.decode("latin-1").lower()


def _origin_form(target: str) -> str:
    """Return path and query of a target that names the host too, as RFC 9112 section 3.2.2 has servers accept."""
    scheme, _, rest = target.partition("://")
    if scheme.lower() not in ("http", "https"):
        return target
    host, slash, path = rest.partition("/")
    return f"/{path}" if slash else "/" + "".join(host.partition("?")[1:])

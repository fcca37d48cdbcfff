"""Clients of the soak: each has one connection, asks one thing after the other, and looks at every answer."""

from __future__ import annotations

import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.soak.questions import Question, Target, questions

_PATIENCE = 60  # seconds


@dataclass
class Share:
    """A part of the load: ``clients`` connections that ask ``target`` for batches of these numbers of rows."""

    target: Target
    clients: int
    batches: list[int]
    weights: dict[str, int]
    """How often each kind of question is asked, relative to the others."""


@dataclass
class Found:
    """How often each kind was asked, and what was answered otherwise than it should be."""

    asked: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)


def run(shares: list[Share], seconds: float, seed: int) -> Found:
    """Ask for so many seconds; made to be called in a process of its own."""
    clients = []
    for share in shares:
        pool = questions(share.target, share.batches, seed)
        clients += [Client(share, pool, random.Random(1000 * seed + number)) for number in range(share.clients)]
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(len(clients)) as threads:
        found = list(threads.map(lambda client: client.run(until), clients))
    return Found(sum((one.asked for one in found), Counter()), [text for one in found for text in one.surprises])


class Client:
    """One connection at a time; what breaks while an answer is awaited is a surprise."""

    def __init__(self, share: Share, pool: list[Question], rng: random.Random) -> None:
        self._share = share
        self._rng = rng
        self._found = Found()
        self._by_kind: dict[str, list[Question]] = {}
        for question in pool:
            self._by_kind.setdefault(question.kind, []).append(question)
        parts = urlsplit(share.target.url)
        self._address = str(parts.hostname), int(parts.port or 80)
        self._connection = http.client.HTTPConnection(*self._address, timeout=_PATIENCE)

    def run(self, until: float) -> Found:
        """Ask until the time has come, or something has gone wrong ten times."""
        kinds, weights = list(self._share.weights), list(self._share.weights.values())
        while time.monotonic() < until and len(self._found.surprises) < 10:
            (kind,) = self._rng.choices(kinds, weights)
            try:
                self._ask(kind)
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self._found.surprises.append(f"{kind}: {error!r}")
                self._connection.close()
            self._found.asked[kind] += 1
        self._connection.close()
        return self._found

    def _ask(self, kind: str) -> None:
        if kind in self._by_kind:
            self._ask_on_connection(self._rng.choice(self._by_kind[kind]))
            return
        (question,) = self._rng.choices(self._by_kind["json"] + self._by_kind["arrow"])
        with socket.create_connection(self._address, timeout=_PATIENCE) as client:
            if kind == "half-closed":
                self._ask_and_close_half(client, question)
            elif kind == "gone":
                self._go_away(client, question)
            else:
                client.sendall(self._rng.choice(_NO_HTTP))
                answer = client.recv(1 << 16)
                self._expect(answer.startswith(b"HTTP/1.1 400 "), f"{kind}: {answer!r}")

    def _ask_on_connection(self, question: Question) -> None:
        headers = self._share.target.headers | question.headers
        chunked = self._rng.random() < 0.1
        body = iter([question.body[:1000], question.body[1000:]]) if chunked else question.body
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        self._connection.request(question.method, question.path, body, headers, encode_chunked=chunked)
        self._look(self._connection.getresponse(), question)

    def _ask_and_close_half(self, client: socket.socket, question: Question) -> None:
        client.sendall(self._bytes_of(question))
        client.shutdown(socket.SHUT_WR)
        response = http.client.HTTPResponse(client, method=question.method)
        response.begin()
        self._look(response, question)

    def _go_away(self, client: socket.socket, question: Question) -> None:
        """Send a part or all of a request, and leave: by a reset, by closing, or while the answer is on its way."""
        data = self._bytes_of(question)
        client.sendall(data[: self._rng.choice([10, len(data) // 2, len(data)])])
        if self._rng.random() < 0.5:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self._rng.random() < 0.3:
            threading.Event().wait(self._rng.random() * 0.02)

    def _bytes_of(self, question: Question) -> bytes:
        headers = self._share.target.headers | question.headers | {"Content-Length": str(len(question.body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{question.method} {question.path} HTTP/1.1\r\nHost: edge\r\n{lines}\r\n".encode() + question.body

    def _look(self, response: http.client.HTTPResponse, question: Question) -> None:
        body = response.read()
        right = response.status == question.status and question.check(body)
        self._expect(right, f"{question.kind}: {response.status} {body[:200]!r}")

    def _expect(self, right: bool, what: str) -> None:
        if not right:
            self._found.surprises.append(what)


_NO_HTTP = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello \r\n\r\n",
    b"POST /infer HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]",  # without Host
    b"POST /infer HTTP/1.1\r\nHost: e\r\nContent-Length: -2\r\n\r\n[]",
    b"POST /infer HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
]

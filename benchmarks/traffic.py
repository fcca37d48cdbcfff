"""Clients that cost next to nothing: they send bytes that were prepared, and read answers of known length."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.rounds import Array

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)\r\n")
_HEAD = 4096
_LARGEST = 64 << 20  # bytes of an answer


def whole_length(head: bytes) -> int | None:
    """Return the length of an answer with its head, or None if that has not come whole; it must be a 200."""
    end = head.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = _LENGTH.search(head, 0, end + 2)
    if not head.startswith(b"HTTP/1.1 200") or length is None:
        raise RuntimeError(head)
    return end + 4 + int(length[1])


class Client:
    """A connection that is kept."""

    def __init__(self, port: int, buffer: memoryview | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = memoryview(bytearray(_LARGEST)) if buffer is None else buffer
        self.filled, self.total = 0, 0
        self.sent = 0.0

    def start(self, request: bytes) -> None:
        """Send a request."""
        self.filled, self.total = 0, 0
        self.sent = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Wait for a piece of the answer; return whether it is whole."""
        count = self.socket.recv_into(self.buffer[self.filled :])
        if not count:
            raise ConnectionError(bytes(self.buffer[: self.filled]))
        self.filled += count
        if not self.total:
            self.total = whole_length(bytes(self.buffer[: min(self.filled, _HEAD)])) or 0
        return 0 < self.total <= self.filled

    def send(self, request: bytes) -> bytes:
        """Return the body of the answer."""
        self.ask(request)
        return bytes(self.buffer[: self.total]).partition(b"\r\n\r\n")[2]

    def ask(self, request: bytes) -> None:
        """Send a request, and wait for its answer."""
        self.start(request)
        while not self.receive():
            pass


def asking(client: Client, request: bytes) -> Callable[[], None]:
    """Return the call that sends a request and waits for its answer."""
    return lambda: client.ask(request)


def pipelined(client: Client, request: bytes, count: int) -> Callable[[], Array]:
    """Return a call that sends a request ``count`` times at once (RFC 9112 section 9.3.2), and reads all answers.

    The milliseconds of each are the whole time's share: what a request costs without the waits between two of them.
    """
    whole, received = request * count, bytearray()

    def turn() -> Array:
        received.clear()
        started = time.perf_counter()
        client.socket.sendall(whole)
        start, left = 0, count
        while left:
            received.extend(client.socket.recv(1 << 20))
            while left and (length := whole_length(bytes(received[start : start + _HEAD]))):
                if start + length > len(received):
                    break
                start, left = start + length, left - 1
        return np.full(count, (time.perf_counter() - started) * 1000 / count)

    return turn


class Visit:
    """Requests from some clients at once, which connect before they are measured."""

    def __init__(self, port: int, request: bytes, count: int, clients: int = 1) -> None:
        self.port, self.request, self.count, self.size = port, request, count, clients
        self.clients: dict[int, Client] = {}

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """Connect all clients, and let each ask twice for a beginning."""
        size = _LARGEST if self.size == 1 else 1 << 20
        clients = [Client(self.port, memoryview(bytearray(size))) for _ in range(self.size)]
        self.clients = {client.socket.fileno(): client for client in clients}
        for client in [*clients, *clients]:
            client.ask(self.request)
        try:
            yield
        finally:
            for client in clients:
                client.socket.close()

    def turn(self) -> Array:
        """Send all requests; return the milliseconds of each."""
        taken: list[float] = []
        if self.size == 1:
            (client,) = self.clients.values()
            for _ in range(self.count):
                client.ask(self.request)
                taken.append(time.perf_counter() - client.sent)
            return np.array(taken) * 1000
        with select.epoll() as poll:
            for descriptor, client in self.clients.items():
                poll.register(descriptor, select.EPOLLIN)
                client.start(self.request)
            started = self.size
            while len(taken) < started:
                for descriptor, _ in poll.poll():
                    client = self.clients[descriptor]
                    if client.receive():
                        taken.append(time.perf_counter() - client.sent)
                        if started < self.count:
                            client.start(self.request)
                            started += 1
        return np.array(taken) * 1000

"""Clients that send one row after the other over connections that they keep, and check each answer."""

from __future__ import annotations

import http.client
import itertools
import json
import select
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

_PATIENCE = 60  # seconds


def wait_until(condition: Callable[[], bool], seconds: float = _PATIENCE) -> None:
    """Wait for a condition, and fail where it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Load:
    """``clients`` threads that ask ``port`` until ``stop``; ``errors`` has what broke while an answer was awaited.

    A connection that could not be made, or was closed in time, is no error: nothing was sent. Replicas that share a
    port each take what connections they can, so that all may be one's: after ``lifetime`` answers a client makes a
    new one.
    """

    def __init__(
        self, port: int, clients: int, token: str = "t0ken", path: str = "/infer", lifetime: int | None = None
    ) -> None:
        self.errors: list[str] = []
        self.partitions: set[str] = set()
        self.port, self._path, self._lifetime = port, path, lifetime
        self._headers = {"Authorization": f"Bearer {token}"}
        self._answered = [0] * clients
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=[number]) for number in range(clients)]

    @property
    def answered(self) -> int:
        return sum(self._answered)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(2 * _PATIENCE)

    def _ask(self, client: int) -> None:
        numbers = itertools.count(client * 1_000_000)
        while not self._stopped.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
            try:
                connection.connect()
            except OSError:
                time.sleep(0.02)
                continue
            self._use(connection, client, numbers)
            connection.close()

    def _use(self, connection: http.client.HTTPConnection, client: int, numbers: itertools.count[int]) -> None:
        """Send rows until the connection ends; before the first answer it may be one that nobody accepts."""
        for number in itertools.count():
            if self._stopped.is_set() or number == self._lifetime:
                return
            row = [float(next(numbers))] + [0.0] * 28
            try:
                connection.request("POST", self._path, json.dumps([{"tensor": row}]), self._headers)
                if number == 0 and not self._is_answered(connection.sock):
                    return
                response = connection.getresponse()
                (answer,) = json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                if number > 0 or not isinstance(error, ConnectionResetError):
                    self.errors.append(repr(error))
                return
            if response.status != 200 or answer["in"]["tensor"] != row:
                self.errors.append(f"{response.status} {answer}")
                continue
            self._answered[client] += 1
            self.partitions.add(answer["metadata"]["partition"])
            if response.will_close:
                return

    def _is_answered(self, connection: socket.socket) -> bool:
        """Wait for an answer to begin, until ``stop``; what has come by then counts."""
        while not self._stopped.is_set():
            if select.select([connection], [], [], 0.05)[0]:
                return True
        return bool(select.select([connection], [], [], 0)[0])

from __future__ import annotations

import contextlib
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_edge.runtime.pipeline import Pipeline
from jupyter_edge.runtime.request_reader import Readers, RequestReader
from tests.runtime.conftest import HandlerMaker, ServerMaker

PIECES = [
    b"GET /models HTTP/1.1\r\nHost: e\r\n",
    b"POST /infer?dataset=out HTTP/1.1\r\nHost: e\r\n",
    b"GET /models HTTP/1.1\r\n",
    b"Content-Length: 15\r\n",
    b"Content-Length: 90000\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    b"\r\n",
    b'[{"x":[1,2,3]}]',
    b"f\r\n" + b'[{"x":[1,2,3]}]\r\n',
    b"0\r\n\r\n",
    b"ARROW1\0\0",
    b"x" * 90_000,
]


@pytest.mark.fuzz
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(sends=st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=12))
def test_whatever_a_client_sends_the_next_one_is_answered(
    start_server: ServerMaker, make_handler: HandlerMaker, doubling: Pipeline, ports: list[int], sends: list[bytes]
) -> None:
    if not ports:
        ports.append(start_server(make_handler(doubling)))
    with socket.create_connection(("127.0.0.1", ports[0]), timeout=20) as client, contextlib.suppress(OSError):
        for data in sends:
            client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        while client.recv(1 << 16):
            pass
    assert answer(ports[0], b"GET /models HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 OK\r\n")


BODY = b'[{"x":[1,2,3]}]'
LARGE = bytes(range(250)) * 360
HEADERS = [
    b"",
    b"Content-Length: 15\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: close\r\n",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
]
MESSAGES = [
    b"POST /infer HTTP/1.1\r\nHost: e\r\n" + first + second + b"\r\n" + body
    for first in HEADERS
    for second in HEADERS
    for body in (b"", BODY, BODY * 2, b"f\r\n" + BODY + b"\r\n0\r\n\r\n")
] + [
    lines + b"POST /%d HTTP/1.1\r\nHost: e\r\nContent-Length: %d\r\n\r\n%b" % (number, len(body), body)
    for lines in (b"\r\n", b"\r\n\r\n")
    for number in range(4)
    for body in (b"", BODY)
]
LARGE_MESSAGES = [
    b"POST /infer HTTP/1.1\r\nHost: e\r\nContent-Length: %d\r\n%b\r\n%b" % (length, header, body)
    for length in (20_000, 90_000)
    for header in (b"", b"Expect: 100-continue\r\n", b"Connection: close\r\n")
    for body in (LARGE[:length], LARGE[:length] + BODY, LARGE[:length] + MESSAGES[0], LARGE[: length // 2])
]


@pytest.mark.fuzz
@given(messages=st.lists(st.sampled_from(MESSAGES) | st.sampled_from(LARGE_MESSAGES), min_size=1, max_size=30))
def test_what_other_clients_sent_before_changes_nothing_in_how_a_message_is_read(messages: list[bytes]) -> None:
    before = Readers()
    for message in messages * 2:
        assert read(before, message) == read(Readers(), message)


def test_empty_lines_behind_a_waiting_request_are_not_taken_for_its_head() -> None:
    shared = Readers()
    reader = RequestReader(memoryview(bytearray(1 << 16)), shared, lambda _: None)
    for message in (MESSAGES[0], b"\r\n\r\n"):
        take(reader, message)
    assert len(reader.ready) == 1
    assert read(shared, b"\r\n\r\n") == read(Readers(), b"\r\n\r\n")


def read(readers: Readers, message: bytes) -> list[Any]:
    """Return what a new connection reads, if a message comes twice."""
    buffer = memoryview(bytearray(1 << 16))
    reader = RequestReader(buffer, readers, lambda _: None)
    found: list[Any] = []
    for _ in range(2):
        take(reader, message)
        found += [*reader.ready, reader.failed, reader.receiving, reader.method, readers.held]
        reader.ready.clear()
    reader.close()
    return found


def take(reader: RequestReader, message: bytes) -> None:
    """Have a reader take a message, in parts where its buffer is smaller."""
    while message and not reader.failed:
        buffer = reader.buffer()
        part, message = message[: len(buffer)], message[len(buffer) :]
        buffer[: len(part)] = part
        reader.take(len(part))


def answer(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(1 << 16), b""))


@pytest.fixture
def ports() -> Any:
    """A place to keep the port of the one server that all examples use."""
    return []

from __future__ import annotations

import email.utils
import socket
import time
from collections.abc import Callable

import pytest

from jupyter_edge.runtime import connection
from tests.runtime.http_client import Client, Reflecting, wait_until


def test_a_connection_is_kept(connect: Callable[[], Client]) -> None:
    client = connect()
    for number in range(3):
        assert client.send(b"GET /%d HTTP/1.1\r\n\r\n" % number).answer() == (200, b"GET /%d " % number)


def test_only_a_prompt_client_that_is_alone_is_waited_for_awake(
    connect: Callable[[], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[None] = []
    watch = connection.Connection._watch
    monkeypatch.setattr(connection.Connection, "_watch", lambda self: turns.append(watch(self)))
    monkeypatch.setattr(connection, "_PROMPT_SECONDS", 60)

    def ask(client: Client) -> None:
        assert client.send(b"GET /a HTTP/1.1\r\n\r\n").answer()[0] == 200

    def is_waited_for(client: Client) -> bool:
        before = len(turns)
        ask(client)
        time.sleep(0.02)
        return len(turns) > before

    client = connect()
    assert not is_waited_for(client)  # its first request comes after no answer
    ask(client)
    wait_until(lambda: len(turns) > 1)
    monkeypatch.setattr(connection, "_PROMPT_SECONDS", 0)
    ask(client)
    ask(client)  # by now no turn is left of those before
    assert not is_waited_for(client)
    monkeypatch.setattr(connection, "_PROMPT_SECONDS", 60)
    other = connect()
    assert not any(is_waited_for(each) for each in (other, client, other, client))


@pytest.mark.parametrize("request_line", [b"GET /a HTTP/1.0\r\n\r\n", b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n"])
def test_a_connection_is_closed_for_those_who_want_it(connect: Callable[[], Client], request_line: bytes) -> None:
    client = connect().send(request_line)
    assert client.answer() == (200, b"GET /a ")
    assert client.is_closed()


def test_pipelined_requests_are_answered_in_their_order(connect: Callable[[], Client], reflecting: Reflecting) -> None:
    client = connect().send(
        b"GET /slow HTTP/1.1\r\n\r\n" + b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % n for n in range(500))
    )
    for number in range(500, 3000):
        client.send(b"POST /%d HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc" % number)
    reflecting.release.set()
    assert client.answer() == (200, b"GET /slow ")
    assert [client.answer()[1] for _ in range(500)] == [b"GET /%d " % number for number in range(500)]
    assert [client.answer()[1] for _ in range(2500)] == [b"POST /%d abc" % number for number in range(500, 3000)]


def test_head_has_the_length_and_no_body(connect: Callable[[], Client]) -> None:
    client = connect().send(b"HEAD /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n")
    status, headers = client.head()
    assert (status, headers["content-length"]) == (200, "8")
    assert client.answer() == (200, b"GET /b ")


def test_answers_are_dated(connect: Callable[[], Client]) -> None:
    _, headers = connect().send(b"GET /a HTTP/1.1\r\n\r\n").head()
    sent = email.utils.parsedate_to_datetime(headers["date"])
    assert abs(sent.timestamp() - time.time()) < 60


def test_a_handler_that_breaks_is_an_answer(connect: Callable[[], Client]) -> None:
    client = connect().send(b"GET /broken HTTP/1.1\r\n\r\nGET /a HTTP/1.1\r\n\r\n")
    status, body = client.answer()
    assert status == 500
    assert b"RuntimeError" not in body
    assert client.answer() == (200, b"GET /a ")


def test_clients_that_vanish_leave_the_server_as_it_was(connect: Callable[[], Client], reflecting: Reflecting) -> None:
    for data in (
        b"",
        b"GE",
        b"POST /a HTTP/1.1\r\nContent-Length: 900000\r\n\r\nabc",
        b"GET /slow HTTP/1.1\r\n\r\n",
        b"GET /large HTTP/1.1\r\n\r\n",
    ):
        client = connect().send(data)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.file.close()
        client.socket.close()
    reflecting.release.set()
    assert connect().send(b"GET /a HTTP/1.1\r\n\r\n").answer() == (200, b"GET /a ")


def test_a_client_that_has_said_all_still_gets_its_answers(
    connect: Callable[[], Client], reflecting: Reflecting
) -> None:
    client = connect().send(b"GET /slow HTTP/1.1\r\n\r\nGET /a HTTP/1.1\r\n\r\n")
    client.socket.shutdown(socket.SHUT_WR)
    reflecting.release.set()
    assert [client.answer()[1], client.answer()[1]] == [b"GET /slow ", b"GET /a "]
    assert client.is_closed()


def test_the_body_of_a_client_that_is_gone_takes_no_memory(
    connect: Callable[[], Client], reflecting: Reflecting
) -> None:
    client = connect()
    client.send(b"POST /slow HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + bytes(100_000))
    wait_until(lambda: len(reflecting.seen) == 1)
    client.socket.close()
    client.file.close()
    wait_until(lambda: len(reflecting.cancelled) == 1)
    assert reflecting.seen[0].body == b""


def test_the_work_of_a_client_that_is_gone_is_cancelled(connect: Callable[[], Client], reflecting: Reflecting) -> None:
    client = connect().send(b"GET /slow HTTP/1.1\r\n\r\n")
    wait_until(lambda: len(reflecting.seen) == 1)
    client.file.close()
    client.socket.close()  # says no more than that nothing comes: it might still be reading
    wait_until(lambda: len(reflecting.cancelled) == 1)


def test_a_client_that_reads_nothing_has_no_further_work_done(
    connect: Callable[[], Client], reflecting: Reflecting
) -> None:
    client = connect().send(b"GET /large HTTP/1.1\r\n\r\n" * 10)
    assert connect().send(b"GET /a HTTP/1.1\r\n\r\n").answer()[0] == 200
    assert len(reflecting.seen) <= 3
    for _ in range(10):
        assert len(client.answer()[1]) == 10_000_000


def test_a_client_that_reads_nothing_is_not_read_from_without_end(
    connect: Callable[[], Client], reflecting: Reflecting
) -> None:
    client = connect().send(b"GET /large HTTP/1.1\r\n\r\n")
    wait_until(lambda: len(reflecting.seen) == 1)
    time.sleep(0.1)  # what follows comes when the answer has filled all buffers
    client.socket.settimeout(1)
    message = b"GET /a HTTP/1.1\r\nHost: e\r\nX: %b\r\n\r\n" % (b"x" * 60_000)
    with pytest.raises(TimeoutError):
        client.socket.sendall(message * 1000)


def test_an_answer_waits_for_a_client_that_reads_slowly(connect: Callable[[], Client]) -> None:
    client = connect().send(b"GET /large HTTP/1.1\r\n\r\nGET /a HTTP/1.1\r\n\r\n")
    assert client.answer()[1] == bytes(10_000_000)
    assert client.answer() == (200, b"GET /a ")


@pytest.mark.parametrize("sent", [b"GET /a HT", b"POST /a HTTP/1.1\r\nContent-Length: 900000\r\n\r\nabc"])
def test_a_request_that_does_not_arrive_in_time_is_given_up(
    connect: Callable[[], Client], monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connection, "_GRACE_SECONDS", 0.1)
    client = connect().send(sent)
    assert client.answer()[0] == 408
    client.socket.shutdown(socket.SHUT_WR)
    assert client.is_closed()


def test_idle_connections_and_unread_answers_are_given_up(
    connect: Callable[[], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_IDLE_SECONDS", 0.1)
    monkeypatch.setattr(connection, "_GRACE_SECONDS", 0.1)
    unread = connect().send(b"GET /large HTTP/1.1\r\n\r\n" * 5)
    for _ in range(4):  # each outlasts the time that the other has, by the same clock
        assert connect().is_closed()
    received = 0
    try:
        while part := unread.socket.recv(1 << 20):
            received += len(part)
    except ConnectionResetError:
        pass
    assert received < 50_000_000


def test_what_takes_long_is_not_given_up(
    connect: Callable[[], Client], reflecting: Reflecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_IDLE_SECONDS", 0.05)
    monkeypatch.setattr(connection, "_GRACE_SECONDS", 0.05)
    client = connect().send(b"GET /slow HTTP/1.1\r\n\r\n")
    time.sleep(0.3)
    reflecting.release.set()
    assert client.answer() == (200, b"GET /slow ")

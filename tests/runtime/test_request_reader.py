from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runtime.http_client import Client, Reflecting, with_host


@pytest.mark.parametrize("size", [0, 1, 1000, 16_384, 16_385, 65_536, 100_000, 999_999])
@pytest.mark.parametrize("chunk", [1_000_000, 40_000, 700])
def test_a_body_of_any_size_arrives_whole_however_it_is_cut(
    connect: Callable[[], Client], reflecting: Reflecting, size: int, chunk: int
) -> None:
    body = bytes(number % 251 for number in range(size))
    whole = b"POST /a HTTP/1.1\r\nContent-Length: %d\r\n\r\n%bGET /b HTTP/1.1\r\n\r\n" % (
        size,
        body,
    )
    client, whole = connect(), with_host(whole)
    for start in range(0, len(whole), chunk):
        client.send_as_it_is(whole[start : start + chunk])
    assert client.answer() == (200, b"POST /a " + body[-20:])
    assert client.answer() == (200, b"GET /b ")
    assert bytes(reflecting.seen[0].body) == body


@pytest.mark.parametrize("sizes", [[3], [1, 5, 1], [70_000, 200_000, 3]])
def test_a_chunked_body_arrives_whole(connect: Callable[[], Client], reflecting: Reflecting, sizes: list[int]) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (size, b"x" * size) for size in sizes)
    client = connect().send(
        b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\nGET /b HTTP/1.1\r\n\r\n"
    )
    assert client.answer()[0] == 200
    assert client.answer() == (200, b"GET /b ")
    assert bytes(reflecting.seen[0].body) == b"x" * sum(sizes)


def test_continue_is_said_before_the_body_and_after_earlier_answers(
    connect: Callable[[], Client], reflecting: Reflecting
) -> None:
    client = connect().send(
        b"GET /slow HTTP/1.1\r\n\r\nPOST /a HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    )
    reflecting.release.set()
    assert client.answer() == (200, b"GET /slow ")
    assert client.head() == (100, {})
    assert client.send(b"abc").answer() == (200, b"POST /a abc")


def test_a_body_that_does_not_wait_needs_no_continue(connect: Callable[[], Client]) -> None:
    client = connect().send(b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc")
    assert client.answer() == (200, b"POST /a abc")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_does_not_wait_for_continue(connect: Callable[[], Client], reflecting: Reflecting, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"x" * 900_000)
    host, port = connect().socket.getpeername()
    command = ["curl", "-sv", "--expect100-timeout", "20", "--max-time", "15", "-H", "Expect: 100-continue"]
    command += ["-H", "Authorization:Bearer x", "--data-binary", f"@{tmp_path / 'body'}", f"http://{host}:{port}/a"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert b"100 Continue" in done.stderr
    assert done.stdout == b"POST /a " + b"x" * 20
    assert reflecting.seen[0].headers["authorization"] == "Bearer x"


@pytest.mark.parametrize("body", [b"", b"abc", b"x" * 300_000])
def test_an_offered_upgrade_is_passed_over(connect: Callable[[], Client], reflecting: Reflecting, body: bytes) -> None:
    head = (
        b"POST /a HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n"
        % len(body)
    )
    client = connect().send((head + body) * 3 + b"GET /b HTTP/1.1\r\n\r\n")
    assert [client.answer()[0] for _ in range(3)] == [200] * 3
    assert client.answer() == (200, b"GET /b ")
    assert [bytes(request.body) for request in reflecting.seen[:3]] == [body] * 3


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnix\r\n", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: 1000001\r\n\r\n", 413),
        (b"POST /a HTTP/1.1\r\nContent-Length: 1000001\r\nExpect: 100-continue\r\n\r\n", 413),
        (
            b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n%b\r\n" % (b"x" * 65536)) * 16,
            413,
        ),
        (b"GET /a HTTP/1.1\r\nX: " + b"x" * 200_000, 431),
        (b"GET /a HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: " + b"x" * 200_000, 431),
        (b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: x\r\n" * 40_000, 431),
        (b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 200_000, 431),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /a HTTP/1.1\r\nHost: other\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nExpect: miracles\r\n\r\nabc", 417),
        (b"POST /a HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: 900000\r\nRefuse: yes\r\n\r\n", 401),
        (b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nRefuse: yes\r\n\r\n", 401),
        (b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\nRefuse: yes\r\n\r\n", 401),
        (b"POST /a HTTP/1.1\r\nContent-Length: 2000000\r\n\r\nGET /b HTTP/1.1\r\n\r\n", 413),
        (
            b"POST /a HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            501,
        ),
    ],
)
def test_what_is_no_proper_request_is_refused_after_earlier_answers(
    connect: Callable[[], Client], data: bytes, status: int
) -> None:
    client = connect().send(b"GET /first HTTP/1.1\r\n\r\n" + data)
    assert client.answer() == (200, b"GET /first ")
    refused, body = client.answer()
    assert refused == status
    assert json.loads(body)[0]["error"]
    client.socket.shutdown(socket.SHUT_WR)
    assert client.is_closed()
    assert connect().send(b"GET /a HTTP/1.1\r\n\r\n").answer()[0] == 200


def test_long_heads_and_trailers_within_the_limits_are_read(
    connect: Callable[[], Client], reflecting: Reflecting
) -> None:
    head = b"POST /a HTTP/1.1\r\nX: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % (b"x" * 60_000)
    client = connect()
    for _ in range(3):
        client.send(head + b"1\r\nx\r\n" * 30_000 + b"0\r\nT: " + b"x" * 60_000 + b"\r\n\r\n")
        assert client.answer() == (200, b"POST /a " + b"x" * 20)
    assert [len(request.body) for request in reflecting.seen] == [30_000] * 3


def test_a_refused_head_request_gets_no_body(connect: Callable[[], Client]) -> None:
    client = connect().send_as_it_is(b"HEAD /a HTTP/1.1\r\n\r\n")
    status, headers = client.head()
    assert status == 400
    assert int(headers["content-length"]) > 0
    assert client.is_closed()


def test_a_host_is_needed(connect: Callable[[], Client]) -> None:
    assert connect().send_as_it_is(b"GET /a HTTP/1.1\r\n\r\n").answer()[0] == 400
    assert connect().send_as_it_is(b"GET /a HTTP/1.0\r\n\r\n").answer()[0] == 200


def test_a_small_body_may_come_before_the_handler_is_asked(connect: Callable[[], Client]) -> None:
    client = connect().send(b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nRefuse: yes\r\n\r\nabc")
    assert client.answer() == (200, b"POST /a abc")


def test_a_target_may_name_the_host_and_trailers_are_passed_over(
    connect: Callable[[], Client], reflecting: Reflecting
) -> None:
    client = connect().send(
        b"POST http://edge:80/a?b=c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nRefuse: yes\r\n\r\n"
        b"GET http://edge HTTP/1.1\r\n\r\nGET http://edge?b=c HTTP/1.1\r\n\r\nOPTIONS * HTTP/1.1\r\n\r\n"
    )
    assert client.answer() == (200, b"POST /a?b=c abc")
    assert [client.answer()[1] for _ in range(3)] == [b"GET / ", b"GET /?b=c ", b"OPTIONS * "]
    assert "refuse" not in reflecting.seen[0].headers


def test_bodies_that_are_too_much_together_are_told_to_come_again(connect: Callable[[], Client]) -> None:
    head = b"POST /a HTTP/1.1\r\nContent-Length: 900000\r\nExpect: 100-continue\r\n\r\n"
    first, second = connect().send(head), connect().send(head)
    assert (first.head()[0], second.head()[0]) == (100, 100)
    status, headers = connect().send(head).head()
    assert (status, headers["retry-after"]) == (503, "1")
    assert first.send(bytes(900_000)).answer()[0] == 200
    second.socket.close()
    second.file.close()
    for _ in range(2):  # what the others held is free again, also the body that never came
        third = connect().send(head)
        assert third.head()[0] == 100
        assert third.send(bytes(900_000)).answer()[0] == 200


def test_a_large_body_may_be_refused_although_one_with_the_same_head_was_taken(
    connect: Callable[[], Client], reflecting: Reflecting
) -> None:
    whole = b"POST /a HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    client = connect()
    for _ in range(2):
        assert client.send(whole).answer() == (200, b"POST /a " + b"x" * 20)
    reflecting.full = True
    assert client.send(whole).answer()[0] == 503
    assert client.is_closed()


def test_a_refusal_reaches_a_client_that_is_still_sending(connect: Callable[[], Client]) -> None:
    client = connect().send(b"POST /a HTTP/1.1\r\nContent-Length: 50000000\r\n\r\n")
    for _ in range(40):
        client.send(bytes(100_000))
    assert client.answer()[0] == 413

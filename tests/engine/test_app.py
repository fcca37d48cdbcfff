from __future__ import annotations

import json
import re
import socket
import sqlite3
from collections.abc import Callable
from http import HTTPStatus

import httpx
import pytest

from jupyter_edge.core.version import VERSION
from tests.engine.process import EngineProcess, wait_for


def test_health_says_that_the_engine_is_up_and_asks_for_no_token(engine: EngineProcess) -> None:
    assert httpx.get(f"{engine.url}/v1/api/health").json() == {"status": "ok", "version": VERSION}


def test_the_documentation_needs_neither_a_token_nor_the_internet(engine: EngineProcess) -> None:
    page = httpx.get(f"{engine.url}/v1/api/docs")
    assert page.status_code == HTTPStatus.OK
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert any(link.endswith("swagger-ui-bundle.js") for link in links)
    for link in links:
        assert link.startswith("/v1/api/docs/")
        assert httpx.get(engine.url + link).status_code == HTTPStatus.OK


def test_the_openapi_document_types_every_request_and_answer(engine: EngineProcess) -> None:
    document = httpx.get(f"{engine.url}/v1/api/openapi.json").json()
    assert document["info"]["title"] == "jupyter_edge"
    made = document["paths"]["/v1/api/workspaces/create"]["post"]
    assert made["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/NewWorkspace")
    assert made["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/WorkspaceMade")
    assert made["responses"]["4XX"]["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorBody")
    assert "422" not in made["responses"]
    assert made["security"]
    upload = document["paths"]["/v1/api/models/upload"]["post"]["requestBody"]["content"]
    assert list(upload) == ["multipart/form-data"]


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/json"])
def test_a_body_is_json_whatever_its_content_type(
    engine: EngineProcess, new_name: Callable[[], str], content_type: str | None
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    body = json.dumps({"workspace_name": new_name()}).encode()
    answer = engine.client.post("/v1/api/workspaces/create", content=body, headers=headers)
    assert answer.status_code == HTTPStatus.OK, answer.text


@pytest.mark.parametrize("body", [b"", b"{}", b'{"user_id": null}', b'{"something": [1, {"new": 2}]}'])
def test_optional_fields_may_be_null_or_left_out_and_unknown_ones_are_passed_over(
    engine: EngineProcess, body: bytes
) -> None:
    answer = engine.client.post("/v1/api/workspaces/list", content=body)
    assert list(answer.json()) == ["workspaces"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{}", "'id' is missing"),
        (b'{"id": null}', "'id' is missing"),
        (b'{"id": "seven"}', "'id' cannot be used"),
        (b'{"id": 9223372036854775808}', "'id' cannot be used"),
        (b'{"id": -1}', "'id' cannot be used"),
        (b"[1]", "body cannot be used"),
        (b"{nonsense", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"id": 1, "more": NaN}', "not JSON"),
        (b'{"id": 1, "more": "\\ud800"}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_body_that_cannot_be_used_is_answered_with_one_sentence(
    engine: EngineProcess, body: bytes, said: str
) -> None:
    answer = engine.client.post("/v1/api/workspaces/get", content=body)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert answer.json()["code"] == HTTPStatus.BAD_REQUEST
    assert said in answer.json()["msg"]


def test_a_text_that_is_no_unicode_is_refused_not_stored(engine: EngineProcess) -> None:
    answer = engine.client.post("/v1/api/workspaces/create", content=b'{"workspace_name": "\\ud800"}')
    assert answer.status_code == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("path", ["/v1/api/workspaces/list", "/v1/logs/topic/any/records"])
@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x"])
def test_a_json_body_may_not_be_endless(engine: EngineProcess, path: str, content_type: str) -> None:
    body = (b" " * (1 << 20) for _ in range(8))
    answer = engine.client.post(path, content=body, headers={"Content-Type": content_type})
    assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert answer.json()["code"] == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/v1/api/nowhere", HTTPStatus.NOT_FOUND), ("GET", "/v1/api/jobs/list", HTTPStatus.METHOD_NOT_ALLOWED)],
)
def test_an_endpoint_that_is_not_there_is_said_in_the_usual_form(
    engine: EngineProcess, method: str, path: str, status: HTTPStatus
) -> None:
    answer = engine.client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, status)
    assert path in answer.json()["msg"]


def test_an_unexpected_failure_shows_no_traceback_but_is_logged(own_engine: EngineProcess) -> None:
    own_engine.start()
    with sqlite3.connect(own_engine.home.database) as connection:
        connection.execute("ALTER TABLE workspace RENAME TO lost")
    answer = own_engine.client.post("/v1/api/workspaces/list", json={})
    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert answer.json().keys() == {"msg", "code"}
    assert "Traceback" not in answer.text
    assert "no such table" not in answer.text
    wait_for(lambda: "no such table: workspace" in own_engine.log())


def test_curl_may_ask_before_it_sends_and_leave_out_the_space_after_a_colon(engine: EngineProcess) -> None:
    answer = _raw(engine, f"Authorization:Bearer {engine.token}\r\nExpect: 100-continue\r\n", b"{}")
    assert answer.startswith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


def _raw(engine: EngineProcess, headers: str, body: bytes) -> str:
    host, port = engine.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as sock:
        start = f"POST /v1/api/workspaces/list HTTP/1.1\r\nHost:{host}:{port}\r\nConnection:close\r\n"
        sock.sendall(f"{start}{headers}Content-Length:{len(body)}\r\n\r\n".encode())
        received = sock.recv(1 << 16) if "Expect" in headers else b""
        sock.sendall(body)
        while chunk := sock.recv(1 << 16):
            received += chunk
    return received.decode()

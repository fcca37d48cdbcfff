from __future__ import annotations

import json
import stat
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.home import Home
from jupyter_edge.engine.auth import load_credentials
from tests.engine.process import EngineProcess


@pytest.mark.parametrize("given", [None, "Bearer wrong", "Bearer", "Basic {token}", "{token}", "Bearer {token}x"])
@pytest.mark.parametrize("path", ["/v1/api/workspaces/list", "/v1/api/nowhere", "/v1/logs/topic/t"])
def test_a_wrong_or_missing_token_is_refused(engine: EngineProcess, path: str, given: str | None) -> None:
    headers = {"Authorization": given.format(token=engine.token)} if given else {}
    answer = httpx.post(engine.url + path, headers=headers, json={})
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert answer.json()["code"] == HTTPStatus.UNAUTHORIZED
    assert "token" in answer.json()["msg"]
    assert answer.headers["www-authenticate"] == "Bearer"
    assert engine.token not in answer.text


def test_the_token_opens_the_api(engine: EngineProcess) -> None:
    answer = httpx.post(
        f"{engine.url}/v1/api/users/me", headers={"Authorization": f"bearer {engine.token}"}, content=b""
    )
    assert answer.status_code == HTTPStatus.OK


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "", "127.0.0.1.evil.example", "[::1", "8.8.8.8"]
)
@pytest.mark.parametrize("path", ["/v1/api/workspaces/list", "/v1/api/docs", "/v1/api/health"])
def test_another_host_name_is_refused_also_with_the_token(engine: EngineProcess, path: str, host: str) -> None:
    named = host.format(port=engine.url.rpartition(":")[2])
    answer = engine.client.post(path, headers={"Host": named}, json={})
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert "host name" in answer.json()["msg"]


@pytest.mark.parametrize("host", ["localhost:{port}", "LOCALHOST", "[::1]:{port}", "127.0.0.1:9999"])
def test_any_loopback_name_is_answered(engine: EngineProcess, host: str) -> None:
    named = host.format(port=engine.url.rpartition(":")[2])
    assert engine.client.get("/v1/api/health", headers={"Host": named}).status_code == HTTPStatus.OK


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "https://127.0.0.1"])
def test_a_page_of_another_origin_is_refused(engine: EngineProcess, origin: str) -> None:
    answer = engine.client.post("/v1/api/workspaces/list", headers={"Origin": origin}, json={})
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert origin in answer.json()["msg"]


def test_a_page_of_the_engine_itself_is_answered(engine: EngineProcess) -> None:
    answer = engine.client.post("/v1/api/workspaces/list", headers={"Origin": engine.url}, json={})
    assert answer.status_code == HTTPStatus.OK


@pytest.mark.parametrize("path", ["/v2/", "/v1/api/edges/join", "/v1/api/edges/logs"])
def test_callers_with_credentials_of_their_own_pass_the_guard_under_any_host_name(
    engine: EngineProcess, path: str
) -> None:
    answer = httpx.post(engine.url + path, headers={"Host": "engine.example:80", "Origin": "http://a.example"}, json={})
    assert "host name" not in answer.text
    assert "`jupyter-edge env`" not in answer.text


def test_credentials_are_made_once_for_their_owner_only_and_are_not_shown(tmp_path: Path) -> None:
    home = Home(tmp_path)
    made = load_credentials(home)
    assert load_credentials(home).token.reveal() == made.token.reveal()
    assert stat.S_IMODE(home.credentials_file.stat().st_mode) == 0o600
    assert made.token.reveal() not in repr(made)
    assert made.registry_password.reveal() not in repr(made)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"token": "a"})])
def test_damaged_credentials_are_named_and_kept(tmp_path: Path, text: str) -> None:
    home = Home(tmp_path)
    home.credentials_file.write_text(text)
    with pytest.raises(InvalidInputError, match=r"credentials\.json is damaged"):
        load_credentials(home)
    assert home.credentials_file.read_text() == text

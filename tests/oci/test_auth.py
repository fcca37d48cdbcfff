from __future__ import annotations

import base64
import json
import logging
from pathlib import Path

import pytest

from jupyter_edge.core.errors import AuthenticationError, RegistryError
from jupyter_edge.oci.blobs import BlobStore
from jupyter_edge.oci.client import RegistryClient

from .conftest import AUTHORIZATION, PASSWORD, USERNAME, RunningRegistry, ScriptedHandler, ScriptedServer, guarded
from .test_client import BLOB, DIGEST, connect


def test_credentials_do_not_follow_a_redirect_to_another_host(blobs: BlobStore) -> None:
    with ScriptedServer(lambda request: request.send(200, BLOB)) as other:

        def answer(request: ScriptedHandler) -> None:
            request.send(307, Location=f"http://{other.host}/cdn") if "blobs" in request.path else request.send(200)

        with ScriptedServer(guarded(answer)) as server:
            connect(server.host).fetch_blob("a", DIGEST, blobs, len(BLOB))
            assert server.requests[-1][2] == AUTHORIZATION
        assert other.requests == [("GET", "/cdn", None)]
    assert blobs.verify(DIGEST)


def test_credentials_do_not_go_to_another_host_that_takes_the_upload() -> None:
    with ScriptedServer(lambda request: request.send(201)) as other:

        def answer(request: ScriptedHandler) -> None:
            uploads = request.command == "POST"
            request.send(202, Location=f"http://{other.host}/up?x=1") if uploads else request.send(404)

        with ScriptedServer(guarded(lambda r: r.send(200) if r.path == "/v2/" else answer(r))) as server:
            connect(server.host).push_blob("a", BLOB, DIGEST)
        assert other.requests == [("PUT", f"/up?x=1&digest=sha256%3A{DIGEST[7:]}", None)]


def test_credentials_are_shown_to_nobody_who_did_not_ask() -> None:
    with ScriptedServer(lambda request: request.send(200)) as server:
        connect(server.host).ping()
        assert {authorization for _, _, authorization in server.requests} == {None}


def test_a_token_server_without_tls_gets_no_credentials_from_a_registry_with_tls() -> None:
    client = connect("registry.example.org")
    with ScriptedServer(lambda request: request.send(200, b'{"token": "t"}')) as tokens:

        def challenge(request: ScriptedHandler) -> None:
            request.send(401, WWW_Authenticate=f'Bearer realm="http://{tokens.host}/token",service="s"')

        with ScriptedServer(challenge) as server:
            refused = client._send("GET", f"http://{server.host}/v2/")
            client.auth.learn(refused)
            with pytest.raises(RegistryError, match="without TLS"):
                client.auth.headers_for("https://registry.example.org/v2/", "")
        assert tokens.requests == []


def test_of_two_offered_schemes_the_token_is_taken() -> None:
    def answer(request: ScriptedHandler) -> None:
        if request.path.startswith("/token"):
            request.send(200, b'{"access_token": "t"}')
        elif request.headers.get("Authorization") == "Bearer t":
            request.send(200)
        else:
            realm = f"http://{request.server.host}/token"
            request.send(401, WWW_Authenticate=f'Basic realm="b", Bearer realm="{realm}",service="s"')

    with ScriptedServer(answer) as server:
        connect(server.host).ping()
        assert ("GET", "/token?service=s", AUTHORIZATION) in server.requests


def test_a_token_is_renewed_when_the_registry_refuses_the_old_one() -> None:
    given: list[str] = []

    def answer(request: ScriptedHandler) -> None:
        if request.path.startswith("/token"):
            given.append(f"t{len(given)}")
            request.send(200, json.dumps({"token": given[-1], "expires_in": 300}).encode())
        elif request.headers.get("Authorization") == f"Bearer {given[-1] if given else ''}" and given[-1] != "t0":
            request.send(200)
        else:
            realm = f"http://{request.server.host}/token"
            scope = "repository:a:pull,push"
            request.send(401, WWW_Authenticate=f'Bearer realm="{realm}",service="s",scope="{scope}"')

    with ScriptedServer(answer) as server:
        assert connect(server.host).has_blob("a", DIGEST)
        assert given == ["t0", "t1"]
        assert "scope=repository%3Aa%3Apull%2Cpush" in server.asked("GET")[-1]


def test_the_credentials_of_docker_login_are_used(
    registry: RunningRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".docker").mkdir()
    auth = {"auth": base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()}
    (tmp_path / ".docker" / "config.json").write_text(json.dumps({"auths": {registry.host: auth}}))
    monkeypatch.setenv("HOME", str(tmp_path))
    RegistryClient(registry.host).ping()
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    with pytest.raises(AuthenticationError):
        RegistryClient(registry.host).ping()


def test_a_password_is_nowhere_to_be_seen(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    caplog.set_level(logging.DEBUG)

    def echo(request: ScriptedHandler) -> None:
        body = json.dumps({"errors": [{"message": f"user {USERNAME} with {PASSWORD} may not"}]}).encode()
        request.send(401, body, WWW_Authenticate='Basic realm="x"')

    with ScriptedServer(echo) as server:
        client = connect(server.host)
        with pytest.raises(AuthenticationError) as caught:
            client.ping()
        with pytest.raises(NotImplementedError):
            client.login(USERNAME, PASSWORD)
    text = f"{caught.value} {client!r} {client} {client.auth!r} {caplog.text}"
    for secret in (PASSWORD, AUTHORIZATION.split()[1]):
        assert secret not in text
    assert list(tmp_path.rglob("*")) == []

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import os
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_server.auth import AllowAllAuthorizer, Authorizer
from jupyter_server.auth.identity import User
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.serverapp import _has_tornado_web_authenticated
from tornado.web import RequestHandler

from jupyter_edge.core.version import VERSION
from jupyter_edge.server.app import EdgeServerApp
from tests.engine.process import MODEL, EngineProcess
from tests.engine.scenes import make_scene
from tests.server.conftest import Fetch, Place, fetch

ROUTES = (
    ("GET", "status"),
    ("POST", "start"),
    ("POST", "commands"),
    ("POST", "upload"),
    ("POST", "infer"),
    ("POST", "api/v1/api/jobs/list"),
    ("GET", "api/v1/api/health"),
)


def test_every_verb_asks_who_is_there(extension: EdgeServerApp) -> None:
    verbs = 0
    for _pattern, handler, *_ in extension.handlers:
        for name in handler.SUPPORTED_METHODS:
            verb = getattr(handler, name.lower())
            if name == "OPTIONS" or verb == RequestHandler._unimplemented_method:
                continue
            assert _has_tornado_web_authenticated(verb), (handler, name)
            assert handler.auth_resource == "jupyter_edge"
            verbs += 1
    assert verbs == 8


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_nobody_is_answered_without_jupyters_token(
    engine: EngineProcess, jp_fetch: Fetch, method: str, path: str
) -> None:
    body = "{}" if method == "POST" else None
    answer = await fetch(jp_fetch, path, method=method, body=body, headers={"Authorization": "token wrong"})
    assert answer.code == 403
    assert engine.token.encode() not in answer.body


class ReadOnly(Authorizer):
    """Lets everybody look, and nobody do anything."""

    def is_authorized(self, handler: JupyterHandler, user: User, action: str, resource: str) -> bool:
        return action == "read" or resource != "jupyter_edge"


@pytest.mark.parametrize("jp_argv", [[f"--ServerApp.authorizer_class={ReadOnly.__module__}.ReadOnly"]])
async def test_each_verb_is_authorized_by_what_it_does(
    engine: EngineProcess, jp_fetch: Fetch, jp_serverapp: Any
) -> None:
    assert not isinstance(jp_serverapp.authorizer, AllowAllAuthorizer)
    for _ in range(2):  # also in the order in which a decorator could keep the first verb's action
        assert (await fetch(jp_fetch, "api/v1/api/health")).code == 200
        assert (await fetch(jp_fetch, "status")).code == 200
        for path in ("start", "upload", "infer", "api/v1/api/jobs/list"):
            assert (await fetch(jp_fetch, path, method="POST", body="{}")).code == 403


async def test_a_web_page_cannot_use_the_cookie_of_somebody_who_is_logged_in(
    engine: EngineProcess, place: Place
) -> None:
    login = f"{place.base_url}login?token={place.token}"

    def post(path: str, headers: dict[str, str]) -> tuple[int, list[str]]:
        connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=30)
        connection.request("GET" if "login" in path else "POST", path, None if "login" in path else b"{}", headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, [value.split(";")[0] for name, value in answer.getheaders() if name == "Set-Cookie"]

    _, cookies = await asyncio.to_thread(post, login, {})
    xsrf = "ab" * 16
    cookie = {"Cookie": "; ".join([*cookies, f"_xsrf={xsrf}"])}
    assert any("username" in one for one in cookies), cookies
    url = f"{place.base_url}jupyter-edge/api/v1/api/jobs/list"
    assert (await asyncio.to_thread(post, url, cookie))[0] == 403
    assert (await asyncio.to_thread(post, url, {**cookie, "X-XSRFToken": xsrf}))[0] == 200


async def test_requests_are_forwarded_as_they_are(engine: EngineProcess, ask: Fetch, jp_fetch: Fetch) -> None:
    made = json.loads((await ask("workspaces/create", {"workspace_name": "through-jupyter"})).body)
    listed = engine.post("workspaces/list")["workspaces"]
    assert made["workspace_id"] in [workspace["id"] for workspace in listed]
    refused = await ask("workspaces/create", {"workspace_name": "through-jupyter"})
    direct = engine.client.post("/v1/api/workspaces/create", json={"workspace_name": "through-jupyter"})
    assert (refused.code, refused.body) == (direct.status_code, direct.content)
    head = await fetch(jp_fetch, "api/v1/api/jobs/list", method="HEAD")
    assert head.code == 405
    assert (await ask("nothing")).code == 404


async def test_headers_and_arguments_reach_whom_they_are_for(engine: EngineProcess, jp_fetch: Fetch) -> None:
    scene = make_scene(engine)
    scene.deploy()
    scene.infer(3)
    topic = f"workspace-{scene.workspace_id}-pipeline-{scene.name}-inference"
    arguments = {"no_track_activity": "1", "page_size": "2", "dataset[]": "time"}
    answer = await fetch(jp_fetch, f"api/v1/logs/topic/{topic}/records", method="POST", body="{}", params=arguments)
    assert answer.code == 200
    assert answer.headers["Content-Type"] == "application/vnd.apache.arrow.file"
    assert json.loads(answer.headers["X-Iteration-Status"])["status"] == "RecordLimited"
    assert answer.body.startswith(b"ARROW1")
    assert answer.headers["Content-Security-Policy"].endswith("default-src 'none'")


@pytest.mark.parametrize(
    "path",
    [
        "v2/",
        "v1/",
        "v1/../v2/_catalog",
        "v1/%2e%2e/v2/_catalog",
        "v1/api/%2E%2e/%2e%2e/v2/",
        "v1/..%2f..%2fv2/",
        "v1/..%5cv2/",
        "v1//evil.example/",
        "//evil.example/v1/x",
        "http://evil.example/v1/x",
        "http:%2f%2fevil.example/v1/x",
        "v1/@evil.example/%00",
        "v1/%ff",
        "v1/api/health%23",
    ],
)
async def test_no_path_leads_anywhere_but_below_v1(engine: EngineProcess, place: Place, path: str) -> None:
    def get() -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=30)
        connection.request("GET", f"{place.base_url}jupyter-edge/api/{path}", headers=place.authorization)
        answer = connection.getresponse()
        return answer.status, answer.read()

    status, body = await asyncio.to_thread(get)
    assert status in (400, 404), body
    if status == 404:
        assert json.loads(body)["msg"].startswith("There is no endpoint /v1/")


async def test_a_host_or_absolute_target_of_the_browser_does_not_choose_the_engine(
    engine: EngineProcess, jp_fetch: Fetch
) -> None:
    forged = {"X-Forwarded-Host": "evil.example", "Origin": "null", "Forwarded": "host=evil.example"}
    answer = await fetch(jp_fetch, "api/v1/api/health", headers=forged)
    assert answer.code in (200, 404)  # Jupyter itself may refuse the origin
    assert (await fetch(jp_fetch, "api/v1/api/health", headers={"Connection": "close, X-Y", "X-Y": "z"})).code == 200


async def test_the_token_is_nowhere_to_be_seen(
    engine: EngineProcess, jp_fetch: Fetch, ask: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [
        await fetch(jp_fetch, "status"),
        await fetch(jp_fetch, "api/v1/api/openapi.json"),
        await ask("jobs/list"),
        await ask(engine.token),  # comes back in the engine's sentence
        await ask("workspaces/create", {"workspace_name": f"w-{engine.token}"}),
    ]
    assert b"*" * len(engine.token) in answers[3].body
    for answer in answers:
        assert engine.token.encode() not in answer.body
        assert engine.token not in str(list(answer.headers.get_all()))
    logged = "".join(
        record.getMessage()
        for record in caplog.records
        if record.name.split(".")[0] in ("ServerApp", "httpx", "httpcore")
    )
    own_paths = logged.replace(f"/v1/api/{engine.token}", "")  # what the test itself asked for
    assert engine.token not in own_paths


async def test_status_tells_the_versions(engine: EngineProcess, jp_fetch: Fetch) -> None:
    answer = await fetch(jp_fetch, "status")
    assert json.loads(answer.body) == {
        "state": "running",
        "is_local": True,
        "version": VERSION,
        "engine_version": VERSION,
        "msg": "",
    }


async def test_a_large_upload_goes_through_in_little_memory(
    engine: EngineProcess, place: Place, tmp_path: Path
) -> None:
    size = 640 << 20
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(size)
    workspace_id = engine.post("workspaces/create", workspace_name="large-upload")["workspace_id"]
    conversion = {"framework": "onnx"}
    described = {"name": "large", "visibility": "private", "workspace_id": workspace_id, "conversion": conversion}
    head = (
        "--b\r\nContent-Disposition: form-data; name=metadata\r\nContent-Type: application/json\r\n\r\n"
        f"{json.dumps(described)}\r\n--b\r\nContent-Disposition: form-data; name=file; filename=large.onnx\r\n"
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    tail = b"\r\n--b--\r\n"

    def upload() -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=300)
        connection.putrequest("POST", f"{place.base_url}jupyter-edge/api/v1/api/models/upload")
        connection.putheader("Authorization", f"token {place.token}")
        connection.putheader("Content-Type", "multipart/form-data; boundary=b")
        connection.putheader("Content-Length", str(len(head) + size + len(tail)))
        connection.endheaders(head)
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                connection.send(chunk)
        connection.send(tail)
        answer = connection.getresponse()
        return answer.status, answer.read()

    process = psutil.Process(os.getpid())
    before = peak = process.memory_info().rss
    uploading = asyncio.ensure_future(asyncio.to_thread(upload))
    while not uploading.done():
        peak = max(peak, process.memory_info().rss)
        await asyncio.sleep(0.01)
    status, body = await uploading
    assert status == 400, body  # all of it arrived, and nulls are no model
    assert b"ONNX" in body, body
    assert peak - before < 64 << 20


async def test_an_upload_of_a_model_works_like_the_engines_own(
    engine: EngineProcess, ask: Fetch, jp_fetch: Fetch
) -> None:
    workspace_id = engine.post("workspaces/create", workspace_name="small-upload")["workspace_id"]
    described = {
        "name": "m",
        "visibility": "private",
        "workspace_id": workspace_id,
        "conversion": {"framework": "onnx"},
    }
    body = (
        b"--b\r\nContent-Disposition: form-data; name=metadata\r\nContent-Type: application/json\r\n\r\n"
        + json.dumps(described).encode()
        + b"\r\n--b\r\nContent-Disposition: form-data; name=file; filename=m.onnx\r\n\r\n"
        + MODEL.read_bytes()
        + b"\r\n--b--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await fetch(jp_fetch, "api/v1/api/models/upload", method="POST", body=body, headers=headers)
    assert answer.code == 200, answer.body
    models = json.loads((await ask("models/list", {"workspace_id": workspace_id})).body)["models"]
    assert [model["name"] for model in models] == ["m"]


async def test_an_answer_comes_while_the_engine_still_writes_it(engine: EngineProcess, place: Place) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    target = f"{place.base_url}jupyter-edge/api/v1/api/events"
    writer.write(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: token {place.token}\r\n\r\n".encode())
    async with asyncio.timeout(30):
        assert b"200 OK" in await reader.readline()
        engine.post("workspaces/create", workspace_name="streamed")
        while b'"kind":"workspace"' not in await reader.readline():
            pass
    writer.close()

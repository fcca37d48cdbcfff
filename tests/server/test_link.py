from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_edge.client.discovery import find_engine, stop_engine
from jupyter_edge.server.app import EdgeServerApp
from tests.engine.process import SOURCE, EngineProcess
from tests.server.conftest import Fetch, Place, eventually, fetch

STOPPED = "The engine does not run: start it here, or by `jupyter-edge engine start`."


async def status_of(jp_fetch: Fetch) -> Any:
    return json.loads((await fetch(jp_fetch, "status")).body)


async def test_a_look_at_the_state_starts_nothing_and_the_first_request_does(
    own_engine: EngineProcess, jp_fetch: Fetch, ask: Fetch
) -> None:
    state = await status_of(jp_fetch)
    assert (state["state"], state["engine_version"], state["msg"]) == ("stopped", None, STOPPED)
    assert not own_engine.home.address_file.exists()
    answers = await asyncio.gather(*(ask("jobs/list", request_timeout=90) for _ in range(3)))
    assert [answer.code for answer in answers] == [200] * 3
    assert (await status_of(jp_fetch))["state"] == "running"


async def test_an_engine_that_was_stopped_stays_so_until_it_is_started(
    own_engine: EngineProcess, jp_fetch: Fetch, ask: Fetch
) -> None:
    started = await fetch(jp_fetch, "start", method="POST", body="{}", request_timeout=90)
    assert json.loads(started.body)["state"] == "running"
    await asyncio.to_thread(stop_engine, own_engine.home)
    refused = await ask("jobs/list")
    assert (refused.code, json.loads(refused.body)) == (503, {"msg": STOPPED, "code": 503, "state": "stopped"})
    assert find_engine(own_engine.home) is None
    await fetch(jp_fetch, "start", method="POST", body="{}", request_timeout=90)
    assert (await ask("jobs/list")).code == 200


async def test_an_engine_killed_while_it_is_used_is_told_and_used_again_once_it_is_back(
    own_engine: EngineProcess, jp_fetch: Fetch, ask: Fetch
) -> None:
    await asyncio.to_thread(own_engine.start)
    assert (await ask("jobs/list")).code == 200
    own_engine.kill()
    refused = await ask("jobs/list")
    assert (refused.code, json.loads(refused.body)["state"]) == (503, "stopped")
    assert (await status_of(jp_fetch))["state"] == "stopped"
    await asyncio.to_thread(own_engine.start)
    assert (await ask("jobs/list")).code == 200


async def test_an_engine_that_cannot_start_says_why(
    own_engine: EngineProcess, jp_fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_EDGE_PORT", "no port")
    answer = await fetch(jp_fetch, "start", method="POST", body="{}", request_timeout=90)
    body = json.loads(answer.body)
    assert (answer.code, body["code"], body["state"]) == (503, 503, "stopped")
    assert "'no port'" in body["msg"]


@pytest.fixture
def remote(engine: EngineProcess, monkeypatch: pytest.MonkeyPatch) -> EngineProcess:
    """The engine, named by its address and by a token that is wrong."""
    monkeypatch.setenv("JUPYTER_EDGE_URL", engine.url)
    monkeypatch.setenv("JUPYTER_EDGE_TOKEN", "wr0ng")
    return engine


async def test_a_refused_token_does_not_look_like_jupyters_own_login(
    remote: EngineProcess, jp_fetch: Fetch, ask: Fetch
) -> None:
    refused = await ask("jobs/list")
    body = json.loads(refused.body)
    assert (refused.code, body["code"], body["state"]) == (502, 502, "unauthorized")
    assert body["msg"].startswith("The bearer token is missing or wrong")
    state = await status_of(jp_fetch)
    assert (state["state"], state["msg"]) == ("unauthorized", body["msg"])


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Something that takes connections and answers nothing, named as the engine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("JUPYTER_EDGE_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("JUPYTER_EDGE_TOKEN", "t0ken")
        yield server


@pytest.mark.parametrize("edge_config", [{"engine_timeout": 0.3}])
async def test_a_silent_engine_is_given_up(silent: socket.socket, ask: Fetch) -> None:
    answer = await ask("jobs/list")
    body = json.loads(answer.body)
    assert (answer.code, body["code"], body["state"]) == (504, 504, "unreachable")
    assert "silent for 0.3 s" in body["msg"]


def is_answering() -> bool:
    """Say whether a handler is at work."""
    return any("_execute" in str(task.get_coro()) for task in asyncio.all_tasks())


@pytest.mark.parametrize("edge_config", [{"engine_timeout": 1.0}])
@pytest.mark.parametrize(
    "request_line",
    [
        "GET {}status HTTP/1.1\r\n",
        "GET {}api/v1/api/health HTTP/1.1\r\n",
        "POST {}api/v1/api/jobs/list HTTP/1.1\r\nContent-Length: 2\r\n\r\n{{}}",
        "POST {}api/v1/api/models/upload HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf",
    ],
)
async def test_a_browser_that_does_not_wait_is_no_error(
    silent: socket.socket, place: Place, caplog: pytest.LogCaptureFixture, request_line: str
) -> None:
    caplog.set_level("WARNING")
    head, *body = request_line.format(f"{place.base_url}jupyter-edge/").split("\r\n\r\n")
    text = "\r\n".join([head.strip(), "Host: 127.0.0.1", f"Authorization: token {place.token}", "", *(body or [""])])
    _, writer = await asyncio.open_connection("127.0.0.1", place.port)
    writer.write(text.encode())
    await eventually(is_answering)
    writer.close()
    await eventually(lambda: not is_answering())
    assert [record.getMessage() for record in caplog.records] == []


async def test_an_address_where_nothing_listens_is_told(nothing: str, ask: Fetch, jp_fetch: Fetch) -> None:
    answer = await ask("jobs/list")
    body = json.loads(answer.body)
    assert (answer.code, body["code"], body["state"]) == (502, 502, "unreachable")
    assert nothing in body["msg"]
    assert (await status_of(jp_fetch))["is_local"] is False
    assert "t0ken" not in body["msg"]


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch) -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    monkeypatch.setenv("JUPYTER_EDGE_TOKEN", "t0ken")
    monkeypatch.setenv("JUPYTER_EDGE_URL", url)
    return url


@pytest.mark.parametrize(("edge_config", "survives"), [({}, True), ({"stop_engine_on_exit": True}, False)])
async def test_the_engine_outlives_the_server_unless_told_otherwise(
    own_engine: EngineProcess, extension: EdgeServerApp, survives: bool
) -> None:
    await asyncio.to_thread(own_engine.start)
    await extension.stop_extension()
    await asyncio.to_thread(own_engine.process.wait, 30) if not survives else None
    assert (own_engine.process.poll() is None) == survives


def test_a_server_starts_without_anything_heavy(tmp_path: Path) -> None:
    program = """if True:
        import sys
        from jupyter_server.serverapp import ServerApp
        app = ServerApp()
        app.initialize(["--port=0", "--ServerApp.jpserver_extensions={'jupyter_edge': True}", "--allow-root"])
        assert app.extension_manager.extension_apps["jupyter_edge"]
        heavy = "pandas pyarrow ipywidgets anywidget matplotlib cv2 onnxruntime fastapi sqlalchemy numpy".split()
        print([name for name in heavy if name in sys.modules])
    """
    environment = {"HOME": str(tmp_path), "PATH": "", "PYTHONPATH": str(SOURCE), "JUPYTER_NO_CONFIG": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr

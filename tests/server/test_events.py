from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest

from jupyter_edge.server.app import EdgeServerApp
from jupyter_edge.server.events import SCHEMA_ID
from tests.engine.process import EngineProcess
from tests.engine.scenes import make_scene
from tests.server.conftest import Fetch, eventually, fetch

Event = dict[str, Any]


class Bus:
    """What somebody hears who listens to the Jupyter event bus as JupyterLab does."""

    def __init__(self) -> None:
        self.heard: list[Event] = []

    def has(self, **wanted: Any) -> bool:
        return any(wanted.items() <= event.items() for event in self.heard)

    @contextlib.asynccontextmanager
    async def listening(self, jp_ws_fetch: Fetch) -> AsyncIterator[Bus]:
        socket: Any = await jp_ws_fetch("api", "events", "subscribe")

        async def listen() -> None:
            while (message := await socket.read_message()) is not None:
                event = json.loads(message)
                if event["schema_id"] == SCHEMA_ID:
                    self.heard.append(event)

        task = asyncio.create_task(listen())
        try:
            yield self
        finally:
            socket.close()
            await task


async def start(extension: EdgeServerApp, jp_serverapp: Any) -> None:
    """Do what a server does once its loop runs."""
    await jp_serverapp.extension_manager.start_all_extensions()


async def test_what_changes_in_the_engine_reaches_the_event_bus(
    engine: EngineProcess, extension: EdgeServerApp, jp_serverapp: Any, jp_ws_fetch: Fetch
) -> None:
    async with Bus().listening(jp_ws_fetch) as bus:
        await start(extension, jp_serverapp)
        await eventually(lambda: bus.has(kind="all"))
        made = await asyncio.to_thread(engine.post, "workspaces/create", workspace_name="heard")
        number = made["workspace_id"]
        await eventually(lambda: bus.has(kind="workspace", id=number, action="created", workspace_id=number))


async def test_an_engine_that_comes_and_goes_is_followed(
    own_engine: EngineProcess, extension: EdgeServerApp, jp_serverapp: Any, jp_ws_fetch: Fetch
) -> None:
    async with Bus().listening(jp_ws_fetch) as bus:
        await start(extension, jp_serverapp)
        for name in ("first", "second"):
            await asyncio.to_thread(own_engine.start)
            await eventually(lambda: bus.has(kind="all"))
            await asyncio.to_thread(own_engine.post, "workspaces/create", workspace_name=name)
            await eventually(lambda: bus.has(kind="workspace", action="created"))
            bus.heard.clear()
            own_engine.kill()
            await eventually(lambda: bus.has(kind="all"))
            bus.heard.clear()


_NEWER_ENGINE = """
import http.server, json
known = {"kind": "model", "id": 7, "action": "created", "workspace_id": 1}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        for event in ("words", {**known, "action": "renamed"}, {**known, "id": {"part": 1}}, {"kind": "model"}, known):
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\\n\\n")
        self.rfile.read(1)
    def do_POST(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"jobs": []}')
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def newer_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An engine that tells of more than this release knows, named as the one to use."""
    with subprocess.Popen([sys.executable, "-c", _NEWER_ENGINE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        monkeypatch.setenv("JUPYTER_EDGE_URL", f"http://127.0.0.1:{process.stdout.readline().strip()}")
        monkeypatch.setenv("JUPYTER_EDGE_TOKEN", "t0ken")
        yield
        process.kill()


async def test_what_a_newer_engine_tells_beyond_this_is_left_out_and_the_rest_is_heard(
    newer_engine: None, extension: EdgeServerApp, jp_serverapp: Any, jp_ws_fetch: Fetch
) -> None:
    async with Bus().listening(jp_ws_fetch) as bus:
        await start(extension, jp_serverapp)
        await eventually(lambda: bus.has(kind="model", id=7))
        assert {event["action"] for event in bus.heard if event["kind"] == "model"} == {"created"}


async def test_an_engine_started_from_the_browser_is_followed_at_once(
    own_engine: EngineProcess, extension: EdgeServerApp, jp_serverapp: Any, jp_fetch: Fetch, jp_ws_fetch: Fetch
) -> None:
    async with Bus().listening(jp_ws_fetch) as bus:
        await start(extension, jp_serverapp)
        await fetch(jp_fetch, "start", method="POST", body="{}", request_timeout=90)
        await eventually(lambda: bus.has(kind="all"))


async def test_jobs_and_rows_keep_the_server_awake_and_an_open_panel_does_not(
    engine: EngineProcess, extension: EdgeServerApp, jp_serverapp: Any, jp_fetch: Fetch, ask: Fetch
) -> None:
    await start(extension, jp_serverapp)
    scene = await asyncio.to_thread(make_scene, engine)
    await asyncio.to_thread(scene.deploy)
    await eventually(lambda: not extension.current_activity())

    def idle() -> timedelta:
        from jupyter_server._tz import utcnow

        since: timedelta = utcnow() - jp_serverapp.web_app.last_activity()
        return since

    async def quiet() -> None:
        await eventually(lambda: idle() > timedelta(seconds=1.5))

    await quiet()
    before = jp_serverapp.web_app.last_activity()
    await fetch(jp_fetch, "status")
    await ask("jobs/list")
    assert jp_serverapp.web_app.last_activity() == before
    await asyncio.to_thread(scene.infer)
    await eventually(lambda: jp_serverapp.web_app.last_activity() > before)


async def test_a_job_is_activity_for_as_long_as_it_takes(
    engine: EngineProcess, extension: EdgeServerApp, jp_serverapp: Any
) -> None:
    await start(extension, jp_serverapp)
    scene = await asyncio.to_thread(make_scene, engine)
    answer = await asyncio.to_thread(scene.start_deploy)
    job = int(answer.headers["Jupyter-Edge-Job"])
    await eventually(lambda: extension.current_activity() == [job])
    assert jp_serverapp.extension_manager.any_activity()
    await eventually(lambda: extension.current_activity() == [])
    assert not jp_serverapp.extension_manager.any_activity()

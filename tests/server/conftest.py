from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403 (fixtures for this folder alone, one of which all tests would use)
from tornado.httpclient import HTTPClientError, HTTPResponse

from jupyter_edge.server.app import EdgeServerApp
from tests.engine.process import EngineProcess, running_engine

Fetch: TypeAlias = Callable[..., Awaitable[HTTPResponse]]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """One engine for all tests that leave it running."""
    with running_engine(tmp_path_factory.mktemp("engine") / "home") as process:
        yield process


@pytest.fixture
def engine(running: EngineProcess, monkeypatch: pytest.MonkeyPatch) -> EngineProcess:
    """The engine that the Jupyter server of the test finds."""
    monkeypatch.setenv("JUPYTER_EDGE_HOME", str(running.home.path))
    return running


@pytest.fixture
def own_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineProcess]:
    """An engine, not started yet, in the home that the Jupyter server of the test finds."""
    from jupyter_edge.client.discovery import stop_engine

    process = EngineProcess(tmp_path / "home")
    monkeypatch.setenv("JUPYTER_EDGE_HOME", str(process.home.path))
    monkeypatch.setenv("JUPYTER_EDGE_PORT", "0")
    yield process
    if hasattr(process, "process") and process.process.poll() is None:
        process.kill()
    stop_engine(process.home)  # one that the server has started


@pytest.fixture
def edge_config() -> dict[str, Any]:
    """Options of the extension, for tests that need others."""
    return {}


@pytest.fixture  # type: ignore[no-redef]
def jp_server_config(edge_config: dict[str, Any]) -> dict[str, Any]:
    return {
        "ServerApp": {"jpserver_extensions": {"jupyter_edge": True}},
        "EdgeServerApp": edge_config,
    }


@dataclass(frozen=True)
class Place:
    """Where the Jupyter server of the test is, for tests that speak to it by sockets of their own."""

    port: int
    base_url: str
    token: str

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"token {self.token}"}


@pytest.fixture
def place(jp_serverapp: Any, http_server: object, jp_http_port: int, jp_base_url: str) -> Place:
    return Place(jp_http_port, jp_base_url, jp_serverapp.identity_provider.token)


@pytest.fixture
def extension(jp_serverapp: Any) -> EdgeServerApp:
    """The extension in the Jupyter server of the test."""
    (found,) = jp_serverapp.extension_manager.extension_apps["jupyter_edge"]
    assert isinstance(found, EdgeServerApp)
    return found


@pytest.fixture
def ask(jp_fetch: Fetch) -> Fetch:
    """Post JSON to an endpoint of the engine through the Jupyter server; an error is an answer, too."""

    async def ask(path: str, body: Any = None, **options: Any) -> HTTPResponse:
        content = json.dumps(body if body is not None else {})
        return await fetch(jp_fetch, "api/v1/api/" + path, method="POST", body=content, **options)

    return ask


async def fetch(jp_fetch: Fetch, path: str, **options: Any) -> HTTPResponse:
    """Return what the extension answers, errors among it."""
    try:
        return await jp_fetch("jupyter-edge", path, **options)
    except HTTPClientError as error:
        if error.response is None:
            raise
        return error.response


async def eventually(condition: Callable[[], object], seconds: float = 60) -> None:
    """Return once the condition holds, and let the server work meanwhile; fail if it does not in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, condition
        await asyncio.sleep(0.02)

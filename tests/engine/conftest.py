from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import jupyter_edge
from jupyter_edge.core.home import Home

SOURCE = Path(jupyter_edge.__file__).parents[1]


class EngineProcess:
    """A real engine of a home of its own: `url`, `token`, and `client` with both set."""

    def __init__(self, path: Path) -> None:
        self.home = Home(path)
        self.log_file = path.with_name(f"{path.name}.log")
        self.client = httpx.Client()

    def start(self, **environment: str) -> None:
        values = {"JUPYTER_EDGE_HOME": str(self.home.path), "JUPYTER_EDGE_PORT": "0", "PYTHONPATH": str(SOURCE)}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_edge.engine"],
                env=os.environ | values | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while (address := self.home.read_address()) is None or address.pid != self.process.pid:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(self.log())
            time.sleep(0.02)
        self.url, self.token = address.url, address.token
        self.client = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=60)

    def post(self, path: str, **body: Any) -> Any:
        """Return what an endpoint of `/v1/api` answers to a JSON body, which must be a success."""
        answer = self.client.post(f"/v1/api/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def stop(self) -> int:
        """End the engine as a user does, and return its exit status."""
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait(30)

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """One engine for all tests that leave it running; what they make must have names of its own."""
    process = EngineProcess(tmp_path_factory.mktemp("engine") / "home")
    process.start()
    yield process
    assert process.stop() == 0, process.log()


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[EngineProcess]:
    """An engine, not started yet, for a test that stops or kills it."""
    process = EngineProcess(tmp_path / "home")
    yield process
    if hasattr(process, "process") and process.process.poll() is None:
        process.kill()


@pytest.fixture
def new_name() -> Callable[[], str]:
    """Give a name that nothing has yet."""
    return lambda: f"n{uuid.uuid4().hex[:12]}"


@pytest.fixture
def workspace_id(engine: EngineProcess, new_name: Callable[[], str]) -> int:
    """Make a new workspace in the shared engine."""
    made: int = engine.post("workspaces/create", workspace_name=new_name())["workspace_id"]
    return made

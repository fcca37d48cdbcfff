from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

import jupyter_edge
from jupyter_edge.core.home import EngineAddress, Home

SOURCE = Path(jupyter_edge.__file__).parents[1]
MODEL = SOURCE / "jupyter_edge" / "samples" / "ccfraud.onnx"


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    """Return once the condition holds; fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, condition
        time.sleep(0.02)


class EngineProcess:
    """A real engine of a home of its own: `url`, `token`, and `client` with both set."""

    def __init__(self, path: Path) -> None:
        self.home = Home(path)
        self.log_file = path.with_name(f"{path.name}.log")
        self.client = httpx.Client()
        self.arguments: list[str] = []

    def start(self, *, under: Sequence[str] = (), **environment: str) -> None:
        """Start it and wait until it listens; `under` is a command that runs the one given to it in its own process."""
        values = {"JUPYTER_EDGE_HOME": str(self.home.path), "JUPYTER_EDGE_PORT": "0", "PYTHONPATH": str(SOURCE)}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*under, sys.executable, "-m", "jupyter_edge.engine", *self.arguments],
                env=os.environ | values | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for(lambda: self._address() or self.process.poll() is not None, 60)
        address = self._address()
        assert address, self.log()
        self.url, self.token = address.url, address.token
        self.client = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=60)

    def _address(self) -> EngineAddress | None:
        address = self.home.read_address()
        return address if address and address.pid == self.process.pid else None

    def post(self, path: str, **body: Any) -> Any:
        """Return what an endpoint of `/v1/api` answers to a JSON body, which must be a success."""
        answer = self.client.post(f"/v1/api/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def upload(
        self, name: str, workspace_id: int, content: bytes = MODEL.read_bytes(), /, **metadata: Any
    ) -> httpx.Response:
        """Upload a model file as clients do."""
        conversion: dict[str, Any] = {"framework": "onnx", "arch": None, "python_version": "3.8", "requirements": []}
        described = {"name": name, "visibility": "private", "workspace_id": workspace_id, "conversion": conversion}
        parts: list[tuple[str, tuple[str | None, str | bytes, str]]] = [
            ("metadata", (None, json.dumps(described | metadata), "application/json")),
            ("file", ("folder/model.onnx", content, "application/octet-stream")),
        ]
        return self.client.post("/v1/api/models/upload", files=parts)

    def add_model(self, name: str, workspace_id: int) -> int:
        """Upload the sample model, which must be a success, and return the id of the version."""
        answer = self.upload(name, workspace_id)
        assert answer.is_success, answer.text
        version_id: int = answer.json()["insert_models"]["returning"][0]["models"][0]["id"]
        return version_id

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


@contextmanager
def running_engine(path: Path) -> Iterator[EngineProcess]:
    """Run an engine of a home of its own, and see that it ends well."""
    process = EngineProcess(path)
    process.start()
    yield process
    assert process.stop() == 0, process.log()

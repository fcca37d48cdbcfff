from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from jupyter_edge.oci.blobs import BlobStore
from jupyter_edge.oci.registry import create_registry

USERNAME, PASSWORD = "edge", "pass:word-ü"
AUTHORIZATION = f"Basic {base64.b64encode(f'{USERNAME}:{PASSWORD}'.encode()).decode()}"


@dataclass
class RunningRegistry:
    host: str
    blobs: BlobStore
    root: Path

    @property
    def url(self) -> str:
        return f"http://{self.host}/v2"


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RunningRegistry]:
    store = BlobStore(tmp_path / "registry" / "blobs")
    root = tmp_path / "registry" / "repositories"
    app = create_registry(store, root, lambda username, password: (username, password) == (USERNAME, PASSWORD))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.005)
        yield RunningRegistry(f"127.0.0.1:{listener.getsockname()[1]}", store, root)
        server.should_exit = True
        thread.join(10)

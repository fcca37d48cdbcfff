from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from jupyter_edge.client import Client, Framework, Pipeline, Publish
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.core.home import Home
from jupyter_edge.samples import path
from tests.oci.conftest import docker_registry  # noqa: F401 (a fixture for the tests beside this file)

ROW = [{"tensor": [0.0] * 29}]


def until(condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """Return the first true value of ``condition``; fail if none comes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    pytest.fail(f"waited {seconds} s in vain: {what}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)


class Edge:
    """A `jupyter-edge serve` process with nothing of the engine's environment but what it is given."""

    def __init__(self, persist: Path, under: Sequence[str] = (), port: int = 0, **variables: str) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = persist.parent / f"{persist.name}-{self.port}.log"
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER_EDGE", "OCI_"))}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*under, sys.executable, "-m", "jupyter_edge.cli", "serve", "--port", str(self.port)],
                env=environ | {"JUPYTER_EDGE_PERSIST": str(persist)} | variables,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_until_ready(self) -> Edge:
        until(lambda: self.answers() or self.process.poll() is not None, "an edge that answers")
        assert self.process.poll() is None, self.said()
        return self

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/ready", timeout=5).ok
        except requests.ConnectionError:
            return False

    def infer(self) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/infer", json=ROW, timeout=10)
        answer.raise_for_status()
        row: dict[str, Any] = answer.json()[0]
        return row

    def said(self) -> str:
        return self.log.read_text()

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(30)


class Centre:
    """A real engine in a home of its own, with a published pipeline."""

    def __init__(self, home: Path) -> None:
        self.home = Home(home)
        self.client = Client()
        model = self.client.upload_model("ccfraud", path("ccfraud.onnx"), framework=Framework.ONNX)
        self.model = model.configure(tensor_fields=["tensor"])
        self.pipeline: Pipeline = self.client.build_pipeline("card-fraud").add_model_step(self.model)
        self.publish: Publish = self.pipeline.publish()
        self.sha = self.model.sha()

    def variables(self, publish: Publish | None = None) -> dict[str, str]:
        """What the printed command gives to an edge."""
        command = [sys.executable, "-m", "jupyter_edge.cli", "env", "--format", "json"]
        given = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        chosen = publish or self.publish
        variables = {name: given[name] for name in ("OCI_REGISTRY", "OCI_USERNAME", "OCI_PASSWORD")}
        return variables | {"PIPELINE_URL": str(chosen.pipeline_url)} | chosen.docker_run_variables

    def partitions(self) -> dict[str, int]:
        """How many rows each partition of the pipeline's log holds."""
        logs = self.pipeline.logs(limit=10_000, dataset=["time", "metadata"])
        return logs["metadata.partition"].value_counts().to_dict() if len(logs) else {}

    def engine_away(self) -> None:
        stop_engine(self.home)

    def engine_back(self) -> None:
        self.client = Client()

    @contextmanager
    def damaged(self, sha: str) -> Iterator[None]:
        """Flip a bit of a stored model for as long as the block lasts."""
        file = self.home.blobs / "sha256" / sha
        whole = file.read_bytes()
        file.chmod(0o600)
        flip_a_bit(file)
        try:
            yield
        finally:
            file.write_bytes(whole)


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    home = tmp_path_factory.mktemp("centre") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_EDGE_HOME", str(home))
        patch.setenv("JUPYTER_EDGE_PORT", str(free_port()))  # published addresses outlive a restart
        yield Centre(home)
        stop_engine(Home(home))


@pytest.fixture
def start_edge(tmp_path: Path) -> Iterator[Callable[..., Edge]]:
    """Start edges that are ended with the test; their persist folder is the test's own unless one is given."""
    edges: list[Edge] = []

    def start(*, persist: str = "persist", under: Sequence[str] = (), port: int = 0, **variables: str) -> Edge:
        edges.append(Edge(tmp_path / persist, under, port, **variables))
        return edges[-1]

    yield start
    for edge in edges:
        edge.end()

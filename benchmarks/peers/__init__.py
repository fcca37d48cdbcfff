"""Servers that others would pick, each in an environment of its own and in the way its own documentation recommends."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import Case, http_request
from benchmarks.rounds import Array

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / ".venv" / "peers"
_ONNX = "onnxruntime>=1.22,<2"
_QUIET = {
    "ORT_DISABLE_TELEMETRY": "1",
    "BENTOML_DO_NOT_TRACK": "True",
    "DO_NOT_TRACK": "1",
    "OTEL_SDK_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
}

Command = Callable[["Peer", Case, int, Path], list[str]]


@dataclass(frozen=True)
class Form:
    """How a case is asked for, and how the answer is read."""

    path: str
    body: Callable[[Case], bytes]
    values: Callable[[bytes], Array]
    head: Callable[[bytes], tuple[str, ...]] = lambda _: ()

    def request(self, case: Case) -> bytes:
        """Return the whole request."""
        body = self.body(case)
        return http_request(self.path, body, "application/json", "*/*", *self.head(body))


@dataclass(frozen=True)
class Peer:
    """A server of others: what pip installs, how it is started, and in which form it is asked."""

    name: str
    title: str
    requirements: tuple[str, ...]
    form: Form
    command: Command
    python: str = sys.executable

    @property
    def environment(self) -> Path:
        """Return where it is installed."""
        return ENVIRONMENTS / self.name

    @property
    def installed(self) -> bool:
        """Return whether it is."""
        return (self.environment / "installed").exists()

    @property
    def version(self) -> str:
        """Return which version is installed."""
        package = re.split(r"[<>=\[]", self.requirements[0])[0]
        (info,) = self.environment.glob(f"lib/python3*/site-packages/{package.replace('-', '_')}-*.dist-info")
        return info.stem.rpartition("-")[2]

    @property
    def megabytes(self) -> float:
        """Return the MB of its packages, without pip."""
        (packages,) = self.environment.glob("lib/python3*/site-packages")
        skipped = {"pip", "setuptools", "__pycache__"}
        files = (file for file in packages.rglob("*") if not skipped & {*file.relative_to(packages).parts})
        return sum(file.lstat().st_size for file in files if file.is_file()) / 1e6

    def program(self, name: str) -> str:
        """Return the path of a program in its environment."""
        return str(self.environment / "bin" / name)

    def variables(self, case: Case) -> dict[str, str]:
        """Return the environment variables of its process."""
        mine = {"MODEL": str(case.file), "THREADS": str(case.threads), "PYTHONPATH": str(HERE)}
        path = f"{self.environment / 'bin'}:{os.environ['PATH']}"
        return {**_QUIET, "PATH": path, "HOME": str(self.environment), **mine}


def _script(peer: Peer, case: Case, port: int, folder: Path) -> list[str]:
    script = HERE / f"serve_{peer.name}.py"
    return [peer.program("python"), str(script), str(case.file), str(port), str(case.threads)]


def _bentoml(peer: Peer, case: Case, port: int, folder: Path) -> list[str]:
    service = ["serve_bentoml:Model", "--working-dir", str(HERE)]
    return [peer.program("bentoml"), "serve", *service, "--host", "127.0.0.1", "--port", str(port)]


def _mlserver(peer: Peer, case: Case, port: int, folder: Path) -> list[str]:
    folder.mkdir(exist_ok=True)
    ports = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2}
    server = {"host": "127.0.0.1", "debug": False, "parallel_workers": 0, "metrics_endpoint": None, **ports}
    (folder / "settings.json").write_text(json.dumps(server))
    (folder / "model-settings.json").write_text(json.dumps({"name": "bench", "implementation": "serve_mlserver.Model"}))
    return [peer.program("mlserver"), "start", str(folder)]


def _plain(answer: bytes) -> Array:
    found: Any = json.loads(answer)
    return np.array(found["outputs"] if isinstance(found, dict) else found, np.float32)


def _open_inference(case: Case) -> bytes:
    tensor = {"name": "inputs", "shape": case.values.shape, "datatype": "FP32", "data": case.values.ravel().tolist()}
    return json.dumps({"id": "1", "inputs": [tensor]}, separators=(",", ":")).encode()


def _outputs(answer: bytes) -> Array:
    (output,) = json.loads(answer)["outputs"]
    return np.array(output["data"], np.float32).reshape(output["shape"])


PLAIN = Form(
    "/predict", lambda case: json.dumps({"inputs": case.values.tolist()}, separators=(",", ":")).encode(), _plain
)
OPEN = Form("/v2/models/bench/infer", _open_inference, _outputs)

PEERS = (
    Peer(
        "fastapi",
        "FastAPI",
        ("fastapi>=0.160,<1", "uvicorn[standard]>=0.34,<1", "numpy>=2.1,<3", _ONNX),
        PLAIN,
        _script,
    ),
    Peer("mlserver", "MLServer", ("mlserver>=1.7,<1.8", "uvloop<0.22", _ONNX), OPEN, _mlserver),
    Peer("bentoml", "BentoML", ("bentoml>=1.4,<1.5", _ONNX), PLAIN, _bentoml),
    Peer("litserve", "LitServe", ("litserve>=0.2.19,<0.3", "numpy>=2.1,<3", _ONNX), PLAIN, _script),
    Peer("kserve", "KServe", ("kserve>=0.21,<0.22", _ONNX), OPEN, _script),
    # Its wheel brings a Triton that embeds the Python 3.11 of Debian: its own, not that of pyenv.
    Peer("pytriton", "Triton (pytriton)", ("nvidia-pytriton>=0.7,<0.8", _ONNX), OPEN, _script, "/usr/bin/python3"),
)

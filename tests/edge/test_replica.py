from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from jupyter_edge.core.pipeline import ModelSpec, PipelineSpec
from jupyter_edge.core.schema import ModelSchema
from jupyter_edge.logs.spool_reader import SpoolReader
from jupyter_edge.oci.blobs import BlobStore
from jupyter_edge.samples import path
from tests.edge.load import Load, wait_until

TOKEN = {"Authorization": "Bearer t0ken"}
ROW = [{"tensor": [0.0] * 29}]


class Replica:
    """A replica process, and the engine's end of its pipes."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.blobs = BlobStore(folder / "blobs")
        with self.blobs.writer() as writer:
            writer.write(path("ccfraud.onnx").read_bytes())
            self.digest = writer.commit()
        schema = subprocess.run(
            [sys.executable, "-m", "jupyter_edge.runtime.inspect", str(path("ccfraud.onnx"))],
            check=True,
            capture_output=True,
        ).stdout
        model = ModelSpec(
            name="ccfraud",
            version="7af40d06-d18f-4b3f-9dd3-0a15248f01c8",
            sha=self.digest.removeprefix("sha256:"),
            size=self.blobs.size(self.digest),
            schema=ModelSchema.from_json(json.loads(schema)),
            tensor_fields=("tensor",),
        )
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.spool = folder / "spool.db"
        self.config = {
            "spec": PipelineSpec("card-fraud", "a5752acc", 1, (model,)).to_json(),
            "blobs": str(folder / "blobs"),
            "partition": "engine-1",
            "listen_fd": self.socket.fileno(),
            "cpus": 1.0,
            "memory": 900 * 2**20,
            "spool": str(self.spool),
            "quota": 1 << 30,
            "token": "t0ken",
        } | changes

    def start(self) -> dict[str, Any]:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_edge.edge.replica"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[self.socket.fileno()],
            text=True,
        )
        return self.ask(self.config)

    def ask(self, line: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Replica]:
    replica = Replica(tmp_path)
    yield replica
    if replica.process.poll() is None:
        replica.process.communicate(timeout=30)
    replica.socket.close()


def test_a_replica_says_that_it_is_ready_and_what_limits_hold(replica: Replica) -> None:
    answer = replica.start()
    assert answer["event"] == "ready"
    assert answer["limits"]


def test_rows_are_in_the_spool_once_a_flush_is_answered(replica: Replica) -> None:
    replica.start()
    answer = requests.post(f"{replica.url}/pipelines/card-fraud", json=ROW, headers=TOKEN, timeout=10)
    assert answer.json()[0]["metadata"]["partition"] == "engine-1"
    assert (
        requests.post(f"{replica.url}/pipelines/card-fraud", data=b"[{", headers=TOKEN, timeout=10).status_code == 400
    )
    assert replica.ask({"flush": 7}) == {"event": "flushed", "flush": 7, "requests": 2, "errors": 1}
    with SpoolReader(replica.spool) as spool:
        assert spool.backlog()[0] == 1


def test_a_log_that_nobody_takes_over_stays_within_its_quota(tmp_path: Path) -> None:
    quota, sent = 1 << 20, 100 * 200
    replica = Replica(tmp_path, quota=quota)
    replica.start()
    for _ in range(100):
        assert requests.post(f"{replica.url}/infer", json=ROW * 200, headers=TOKEN, timeout=10).ok
    replica.ask({"flush": 1})
    with SpoolReader(replica.spool) as spool:
        kept, lost = spool.backlog()[0], spool.dropped_rows()
    assert 0 < kept < sent == kept + lost
    files = tmp_path.glob(f"{replica.spool.name}*")
    assert sum(file.stat().st_size for file in files if not file.name.endswith(("-wal", "-shm"))) <= quota
    assert f" {lost}.0" in requests.get(f"{replica.url}/metrics", headers=TOKEN, timeout=10).text
    replica.process.communicate(timeout=30)
    replica.socket.close()


def test_a_replica_asks_for_the_token(replica: Replica) -> None:
    replica.start()
    assert requests.post(f"{replica.url}/infer", json=ROW, timeout=10).status_code == 401


def test_a_replica_ends_when_the_engine_is_gone(replica: Replica) -> None:
    replica.start()
    assert replica.process.stdin
    replica.process.stdin.close()
    assert replica.process.wait(30) == 0


def test_a_replica_that_is_terminated_loses_no_answer(replica: Replica) -> None:
    replica.start()
    with Load(replica.socket.getsockname()[1], clients=8) as load:
        wait_until(lambda: load.answered > 200)
        replica.process.terminate()
        assert replica.process.wait(30) == 0
        load.stop()
    assert load.errors == []
    with SpoolReader(replica.spool) as spool:
        assert spool.backlog()[0] == load.answered


def test_a_damaged_model_is_named_and_not_served(replica: Replica) -> None:
    model = replica.blobs.path(replica.digest)
    model.chmod(0o600)
    content = bytearray(model.read_bytes())
    content[100] ^= 1
    model.write_bytes(content)
    answer = replica.start()
    assert answer["event"] == "error"
    assert "ccfraud" in answer["message"]
    assert replica.digest in answer["message"]
    assert replica.process.wait(30) == 1


def test_a_model_that_does_not_fit_into_its_memory_is_an_error_with_a_reason(tmp_path: Path) -> None:
    replica = Replica(tmp_path, memory=8 * 2**20)
    answer = replica.start()
    assert answer["event"] == "error"
    assert "memory" in answer["message"]
    replica.socket.close()

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import psutil

from jupyter_edge.core.deployment import Limits
from jupyter_edge.core.pipeline import ModelSpec, PipelineSpec
from jupyter_edge.core.schema import ModelSchema
from jupyter_edge.core.secret import Secret
from jupyter_edge.engine import replicas
from jupyter_edge.engine.replicas import ReplicaSet, ReplicaSetup
from jupyter_edge.oci.blobs import BlobStore
from jupyter_edge.runtime import server
from jupyter_edge.samples import path
from tests.edge.load import Load

CLIENTS = 16


def setup_of(folder: Path, listening: socket.socket) -> ReplicaSetup:
    blobs = BlobStore(folder / "blobs")
    content = path("ccfraud.onnx").read_bytes()
    with blobs.writer() as writer:
        writer.write(content)
        writer.commit()
    sha = hashlib.sha256(content).hexdigest()
    model = ModelSpec("ccfraud", "1", sha, len(content), ModelSchema((), ()), tensor_fields=("tensor",))
    spec = PipelineSpec("line", "1", 1, (model,))
    return ReplicaSetup(
        spec=spec,
        limits=Limits(replicas=2),
        blobs=folder / "blobs",
        folder=folder,
        listen_fd=listening.fileno(),
        token=Secret("t0ken"),
        changed=lambda: None,
        counted=lambda *_: None,
    )


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.02)


def pids() -> set[int]:
    living = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    return {child.pid for child in living if "jupyter_edge.edge.replica" in child.cmdline()}


def test_a_replica_has_time_to_close_its_log_before_it_is_killed() -> None:
    assert server.DRAIN_SECONDS + 3 <= replicas._DRAIN_TIMEOUT


def test_a_replica_killed_under_load_costs_at_most_what_was_in_its_hands_and_comes_back(tmp_path: Path) -> None:
    async def load_and_kill(load: Load, started: ReplicaSet) -> None:
        await wait_for(lambda: load.answered > 300 and len(load.partitions) == 2)
        victim = min(pids())
        os.kill(victim, signal.SIGKILL)
        await wait_for(lambda: any(replica.restarts for replica in started.replicas))
        before = load.answered
        await wait_for(lambda: all(replica.status == "Running" for replica in started.replicas))
        await wait_for(lambda: load.answered > before + 300)
        await asyncio.to_thread(load.stop)
        with Load(load.port, CLIENTS, lifetime=20) as second:
            await wait_for(lambda: second.partitions == load.partitions)  # the one that came back is asked again
            await asyncio.to_thread(second.stop)
        assert not second.errors

    async def run() -> Load:
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
            started = ReplicaSet(setup_of(tmp_path, listening))
            await started.start()
            try:
                with Load(listening.getsockname()[1], CLIENTS, lifetime=20) as load:
                    await load_and_kill(load, started)
            finally:
                await started.stop()
            return load

    load = asyncio.run(run())
    assert len(load.errors) <= CLIENTS
    assert all("Reset" in error or "Disconnected" in error or "BrokenPipe" in error for error in load.errors)

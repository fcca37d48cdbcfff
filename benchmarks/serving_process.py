"""Serve one model on a socket that the parent opened.

Usage: python -m benchmarks.serving_process FILE FD THREADS [ECHO_LIMIT]
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import socket
import sys
from pathlib import Path

import uvloop

from jupyter_edge.core.pipeline import ModelSpec, PipelineSpec
from jupyter_edge.core.records import NoLog
from jupyter_edge.core.schema import ModelSchema
from jupyter_edge.runtime.allocator import keep_large_buffers
from jupyter_edge.runtime.handler import Handler
from jupyter_edge.runtime.pipeline import Pipeline
from jupyter_edge.runtime.server import serve


def load(path: Path, threads: int, tensor_fields: tuple[str, ...] | None = ("tensor",)) -> Pipeline:
    """Return a pipeline named ``bench`` of one model."""
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    model = ModelSpec(path.stem, "1", sha, path.stat().st_size, ModelSchema((), ()), tensor_fields)
    return Pipeline.load(PipelineSpec("bench", "1", 1, (model,)), lambda _: path, threads)


async def main() -> None:
    """Serve until SIGTERM."""
    keep_large_buffers()
    path, descriptor, threads, *echo = sys.argv[1:]
    handler = Handler(load(Path(path), int(threads)), NoLog(), "bench", None, int(echo[0]) if echo else None)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(handler, socket.socket(fileno=int(descriptor)), stop)


if __name__ == "__main__":
    uvloop.run(main())

"""Serve one model.

Usage: python -m benchmarks.serving_process FILE PORT THREADS [--log SPOOL]
"""

from __future__ import annotations

from jupyter_edge.core.loading import begin_loading, end_loading

if __name__ == "__main__":
    begin_loading()

import argparse
import asyncio
import hashlib
import signal
import socket
from pathlib import Path

import uvloop

from jupyter_edge.core.pipeline import ModelSpec, PipelineSpec
from jupyter_edge.core.records import NoLog
from jupyter_edge.core.schema import ModelSchema
from jupyter_edge.logs.spool import Spool
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
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("threads", type=int)
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()
    sink = Spool(options.log, "bench") if options.log else NoLog()
    handler = Handler(load(options.file, options.threads), sink, "bench", None, None)
    end_loading()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(handler, socket.create_server(("127.0.0.1", options.port)), stop)


if __name__ == "__main__":
    uvloop.run(main())

"""One replica of a deployment: `python -m jupyter_edge.edge.replica`, started by the engine.

It speaks JSON lines. The first line on stdin says what to run; ``{"event": "ready", "limits": [...]}`` or ``{"event":
"error", "message": "..."}`` on stdout answers it. Each later line ``{"flush": n}`` is answered by ``{"event":
"flushed", "flush": n, "requests": r, "errors": e}`` once all rows answered so far are committed, with how many
requests this process has answered and how many of them with an error; a last one, unasked, has no number. The end of
stdin, which comes also when the engine is killed, and SIGTERM drain the requests at work and end the process.
"""

from __future__ import annotations

from jupyter_edge.core.loading import begin_loading, end_loading

if __name__ == "__main__":
    begin_loading()

import asyncio
import json
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import uvloop

from jupyter_edge.core.errors import EdgeError
from jupyter_edge.core.pipeline import PipelineSpec
from jupyter_edge.core.secret import Secret
from jupyter_edge.edge.store import check_models
from jupyter_edge.logs.spool import Spool
from jupyter_edge.oci.blobs import BlobStore
from jupyter_edge.runtime.allocator import keep_large_buffers
from jupyter_edge.runtime.handler import Handler
from jupyter_edge.runtime.limits import apply_limits, thread_count
from jupyter_edge.runtime.pipeline import Pipeline
from jupyter_edge.runtime.server import serve


def main() -> int:
    """Run the replica until stdin ends; return the exit status."""
    engine = _take_stdout()
    config = json.loads(sys.stdin.readline())
    keep_large_buffers()
    try:
        limits = apply_limits(config["cpus"], config["memory"])
        blobs = BlobStore(Path(config["blobs"]))
        spec = PipelineSpec.from_json(config["spec"])
        check_models(spec, blobs)
        threads = thread_count(config["cpus"])
        pipeline = Pipeline.load(spec, lambda sha: blobs.path(f"sha256:{sha}"), threads)
    except EdgeError as error:
        _tell(engine, event="error", message=str(error))
        return 1
    except (MemoryError, ImportError):  # a library that finds no memory for its segments fails as an import
        message = f"The pipeline does not fit into its memory limit of {config['memory']} bytes: give it more memory."
        _tell(engine, event="error", message=message)
        return 1
    spool = Spool(Path(config["spool"]), config["partition"], config["quota"])
    handler = Handler(pipeline, spool, config["partition"], token=Secret(config["token"]), echo_limit=None)
    end_loading()
    try:
        uvloop.run(_serve(handler, spool, config["listen_fd"], engine, limits))
    finally:
        spool.close()
    return 0


async def _serve(handler: Handler, spool: Spool, listen_fd: int, engine: TextIO, limits: list[str]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def obey() -> None:
        for line in sys.stdin:
            turned = threading.Event()  # what the event loop has answered in this turn, it logs before the next
            loop.call_soon_threadsafe(turned.set)
            turned.wait()
            spool.flush()
            _tell_flushed(engine, handler, json.loads(line)["flush"])
        loop.call_soon_threadsafe(stop.set)

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    _tell(engine, event="ready", limits=limits)
    threading.Thread(target=obey, daemon=True).start()
    await serve(handler, socket.socket(fileno=listen_fd), stop)
    with suppress(OSError):  # the engine may be gone
        _tell_flushed(engine, handler, None)


def _take_stdout() -> TextIO:
    """Return stdout for the engine alone: whatever else prints goes to stderr, which the engine keeps in a file."""
    engine = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return engine


def _tell_flushed(engine: TextIO, handler: Handler, number: int | None) -> None:
    counted = handler.metrics
    _tell(engine, event="flushed", flush=number, requests=counted.requests, errors=counted.errors)


def _tell(engine: TextIO, **event: Any) -> None:
    engine.write(json.dumps(event) + "\n")
    engine.flush()


if __name__ == "__main__":
    sys.exit(main())

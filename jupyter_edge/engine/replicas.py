"""The processes that run a deployment's pipeline: started, watched, started again with back-off, drained."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from jupyter_edge.core.deployment import Limits
from jupyter_edge.core.errors import DeploymentError
from jupyter_edge.core.naming import new_instance_name
from jupyter_edge.core.pipeline import PipelineSpec
from jupyter_edge.core.secret import Secret

STARTUP_TIMEOUT = 45.0
_DRAIN_TIMEOUT = 30.0
_FLUSH_TIMEOUT = 5.0
SPOOL_BYTES = 4 << 30
"""What a replica's log may take until the engine takes it over; the oldest rows make room, and are counted."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 30.0
_STEADY = 60.0
_MAX_LINE = 1 << 20
_MAX_OUTPUT = 1 << 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReplicaSetup:
    """What each replica of a deployment is started with.

    ``listen_fd`` is the deployment's listening socket; ``folder`` takes the spool (``<partition>.db``) and the output
    (``<partition>.log``) of each replica; ``changed`` is called whenever a replica's status does, and
    ``counted`` with a replica's partition and how many more requests, and errors among them, it has answered.
    """

    spec: PipelineSpec
    limits: Limits
    blobs: Path
    folder: Path
    listen_fd: int
    token: Secret = field(repr=False)
    changed: Callable[[], None] = field(repr=False, compare=False)
    counted: Callable[[str, int, int], None] = field(repr=False, compare=False)

    def first_line(self, partition: str) -> bytes:
        """Return the line that tells a replica what to run."""
        config = {
            "spec": self.spec.to_json(),
            "blobs": str(self.blobs),
            "partition": partition,
            "listen_fd": self.listen_fd,
            "cpus": self.limits.cpus,
            "memory": self.limits.memory,
            "spool": str(self.folder / f"{partition}.db"),
            "quota": SPOOL_BYTES,
            "token": self.token.reveal(),
        }
        return _json_line(config)


class Replica:
    """One place in a deployment, held by one process at a time; the log partition belongs to the place.

    ``status`` is ``Pending`` until the process serves, then ``Running``; ``Error`` while a crashed one waits for its
    next start. ``ready`` is done once the first process serves, or has the reason why it does not.
    """

    def __init__(self, setup: ReplicaSetup) -> None:
        self.spec = setup.spec
        self.partition = new_instance_name()
        self.status = "Pending"
        self.restarts = 0
        self.last_error: str | None = None
        self.limits: list[str] = []
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._setup = setup
        self._output = _open_locked(setup.folder / f"{self.partition}.log")
        self._stopping = asyncio.Event()
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._message: str | None = None
        self._counted = (0, 0)
        self._flushes: dict[int, asyncio.Future[None]] = {}
        self._numbers = itertools.count()

    def start(self) -> None:
        """Start the process and keep it running until ``stop``."""
        self._task = asyncio.create_task(self._keep_running())

    async def flush(self) -> None:
        """Return once the rows answered so far are in the spool; a replica that does not answer is not waited for."""
        process = self._process
        if self.status != "Running" or process is None or process.stdin is None:
            return
        number = next(self._numbers)
        answer = self._flushes[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(_FLUSH_TIMEOUT):
                process.stdin.write(_json_line({"flush": number}))
                await process.stdin.drain()
                await answer
        except (TimeoutError, ConnectionError, RuntimeError):
            _log.warning("Replica %s did not flush its log in time: its newest rows are shown later.", self.partition)
        finally:
            self._flushes.pop(number, None)

    async def stop(self) -> None:
        """Let the process answer what it has accepted, then end it; one that never served is ended at once."""
        self._stopping.set()
        self._end_process()
        if self._task:
            await asyncio.wait({self._task}, timeout=_DRAIN_TIMEOUT)
            if not self._task.done():
                self._kill()
            await self._task
        self.give_up("It was stopped before it was up.")
        self._output.close()

    def give_up(self, reason: str) -> None:
        """Make who waits for ``ready`` fail with ``reason``, unless the replica is up already."""
        if not self.ready.done():
            self.ready.set_exception(DeploymentError(reason))
            self.ready.exception()  # counts as seen, also where nobody waits

    def last_line(self) -> str | None:
        """Return the last line that the process has written to its output, if any."""
        size = os.fstat(self._output.fileno()).st_size
        tail = os.pread(self._output.fileno(), 2000, max(0, size - 2000)).decode(errors="replace")
        return next((line.strip() for line in reversed(tail.splitlines()) if line.strip()), None)

    async def _keep_running(self) -> None:
        loop, pause = asyncio.get_running_loop(), _FIRST_PAUSE
        while not self._stopping.is_set():
            started = loop.time()
            self._message, self._counted = None, (0, 0)
            self._become("Pending")
            reason = await self._run_process()
            self._process = None
            if self._stopping.is_set():
                return
            self.last_error = reason
            self._become("Error")
            if not self.ready.done():
                self.give_up(reason)
                return
            self.restarts += 1
            pause = _FIRST_PAUSE if loop.time() - started > _STEADY else pause
            _log.warning("Replica %s ended: %s It is started again in %.1f s.", self.partition, reason, pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _run_process(self) -> str:
        """Run one process to its end and return why it ended."""
        if os.fstat(self._output.fileno()).st_size > _MAX_OUTPUT:
            os.ftruncate(self._output.fileno(), 0)
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "jupyter_edge.edge.replica"),
                stdin=PIPE,
                stdout=PIPE,
                stderr=self._output,
                pass_fds=(self._setup.listen_fd,),
                start_new_session=True,  # Ctrl-C at the engine must not end a replica before it has drained
                limit=_MAX_LINE,
            )
        except OSError as error:
            return f"The process could not be started ({error.strerror})."
        self._process = process
        with suppress(ConnectionError):
            _writer(process).write(self._setup.first_line(self.partition))
        if self._stopping.is_set():
            self._end_process()
        await self._follow(process)
        status = await process.wait()
        return self._message or self._reason(status)

    async def _follow(self, process: Process) -> None:
        """Take what the process says until it says no more."""
        try:
            async for line in cast("asyncio.StreamReader", process.stdout):
                self._take(json.loads(line))
        except (ValueError, KeyError) as error:
            self._message = f"It was ended because it wrote no event to its output ({error!r})."
            self._kill()
        for waiting in list(self._flushes.values()):
            self._answer(waiting)

    def _take(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "ready":
                self.limits = event["limits"]
                self._become("Running")
                if not self.ready.done():
                    self.ready.set_result(None)
            case "error":
                self._message = event["message"]
            case "flushed":
                self._count(event["requests"], event["errors"])
                self._answer(self._flushes.get(event["flush"]))

    def _count(self, requests: int, errors: int) -> None:
        before, self._counted = self._counted, (requests, errors)
        if requests > before[0]:
            self._setup.counted(self.partition, requests - before[0], errors - before[1])

    def _become(self, status: str) -> None:
        self.status = status
        self._setup.changed()

    def _answer(self, waiting: asyncio.Future[None] | None) -> None:
        if waiting and not waiting.done():
            waiting.set_result(None)

    def _reason(self, status: int) -> str:
        if status == -signal.SIGKILL:
            return "It was killed (SIGKILL), as the system does when memory runs out."
        if status < 0:
            return f"It was ended by {signal.Signals(-status).name}."
        line = self.last_line()
        return f"It ended with status {status}" + (f": {line}" if line else ".")

    def _end_process(self) -> None:
        if self._process is None:
            return
        if self.status == "Running":
            _writer(self._process).close()
        else:
            self._kill()

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()


class ReplicaSet:
    """All replicas of one deploy; they share the deployment's listening socket."""

    def __init__(self, setup: ReplicaSetup) -> None:
        self.setup = setup
        self.replicas = [Replica(setup) for _ in range(setup.limits.replicas)]

    async def start(self) -> None:
        """Start all replicas and return once each of them serves.

        Raises:
            DeploymentError: with the reason, if one cannot start, or is not up within ``STARTUP_TIMEOUT`` seconds.
        """
        for replica in self.replicas:
            replica.start()
        waiting = {replica.ready for replica in self.replicas}
        done, late = await asyncio.wait(waiting, timeout=STARTUP_TIMEOUT, return_when=asyncio.FIRST_EXCEPTION)
        failure = next((error for future in done if (error := future.exception())), None)
        if failure:
            raise failure
        if late:
            line = next((line for replica in self.replicas if (line := replica.last_line())), None)
            msg = f"{len(late)} of {len(waiting)} replicas were not up within {STARTUP_TIMEOUT:.0f} seconds."
            raise DeploymentError(f"{msg} The last thing said was: {line}" if line else msg)

    def give_up(self, reason: str) -> None:
        """Make a ``start`` that is under way fail with ``reason``."""
        for replica in self.replicas:
            replica.give_up(reason)

    async def flush(self) -> None:
        """Return once the rows that running replicas have answered are in their spools."""
        await asyncio.gather(*(replica.flush() for replica in self.replicas))

    async def stop(self) -> None:
        """Drain and end all replicas."""
        await asyncio.gather(*(replica.stop() for replica in self.replicas))


def has_ended(output: Path) -> bool:
    """Tell whether the replica with this output file writes nothing any more, in this engine's life or one before.

    The file is locked for as long as anybody has it open: the engine while the replica has its place, and the
    replica's process, also when the engine was killed.
    """
    try:
        with output.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open_locked(path: Path) -> BinaryIO:
    file = path.open("a+b", buffering=0)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _writer(process: Process) -> asyncio.StreamWriter:
    return cast("asyncio.StreamWriter", process.stdin)


def _json_line(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"

"""Servers in processes of their own: how they are started, what CPU and memory they use."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.rounds import Clock, Work
from benchmarks.traffic import Client, Visit

_DEADLINE = 120


@dataclass(frozen=True)
class Server:
    """A server at work on a port of 127.0.0.1; ``ready`` is the seconds from its start to its first answer."""

    port: int
    process: psutil.Process
    ready: float

    def tree(self) -> list[psutil.Process]:
        """Return the server's process and all below it."""
        return [self.process, *self.process.children(recursive=True)]

    def clock(self) -> Clock:
        """Return a clock of the CPU of all these processes, ended threads included, in milliseconds.

        The kernel has one for each process, exact to the nanosecond: clock_getcpuclockid(3).
        """
        clocks = [(~process.pid << 3) | 2 for process in self.tree()]
        return lambda: sum(time.clock_gettime_ns(clock) for clock in clocks) / 1e6

    def memory(self) -> float:
        """Return what these processes have in memory in MB; what several of them share counts once."""
        tree = self.tree()
        if len(tree) == 1:
            return float(self.process.memory_info().rss / 1e6)
        return float(sum(process.memory_full_info().pss for process in tree) / 1e6)

    def peak(self) -> float:
        """Return the most that the server's own process had in memory so far, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6

    def answering(self, request: bytes, count: int, clients: int = 1, *, paused: bool = False) -> Work:
        """Return the work of answering ``count`` requests from some clients; ``paused`` lets it sleep at other times.

        Some servers are busy also when idle, which would be to the harm of all others.
        """
        visit = Visit(self.port, request, count, clients)

        @contextlib.contextmanager
        def awake() -> Iterator[None]:
            self.signal(psutil.Process.resume)
            with visit.connected():
                yield
            self.signal(psutil.Process.suspend)

        return Work(visit.turn, self.clock(), awake if paused else visit.connected)

    def signal(self, send: Callable[[psutil.Process], None]) -> None:
        """Send a signal to all these processes."""
        for process in self.tree():
            send(process)


def first_answer(port: int, request: bytes, process: psutil.Process) -> bytes:
    """Send a request until it is answered; return the body."""
    deadline = time.monotonic() + _DEADLINE
    while True:
        try:
            return Client(port).send(request)
        except (OSError, RuntimeError) as error:  # not there yet, or there and not ready
            if process.status() == psutil.STATUS_ZOMBIE or time.monotonic() > deadline:
                raise TimeoutError(f"{process} gave no answer: {error}") from error
        time.sleep(0.005)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(
    command: Sequence[str], port: int, request: bytes, *, env: Mapping[str, str] | None = None, log: Path | None = None
) -> Iterator[Server]:
    """Start a server and wait for its first answer to a request; end it and all below it afterwards."""
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("w")) if log else None
        started = time.perf_counter()
        process = psutil.Popen(command, env=env, stdout=output, stderr=output, start_new_session=True)
        try:
            first_answer(port, request, process)
            yield Server(port, process, time.perf_counter() - started)
        finally:
            end(process)


def end(process: psutil.Popen) -> None:
    """Ask a process to end, and kill what is left of it and of all below it."""
    tree = [process, *process.children(recursive=True)] if process.is_running() else []
    for child in tree:
        child.resume()
    process.terminate()
    _, left = psutil.wait_procs(tree, 10)
    for child in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    process.wait()


@contextlib.contextmanager
def ours(model: Path, threads: int, request: bytes, spool: Path | None = None) -> Iterator[Server]:
    """Start this project's server, with a log in ``spool`` if one is named.

    Python may write bytecode, as it does at an edge: else it would compile at each start what was edited in a checkout.
    """
    port = free_port()
    more = ["--log", str(spool)] if spool else []
    command = [sys.executable, "-m", "benchmarks.serving_process", str(model), str(port), str(threads), *more]
    with running(command, port, request, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""}) as server:
        yield server

"""An edge as a process beside this one: the whole way from a notebook to an edge and back, on one machine."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from filelock import FileLock

from jupyter_edge.client import commands
from jupyter_edge.client.discovery import log_tail
from jupyter_edge.client.ensure import ensure_edge, find_edge, require_publish
from jupyter_edge.client.inference_target import InferenceTarget
from jupyter_edge.client.pipeline import Pipeline
from jupyter_edge.client.transport import error_of
from jupyter_edge.client.twins import Kinds, Twins
from jupyter_edge.core.errors import ConflictError, DeploymentError, EntityNotFoundError
from jupyter_edge.core.home import Home
from jupyter_edge.core.naming import check_name, listed
from jupyter_edge.display import Details, Listing
from jupyter_edge.display.twins import Command, get_open

if TYPE_CHECKING:
    from jupyter_edge.client.inference import Request
    from jupyter_edge.client.publish import Publish

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
# The edge runs in a process group of its own, which is interrupted, as by Ctrl-C in a terminal, when this process
# closes its end of the pipe: when it says stop, ends, or is killed. What bash itself says of its jobs is no output.
_LEASH = """set -m
{command} </dev/null & edge=$!
exec 2>/dev/null
{{ cat; kill -INT -- -$edge; }} >/dev/null 2>&1 & watch=$!
wait $edge; status=$?
kill -- -$watch 2>/dev/null
exit $status
"""
_running: dict[str, LocalEdge] = {}


class LocalEdge(InferenceTarget, Twins, Details):
    """A running edge of this process; it ends with ``stop()``, or with this process."""

    def __init__(  # noqa: PLR0913 (what an edge is)
        self, name: str, publish: Publish, port: int, command: str, log_file: Path, *, registered: bool
    ) -> None:
        self.name = name
        self._containers = publish._container_twins(name if registered else None)
        self.publish_id = publish.id
        self.pipeline_url = publish.pipeline_url
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log_file = log_file
        log_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with log_file.open("wb") as log:
            self._process = subprocess.Popen(
                ["bash", "-c", _LEASH.format(command=command)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Say whether the edge's process is there."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the edge, once it has sent what is left of its log; nothing happens where it has ended."""
        _running.pop(self.name, None)
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            msg = f"Edge {self.name} has not ended after {_STOP_SECONDS:.0f} s: see {self.log_file}."
            raise DeploymentError(msg) from None

    def wait(self) -> None:
        """Wait until the edge ends; end it where the user interrupts."""
        try:
            self._process.wait()
        finally:
            self.stop()

    def details(self) -> dict[str, object]:
        """Return the rows of the edge's table."""
        return {
            "name": self.name,
            "state": "running" if self.running else "ended",
            "url": self.url,
            "publish": self.publish_id,
            "log": self.log_file,
        }

    def __repr__(self) -> str:
        return f"LocalEdge(name={self.name!r}, url={self.url!r}, running={self.running})"

    def _send(self, request: Request, query: Sequence[tuple[str, str]], timeout: float | None) -> bytes:
        url, _ = self._address()
        with requests.Session() as session:
            session.trust_env = False
            try:
                response = session.post(url, request.body, params=list(query), headers=request.headers, timeout=timeout)
            except requests.RequestException as error:
                raise DeploymentError(f"Edge {self.name} does not answer: see {self.log_file}.") from error
        if not response.ok:
            raise error_of(response)
        return response.content

    def _address(self) -> tuple[str, dict[str, str]]:
        return f"{self.url}/infer", {}

    def _described(self) -> str:
        return f"edge {self.name}"

    def _twins(self) -> Kinds:
        url = f"{self.url}/pipelines"
        read: Kinds = {
            "curl": lambda: Command(get_open(url)),
            "python": lambda: Command(f"import requests\n\nprint(requests.get({url!r}, timeout=10).json())"),
        }
        return {**read, **self._containers}

    def wait_until_ready(self) -> LocalEdge:
        """Return the edge once it answers; end it if it does not come up."""
        deadline = time.monotonic() + _START_SECONDS
        try:
            while self.running and time.monotonic() < deadline:
                if self._serves() and _is_ready(self.url):
                    return self
                time.sleep(0.05)
        except KeyboardInterrupt:
            self.stop()
            raise
        self.stop()
        msg = f"Edge {self.name} did not start; the end of its output, {self.log_file}:\n{log_tail(self.log_file)}"
        raise DeploymentError(msg)

    def _serves(self) -> bool:
        """Say whether this edge has its port: another program that has it may answer there too."""
        return "Serving pipeline" in self.log_file.read_text(errors="replace")


def serve_here(
    pipeline: Pipeline,
    name: str | None = None,
    *,
    tags: Sequence[str] = (),
    publish: Publish | None = None,
    port: int | None = None,
) -> LocalEdge:
    """Serve a publish of a pipeline, the newest one if not given, beside this process; return it once it answers.

    Args:
        pipeline: a published pipeline.
        name: the edge to be, registered where it is not: its rows come home to the pipeline's log under this name.
            Without it the edge answers and sends nothing home.
        tags: of an edge that is still to be registered.
        publish: which publish to serve.
        port: where to listen; the first free one from 8080 up if not given.

    Raises:
        ConflictError: if an edge of this name joined from elsewhere, or another process runs it.
        DeploymentError: with the end of its output, if it does not come up.
    """
    publish = publish or require_publish(pipeline)
    known = check_name("edge", name) if name else f"{pipeline.name()}-{publish.id}"
    before = _running.get(known)
    if before is not None and _is_meant(before, pipeline, publish, name, port):
        return before
    if before is not None:
        before.stop()
    persist = Home().path / "edges" / (f"local-{known}" if name else f"unregistered-{known}")
    with FileLock(Path(tempfile.gettempdir()) / f"jupyter-edge-ports-{os.getuid()}.lock"):
        _require_free(known, persist)
        if name:
            publish = _joinable(pipeline, publish, name, tags, persist)
        port = port or _free_port()  # free until the edge has it: nobody else chooses meanwhile
        command = commands.serve_command(publish._published(), port, persist)
        edge = LocalEdge(known, publish, port, command, persist.with_suffix(".log"), registered=name is not None)
        edge.wait_until_ready()
    _running[known] = edge
    return edge


def local_edges() -> Listing[LocalEdge]:
    """Return the edges that this process runs."""
    edges = [edge for edge in _running.values() if edge.running]
    return Listing(edges, ["name", "state", "url", "publish", "log"], lambda edge: list(edge.details().values()))


def local_edge(name: str) -> LocalEdge:
    """Return an edge that this process runs.

    Raises:
        EntityNotFoundError: if there is none of this name, with the names that there are.
    """
    running = {edge.name: edge for edge in local_edges()}
    if name not in running:
        msg = f"No edge {name!r} runs here ({listed([*running]) or 'none does'}): serve its pipeline first."
        raise EntityNotFoundError(msg)
    return running[name]


def _is_meant(edge: LocalEdge, pipeline: Pipeline, publish: Publish, name: str | None, port: int | None) -> bool:
    """Say whether a running edge is what would be started; one that was removed is not: its rows cannot come home."""
    same = edge.running and edge.publish_id == publish.id and port in (None, edge.port)
    return same and (name is None or find_edge(pipeline, name) is not None)


def _require_free(name: str, persist: Path) -> None:
    """Refuse to start an edge whose folder an edge server holds: beside it, it would only end the other's log."""
    try:
        with (persist / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return
    except BlockingIOError:
        msg = f"Edge {name} runs already, in another notebook or process: stop it there, or take another name."
        raise ConflictError(msg) from None


def _joinable(pipeline: Pipeline, publish: Publish, name: str, tags: Sequence[str], persist: Path) -> Publish:
    """Return the publish with what lets the edge in: a new bundle, or none where its folder knows it already."""
    registered = ensure_edge(pipeline, name, tags, publish)
    if not registered.has_bundle and not (persist / "identity.json").exists():
        msg = (
            f"Edge {name} joined from elsewhere: take another name, or remove it first, so that it is registered anew."
        )
        raise ConflictError(msg)
    return registered.publish


def _free_port() -> int:
    for port in range(commands.PORT, commands.PORT + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    msg = f"No port from {commands.PORT} up is free: name one."
    raise ConflictError(msg)


def _is_ready(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(f"{url}/ready", timeout=5).ok
        except requests.RequestException:
            return False

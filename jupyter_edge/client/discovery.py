"""Find the engine of a home, start it where none runs, and stop it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import requests
from filelock import FileLock

from jupyter_edge.core.errors import EngineUnavailableError, InvalidInputError
from jupyter_edge.core.home import EngineAddress, Home
from jupyter_edge.core.hosts import is_loopback

START_SECONDS = 60.0
STOP_SECONDS = 30.0
_LOG_TAIL_BYTES = 4096
_LOG_TAIL_LINES = 15
_ENGINE_MODULE = "jupyter_edge.engine"


def locate_engine(url: str | None = None, token: str | None = None) -> EngineAddress:
    """Return the engine to talk to: the one named, or by JUPYTER_EDGE_URL, or this home's, started where needed.

    The ``pid`` of an engine that this home does not know is 0.
    """
    url = (url or os.environ.get("JUPYTER_EDGE_URL", "")).rstrip("/")
    if not url:
        return find_or_start_engine()
    token = token or os.environ.get("JUPYTER_EDGE_TOKEN", "")
    known = Home().read_address()
    if known and known.url == url and token in ("", known.token):
        return known
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        msg = f"{url!r} is not an engine's address: give it as http://host:port or https://host."
        raise InvalidInputError(msg)
    if not token:
        msg = (
            f"No token is given for the engine at {url}: set JUPYTER_EDGE_TOKEN as `jupyter-edge env` prints it there."
        )
        raise InvalidInputError(msg)
    if parts.scheme == "http" and not is_loopback(parts.netloc):
        warnings.warn(f"The engine's token goes to {url} without encryption: use https.", stacklevel=3)
    return EngineAddress(pid=0, url=url, token=token)


def find_engine(home: Home | None = None) -> EngineAddress | None:
    """Return the address of the engine that runs in a home and answers; ``None`` if there is none."""
    home = home or Home()
    address = home.read_address()
    if address is None or not is_running(address, home):
        return None
    return address if _is_healthy(address.url) else None


def is_running(address: EngineAddress, home: Home) -> bool:
    """Say whether the process that gave this address is still the home's engine."""
    return _holds(address.pid, home.engine_lock)


def find_or_start_engine(home: Home | None = None) -> EngineAddress:
    """Return the engine of a home; start it, detached from this process, where none runs.

    Callers that come at the same moment get the same engine.

    Raises:
        EngineUnavailableError: with the last lines of the engine's log, if it does not come up.
    """
    home = home or Home()
    address = find_engine(home)
    if address is not None:
        return address
    home.create()
    with FileLock(home.start_lock, timeout=START_SECONDS + STOP_SECONDS):
        return find_engine(home) or _start(home)


def stop_engine(home: Home | None = None) -> bool:
    """Stop the engine of a home and all that it started; return whether one ran.

    Raises:
        EngineUnavailableError: if the engine is still there after 30 seconds.
    """
    home = home or Home()
    address = home.read_address()
    if address is None or not is_running(address, home):
        return False
    process = psutil.Process(address.pid)
    process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    while not _has_ended(process):
        if time.monotonic() > deadline:
            msg = f"The engine (process {address.pid}) has not stopped after {STOP_SECONDS:.0f} s: see {home.log_file}."
            raise EngineUnavailableError(msg)
        time.sleep(0.02)
    return True


def _start(home: Home) -> EngineAddress:
    log_start = home.log_file.stat().st_size if home.log_file.exists() else 0
    handle = os.open(home.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", _ENGINE_MODULE],
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=subprocess.STDOUT,
            cwd=home.path,
            env={**os.environ, "JUPYTER_EDGE_HOME": str(home.path), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    finally:
        os.close(handle)
    deadline = time.monotonic() + START_SECONDS
    try:
        while process.poll() is None and time.monotonic() < deadline:
            address = find_engine(home)
            if address is not None:
                process.returncode = 0  # it outlives this process: a handle that nobody waited for would warn
                return address
            time.sleep(0.02)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    what = "did not start" if process.poll() is not None else f"does not answer after {START_SECONDS:.0f} s"
    msg = f"The engine {what}; the end of its log, {home.log_file}:\n{log_tail(home.log_file, log_start)}"
    raise EngineUnavailableError(msg)


def _holds(pid: int, lock: Path) -> bool:
    """Say whether a process is the engine that has this lock: its id may have gone to another, even another engine."""
    try:
        return any(Path(file.path) == lock.resolve() for file in psutil.Process(pid).open_files())
    except (psutil.NoSuchProcess, psutil.AccessDenied, ValueError):
        return False


def _has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE  # the notebook that started it does not wait for its end
    except psutil.NoSuchProcess:
        return True


def _is_healthy(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.get(f"{url}/v1/api/health", timeout=5, allow_redirects=False)
            return answer.ok and answer.json().get("status") == "ok"
        except (requests.RequestException, ValueError, AttributeError):
            return False


def log_tail(path: Path, start: int = 0) -> str:
    """Return the last lines that a process wrote into its log, from a byte of the file on."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(start, size - _LOG_TAIL_BYTES))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return "\n".join(lines[-_LOG_TAIL_LINES:]) or "(it wrote nothing)"

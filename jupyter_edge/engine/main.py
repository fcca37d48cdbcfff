"""The engine's process: one per home, on one port, until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import filelock
import uvicorn

from jupyter_edge.core.errors import ConflictError, EdgeError, InvalidInputError
from jupyter_edge.core.home import EngineAddress, Home
from jupyter_edge.core.hosts import is_loopback
from jupyter_edge.core.loading import end_loading
from jupyter_edge.engine.app import create_app
from jupyter_edge.engine.protocol import BoundedProtocol
from jupyter_edge.engine.state import EngineState, open_state

FIRST_PORT = 8790
_PORTS_TRIED = 200
_STOP_SECONDS = 3
_BACKLOG = 1024
_OPEN = (
    "The engine listens on %s, port %d, beyond this machine: whoever reaches it there and has the token or an edge's "
    "credential uses it, and all of them go over the wire unencrypted; put a proxy with TLS before it where you do not "
    "trust the network. Deployments' own ports stay on this machine; the engine forwards inference to them."
)
_log = logging.getLogger(__name__)


def main(host: str = "127.0.0.1") -> int:
    """Run the engine of the home that the environment names; return the process's exit status.

    Other hosts than loopback open the engine to everybody who can reach the machine and has the token.
    """
    os.umask(0o077)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("jupyter_edge").setLevel(logging.INFO)
    home = Home()
    try:
        home.create()
        with _locked(home):
            home.address_file.unlink(missing_ok=True)  # a killed engine's, whose process id may be another's by now
            _make_private(home)
            _serve(home, host, _bind(home, host))
    except EdgeError as error:
        print(f"jupyter-edge: {error}", file=sys.stderr)
        return 1
    return 0


def _exit(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


@contextmanager
def _locked(home: Home) -> Iterator[None]:
    try:
        with filelock.FileLock(home.engine_lock, timeout=0):
            yield
    except filelock.Timeout:
        address = home.read_address()
        where = f" at {address.url} (process {address.pid})" if address else ""
        msg = (
            f"An engine of the home {home.path} runs already{where}: use it, or stop it by `jupyter-edge engine stop`."
        )
        raise ConflictError(msg) from None


def _make_private(home: Home) -> None:
    home.path.chmod(0o700)
    for path in home.path.iterdir():
        if path.is_file() and not path.is_symlink():
            path.chmod(0o600)


def _bind(home: Home, host: str) -> socket.socket:
    """Return a socket listening on the port that was asked for, else the home's last one, else the first free one."""
    asked = os.environ.get("JUPYTER_EDGE_PORT")
    kept = home.port_file.read_text().strip() if home.port_file.exists() else None
    chosen = asked or kept
    if chosen is not None and not (chosen.isdecimal() and int(chosen) < 1 << 16):
        source = "JUPYTER_EDGE_PORT" if asked else str(home.port_file)
        msg = f"{source} says {chosen!r}, which is no port: give a number up to 65535."
        raise InvalidInputError(msg)
    _check_host(host)
    ports = [int(chosen)] if chosen is not None else range(FIRST_PORT, FIRST_PORT + _PORTS_TRIED)
    for port in ports:
        try:
            return _listening_socket(host, port)
        except OSError as error:
            reason = error.strerror
    if chosen is None:
        msg = f"No port from {FIRST_PORT} to {FIRST_PORT + _PORTS_TRIED - 1} is free: name one in JUPYTER_EDGE_PORT."
    elif asked:
        msg = f"The engine cannot listen on {host}, port {asked} ({reason}): name another one in JUPYTER_EDGE_PORT."
    else:
        msg = (
            f"The engine of {home.path} listened on port {kept} before, where its published addresses point, and now "
            f"cannot ({reason}): end the program that has the port, or name another one in JUPYTER_EDGE_PORT."
        )
    raise ConflictError(msg)


def _check_host(host: str) -> None:
    try:
        _listening_socket(host, 0).close()
    except OSError as error:
        msg = f"The engine cannot listen on {host!r} ({error.strerror}): give --host an address of this machine."
        raise InvalidInputError(msg) from None


def _listening_socket(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(_BACKLOG)  # at once: until one of them listens, two engines may be bound to the same port
    except BaseException:
        sock.close()
        raise
    return sock


class _Server(uvicorn.Server):
    """Tells clients where it listens once it does, and ends jobs before it waits for their requests to finish."""

    def __init__(self, config: uvicorn.Config, state: EngineState) -> None:
        super().__init__(config)
        self._state = state

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        end_loading()
        state = self._state
        state.home.write_address(EngineAddress(os.getpid(), state.url, state.credentials.token.reveal()))
        _log.info("The engine of %s listens at %s", state.home.path, state.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._state.home.address_file.unlink(missing_ok=True)
        self._state.deployments.refuse_work()
        self._state.jobs.cancel_all()
        self._state.events.close()
        await super().shutdown(sockets)
        _log.info("The engine has stopped")


def _serve(home: Home, host: str, sock: socket.socket) -> None:
    port = sock.getsockname()[1]
    home.port_file.write_text(f"{port}\n")
    bound = f"[{host}]" if ":" in host else host
    reached = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, bound)  # noqa: S104 (compared, not bound)
    if not is_loopback(bound):
        _log.warning(_OPEN, host, port)
    state = open_state(home, host, f"http://{reached}:{port}")
    config = uvicorn.Config(
        create_app(state),
        http=BoundedProtocol,
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    _Server(config, state).run([sock])

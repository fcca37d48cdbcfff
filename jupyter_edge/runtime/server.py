"""HTTP/1.1 for inference (RFC 9110 and 9112): one handler, one listening socket, as little as possible in between."""

from __future__ import annotations

import asyncio
import logging
import select
import socket

from jupyter_edge.runtime.connection import Connection, Shared
from jupyter_edge.runtime.exchange import Application
from jupyter_edge.runtime.request_reader import MAX_BODY

DRAIN_SECONDS = 25.0
"""How long requests that have begun are waited for: less than the 30 seconds after which a server is killed."""
_SWEEP_SECONDS = 1.0
_LOOK_SECONDS = 0.01

_log = logging.getLogger(__name__)


async def serve(handler: Application, sock: socket.socket, stop: asyncio.Event, *, max_body: int = MAX_BODY) -> None:
    """Answer requests on a listening socket until ``stop`` is set, then finish those that have begun.

    The socket may be shared with other processes; this process's handle of it is closed at the end, and so is the
    handler. A body of more than ``max_body`` bytes is refused with 413.
    """
    loop = asyncio.get_running_loop()
    shared = Shared(handler, max_body)
    server = await loop.create_server(lambda: Connection(shared), sock=sock, backlog=1024)
    sweeper = loop.create_task(_sweep(shared))
    try:
        await stop.wait()
    finally:
        shared.draining = True
        await _accept_waiting(sock)
        server.close()
        await _drain(shared)
        sweeper.cancel()
        handler.close()


async def _sweep(shared: Shared) -> None:
    """Drop, for ever, the connections whose clients keep us waiting for too long, or are gone."""
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        shared.heads.clear()
        for connection in list(shared.open):
            connection.check_progress()


async def _accept_waiting(sock: socket.socket) -> None:
    """Let the connections in that the system has already accepted: it resets them when the socket is closed."""
    deadline = asyncio.get_running_loop().time() + 1.0
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    while waiting.poll(0) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0)


async def _drain(shared: Shared) -> None:
    """Close idle connections, and the others once they are answered."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + DRAIN_SECONDS
    while shared.open and loop.time() < deadline:
        await asyncio.sleep(_LOOK_SECONDS)
        for connection in list(shared.open):
            connection.close_if_idle()
    for connection in list(shared.open):
        connection.abort()

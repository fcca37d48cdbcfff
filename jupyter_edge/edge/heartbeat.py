"""An edge's word to its engine, at a steady pace, that it is there and how it is.

``POST {engine}/v1/api/edges/heartbeat`` carries it as JSON; the engine answers ``{"next_seconds": <seconds>}``.
"""

from __future__ import annotations

import logging
import random
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_edge.core.secret import Secret
from jupyter_edge.core.version import VERSION
from jupyter_edge.edge.store import Identity
from jupyter_edge.logs.engine_session import RefusedError, open_engine_session, read_answer
from jupyter_edge.logs.spool_reader import SpoolReader

if TYPE_CHECKING:
    import requests

_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 10.0
_TIMEOUT = (3.0, 5.0)
_GOODBYE_SECONDS = 3.0


class Heartbeat:
    """A thread that tells the engine how the edge is, as often as the engine asks for, and says goodbye.

    Args:
        identity: of the edge, which has joined.
        spool_path: where rows wait that the engine has not acknowledged.
        pipeline_version: UUID of what the edge serves.
        began: when the edge started, by the monotonic clock.
    """

    def __init__(self, identity: Identity, spool_path: Path, pipeline_version: str, began: float) -> None:
        self._identity = identity
        self._spool = SpoolReader(spool_path)
        self._pipeline_version = pipeline_version
        self._began = began
        self._pause = _PAUSE_SECONDS
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye, unless that takes longer than an edge that ends can wait."""
        self._stop.set()
        self._thread.join(_GOODBYE_SECONDS)

    def _run(self) -> None:
        url, credential = self._identity.engine_url, Secret(self._identity.credential)
        stopping = False
        with self._spool, open_engine_session(url, credential) as session:
            while not stopping:
                stopping = self._stop.is_set()
                try:
                    self._beat(session, stopping=stopping)
                except RefusedError as error:
                    _log.error("The engine refuses this edge: %s It goes on serving.", error)
                    return
                except (sqlite3.Error, OSError) as error:
                    _log.debug("The engine does not hear this edge now (%s).", type(error).__name__)
                self._stop.wait(self._pause * random.uniform(0.9, 1.0))  # noqa: S311 (spreads edges, no secret)

    def _beat(self, session: requests.Session, *, stopping: bool) -> None:
        url = f"{self._identity.engine_url}/v1/api/edges/heartbeat"
        response = session.post(url, json=self._report(stopping=stopping), timeout=_TIMEOUT, allow_redirects=False)
        asked = read_answer(response).get("next_seconds")
        if isinstance(asked, int | float) and 0.1 <= asked <= 3600:
            self._pause = asked

    def _report(self, *, stopping: bool) -> dict[str, Any]:
        rows, size = self._spool.backlog()
        return {
            "agent_version": VERSION,
            "pipeline_version": self._pipeline_version,
            "uptime_seconds": time.monotonic() - self._began,
            "backlog_rows": rows,
            "backlog_bytes": size,
            "dropped_rows": self._spool.dropped_rows(),
            "stopping": stopping,
        }

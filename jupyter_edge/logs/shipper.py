"""Ship a spool to the engine: oldest rows first, exactly once, for ever.

One request, ``POST {url}/v1/api/edges/logs``, carries batches of one epoch: its body is their payloads one after the
other (an Arrow IPC stream marks its own end), and ``Jupyter-Edge-Sequence`` lists their numbers. The engine answers
``{"acknowledged": <last number>}`` once it has committed them, and drops those that it already had.
"""

from __future__ import annotations

import logging
import random
import sqlite3
import threading
import time
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_edge.core.secret import Secret
from jupyter_edge.logs.engine_session import RefusedError, open_engine_session, read_answer
from jupyter_edge.logs.spool_reader import Batch, SpoolReader

if TYPE_CHECKING:
    import requests

_log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
CONNECT_SECONDS = 5.0
_CONTENT_REFUSED = (400, 413, 422)


class _ContentError(Exception):
    """The engine will never take what it was sent."""


class Shipper:
    """A thread that ships a spool, whichever process writes it.

    Args:
        spool_path: the spool's file; it need not exist yet.
        url: the engine, such as ``https://engine:8790``.
        credential: what the edge got when it joined.
        longest_pause: seconds between attempts when the engine stays away.
        timeout: seconds to wait for the engine's answer.
    """

    def __init__(
        self, spool_path: Path, url: str, credential: Secret, *, longest_pause: float = 30.0, timeout: float = 30.0
    ) -> None:
        self._reader = SpoolReader(spool_path)
        self._url = f"{url.rstrip('/')}/v1/api/edges/logs"
        self._credential = credential
        self._longest_pause = longest_pause
        self._timeout = timeout
        self._failures = 0
        self._batch_limit = 256
        self._stop = threading.Event()
        self._deadline = float("inf")
        self._thread = threading.Thread(target=self._run, name="shipper", daemon=True)
        self.refusal: str | None = None
        """Why nothing is shipped any more, in the engine's words; ``None`` while all is well."""

    @property
    def backlog(self) -> tuple[int, int]:
        """Rows and bytes that the engine has not acknowledged."""
        return self._reader.backlog()

    def start(self) -> None:
        """Begin to ship."""
        self._thread.start()

    def stop(self, deadline: float) -> None:
        """Ship what is spooled for at most about ``deadline`` seconds, then end; the rest stays in the spool."""
        self._deadline = time.monotonic() + deadline
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(deadline + 1.0)

    def _run(self) -> None:
        with self._reader, open_engine_session(self._url, self._credential) as session:
            while time.monotonic() < self._deadline:
                try:
                    idle = not self._ship(session)
                except RefusedError as error:
                    _log.error("The engine refuses this edge's log: %s Rows are kept, and not sent any more.", error)
                    self.refusal = str(error)
                    return
                except (sqlite3.Error, OSError) as error:
                    if self._stop.is_set():
                        return
                    self._pause(error)
                    continue
                self._failures = 0
                if idle and self._stop.wait(POLL_SECONDS) and not self._reader.pending(1):
                    return

    def _pause(self, error: Exception) -> None:
        if not self._failures:
            _log.warning("The log cannot be shipped now (%s): it is tried again until it can.", type(error).__name__)
        pause = min(self._longest_pause, 0.25 * 2 ** min(self._failures, 16))
        self._failures += 1
        self._stop.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 (spreads edges over time, no secret)

    def _ship(self, session: requests.Session) -> bool:
        """Ship the oldest batches; return whether there were any."""
        pending = self._reader.pending(self._batch_limit)
        batches = list(takewhile(lambda batch: batch.epoch == pending[0].epoch, pending))
        if not batches:
            return False
        try:
            self._post(session, batches)
        except _ContentError as error:
            if len(batches) > 1:
                self._batch_limit = 1
                return True
            _log.error("The engine refuses %d rows of the log for ever, they are dropped: %s", batches[0].rows, error)
            self._reader.discard(batches[0])
        else:
            self._reader.acknowledge(batches[-1].position)
        self._batch_limit = 256
        return True

    def _post(self, session: requests.Session, batches: list[Batch]) -> None:
        headers = {
            "Content-Type": "application/vnd.apache.arrow.stream",
            "Jupyter-Edge-Epoch": batches[0].epoch,
            "Jupyter-Edge-Sequence": ",".join(str(batch.seq) for batch in batches),
            "Jupyter-Edge-Dropped-Rows": str(self._reader.dropped_rows()),
        }
        body = b"".join(batch.payload for batch in batches)
        remaining = max(0.1, self._deadline - time.monotonic())
        timeout = (min(CONNECT_SECONDS, remaining), min(self._timeout, remaining))
        response = session.post(self._url, data=body, headers=headers, timeout=timeout, allow_redirects=False)
        answer = read_answer(response)
        if response.status_code == 200 and answer.get("acknowledged") == batches[-1].seq:
            return
        # Only the engine's own words count: a gateway on the way may answer with any status.
        reason = answer.get("msg")
        if isinstance(reason, str) and response.status_code in _CONTENT_REFUSED:
            raise _ContentError(reason)
        msg = f"unexpected answer {response.status_code}"
        raise ConnectionError(msg)

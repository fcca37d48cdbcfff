"""The reading side of a spool: for whoever ships it, in the writer's process or another one."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from jupyter_edge.logs.spool_files import read_payload
from jupyter_edge.logs.spool_schema import bring_up_to_date, version_of


@dataclass(frozen=True)
class Batch:
    """Rows that were committed together; ``payload`` is an Arrow IPC stream, see ``logs.records``."""

    position: int
    partition: str
    epoch: str
    seq: int
    rows: int
    payload: bytes = field(repr=False)


class SpoolReader:
    """Reads a spool oldest first and removes what was taken over; a spool that nobody has written yet is empty.

    All methods raise ``sqlite3.Error`` where the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file: int | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; it is opened again when next needed."""
        with self._lock:
            self._disconnect()

    def pending(self, limit: int = 256, max_bytes: int = 4 << 20) -> list[Batch]:
        """Return the oldest batches: at least one if there is any, no more than ``limit``, about ``max_bytes``.

        Those whose payload a power cut took are removed, and their rows counted as dropped.
        """
        batches = []
        for row in self._execute(_PENDING, {"limit": limit, "max_bytes": max_bytes}):
            batch, (file, start, size) = Batch(*row[:6]), row[6:]
            payload = batch.payload if file is None else read_payload(self._path, file, start, size)
            if payload is None:
                self._give_up(batch.position)
            else:
                batches.append(replace(batch, payload=payload))
        return batches

    def newest(self) -> int:
        """Return the position of the newest batch; 0 if there is none."""
        found = self._execute("SELECT coalesce(max(position), 0) FROM batch", {})
        return int(found[0][0]) if found else 0

    def acknowledge(self, position: int) -> None:
        """Remove all batches up to and including ``position``: somebody else keeps them now."""
        self._execute("DELETE FROM batch WHERE position <= :position", {"position": position})

    def discard(self, batch: Batch) -> None:
        """Remove the oldest batch and count its rows as dropped."""
        self._execute("UPDATE total SET dropped = dropped + :rows", {"rows": batch.rows})
        self.acknowledge(batch.position)

    def _give_up(self, position: int) -> None:
        """Count a batch as dropped, unless it was removed meanwhile, and its payload with it."""
        rows = "(SELECT coalesce(sum(rows), 0) FROM batch WHERE position = :position)"
        for statement in (
            f"UPDATE total SET dropped = dropped + {rows}",  # noqa: S608 (nothing in it comes from outside)
            "DELETE FROM batch WHERE position = :position",
        ):
            self._execute(statement, {"position": position})

    def backlog(self) -> tuple[int, int]:
        """Return rows and bytes that wait to be taken over."""
        rows, size, _ = self._totals()
        return rows, size

    def dropped_rows(self) -> int:
        """Return how many rows were dropped or pruned since the file was made."""
        return self._totals()[2]

    def _totals(self) -> tuple[int, int, int]:
        found = self._execute("SELECT rows, bytes, dropped FROM total", {})
        return found[0] if found else (0, 0, 0)

    def _execute(self, statement: str, parameters: dict[str, int]) -> list[Any]:
        with self._lock:
            try:
                connection = self._connect()
                return connection.execute(statement, parameters).fetchall() if connection else []
            except sqlite3.Error:
                self._disconnect()
                raise

    def _connect(self) -> sqlite3.Connection | None:
        """Return the open file; open it again if the writer has begun a new one."""
        try:
            file = self._path.stat().st_ino
        except FileNotFoundError:
            file = None
        if file != self._file:
            self._disconnect()
            self._file = file
        if self._connection is None and file is not None:
            self._connection = _open(self._path)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


_PENDING = """
WITH RECURSIVE taken (position, bytes, number) AS (
    SELECT position, length(payload) + size, 1 FROM batch WHERE position = (SELECT min(position) FROM batch)
    UNION ALL
    SELECT batch.position, taken.bytes + length(batch.payload) + batch.size, taken.number + 1
    FROM taken JOIN batch ON batch.position = (SELECT min(position) FROM batch WHERE position > taken.position)
    WHERE taken.number < :limit AND taken.bytes + length(batch.payload) + batch.size <= :max_bytes
)
SELECT position, partition, epoch, seq, rows, payload, file, start, size FROM batch
WHERE position BETWEEN (SELECT min(position) FROM taken) AND (SELECT max(position) FROM taken) ORDER BY position
"""


def _open(path: Path) -> sqlite3.Connection | None:
    """Open a spool that a writer has made; ``None`` if it is not ready yet."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=30, isolation_level=None, check_same_thread=False
    )
    if version_of(connection) == 0:
        connection.close()
        return None
    bring_up_to_date(connection)
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection

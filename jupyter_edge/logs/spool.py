"""The spool: an append-only sequence of record batches, written by one thread, read by any process.

It is one SQLite file, and files beside it for large payloads.

A batch is named by (partition, epoch, seq). An epoch is a random id made each time that a spool is opened. That is
what makes SQLite's ``synchronous=NORMAL`` safe here: a power cut may take back the last commits although they were
shipped already, but new rows never reuse their names, so that the engine, which drops what it has, drops no new row.
A kill of the process takes back no commit at all.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from jupyter_edge.core.arrow_ipc import size_of as part_size
from jupyter_edge.core.records import InferenceRecord
from jupyter_edge.logs.records import MAX_PAYLOAD, Runs
from jupyter_edge.logs.spool_files import FILE_BYTES, LARGE, SYNC_SECONDS, PayloadFiles, files_of
from jupyter_edge.logs.spool_reader import SpoolReader
from jupyter_edge.logs.spool_schema import bring_up_to_date

_log = logging.getLogger(__name__)

GATHER_SECONDS = 0.075
"""How long rows wait for others to be committed with; with the commit itself it stays below the promised 100 ms."""

_HURRY_BYTES = MAX_PAYLOAD * 3 // 4  # leaves room in the payload for what comes until the writer is awake
_SAY_EVERY_SECONDS = 60.0
_DISK_RESERVE = 8 << 20
_BATCH_OVERHEAD = 8 << 10
_BATCHES_AT_ONCE = 4
_INSERT = """
INSERT INTO batch (position, partition, epoch, seq, rows, payload, file, start, size) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class _Payload:
    """A batch to be written."""

    def __init__(self, rows: int, parts: list[Any]) -> None:
        self.rows = rows
        self.parts = parts
        self.size = sum(map(part_size, parts))


class Spool:
    """Takes records off the request path and commits them in groups.

    Args:
        path: the SQLite file; made when the first record comes.
        partition: who writes: an edge's name, or the name of an engine instance.
        quota: bytes that the file may take; the oldest batches make room for new ones, and are counted as dropped.
        queue_bytes: bytes of records that may wait for the writer; what comes on top is dropped and counted.
    """

    def __init__(self, path: Path, partition: str, quota: int | None = None, *, queue_bytes: int = 32 << 20) -> None:
        self.path = path
        self._partition = partition
        self._quota = quota
        self._queue_bytes = queue_bytes
        self._epoch = secrets.token_hex(8)
        self._seq = 0
        self._payload_bytes = min(MAX_PAYLOAD, quota // 8) if quota else MAX_PAYLOAD
        self._queue = Runs(self._payload_bytes)
        self._appended = 0
        self._done = 0
        self._dropped = 0
        self._dropped_unsaved = 0
        self._dropped_said = 0
        self._say_next = 0.0
        self._closing = False
        self._connection: sqlite3.Connection | None = None
        self._files: PayloadFiles
        self._lock = threading.Lock()
        self._settled = threading.Condition(self._lock)
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._writer = threading.Thread(target=self._run, name="spool", daemon=True)
        self._writer.start()

    @property
    def dropped_rows(self) -> int:
        """Rows that this spool could not take, or gave up unshipped, since it was opened."""
        return self._dropped

    def backlog(self) -> int:
        """Return how many rows wait to be committed, or to be taken over by the engine; 0 of a file that is damaged."""
        with self._lock:
            queued = self._queue.rows
        try:
            with SpoolReader(self.path) as reader:
                return queued + reader.backlog()[0]
        except sqlite3.Error:
            return queued

    def append(self, record: InferenceRecord) -> None:
        """Queue a record; where the queue is full, or the record unusable, count it as dropped."""
        if not record.rows:
            return
        with self._lock:
            try:
                taken = not self._closing and self._queue.append(record, self._queue_bytes)
            except Exception:  # noqa: BLE001 (an inference never fails of its log)
                _log.warning("A record cannot be encoded for the inference log", exc_info=True)
                taken = False
            if not taken:
                self._drop(record.rows)
                return
            self._appended += 1
            hurry = self._queue.size > _HURRY_BYTES
        if hurry:
            self._hurry.set()
        if not self._wake.is_set():
            self._wake.set()

    def flush(self) -> None:
        """Return once everything appended before the call is committed, or counted as dropped."""
        with self._settled:
            target = self._appended
            self._hurry.set()
            self._wake.set()
            self._settled.wait_for(lambda: self._done >= target)

    def close(self) -> None:
        """Commit what is queued and end the writer; what is appended later is counted as dropped."""
        with self._lock:
            self._closing = True
        self._hurry.set()
        self._wake.set()
        self._writer.join()

    def _drop(self, rows: int) -> None:
        self._dropped += rows
        self._dropped_unsaved += rows

    def _run(self) -> None:
        closing = False
        while not closing:
            if not self._wake.wait(SYNC_SECONDS):
                self._settle_files()
                self._wake.wait()
            self._hurry.wait(GATHER_SECONDS)
            with self._lock:
                closing = self._closing
                runs, self._queue = self._queue, Runs(self._payload_bytes)
                taken = self._appended
                self._wake.clear()
                self._hurry.clear()
            self._commit(runs)
            with self._settled:
                self._done = taken
                self._settled.notify_all()
        self._settle_files()
        self._disconnect()

    def _settle_files(self) -> None:
        """Make large payloads last that nobody has taken over, also those of a process that was killed."""
        if not any(files_of(self.path)):
            return
        try:
            connection = self._connect()
            self._files.free_before(_first_file(connection))
            self._files.sync(0)
            self._files.remove_spares()
        except (sqlite3.Error, OSError) as error:
            _log.debug("The payloads of the spool %s cannot be synced: %s", self.path, error)
            self._disconnect()

    def _commit(self, runs: Runs) -> None:
        batches = []
        for rows, parts in runs.encode():
            if parts is not None:
                batches.append(_Payload(rows, parts))
                continue
            with self._lock:
                self._drop(rows)
        if not batches and not self._dropped_unsaved:
            return
        for start in range(0, max(1, len(batches)), _BATCHES_AT_ONCE):
            self._try_to_write(batches[start : start + _BATCHES_AT_ONCE])
        self._say_dropped()

    def _try_to_write(self, batches: list[_Payload]) -> None:
        try:
            self._write(batches)
        except (sqlite3.Error, OSError) as error:
            _log.debug("The spool %s cannot be written: %s", self.path, error)
            self._disconnect()
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CORRUPT:
                _put_aside(self.path, error)
            with self._lock:
                self._drop(sum(batch.rows for batch in batches))

    def _say_dropped(self) -> None:
        now = time.monotonic()
        if self._dropped > self._dropped_said and now >= self._say_next:
            _log.warning(
                "The inference log of %s lost %d rows since its start: inference is faster than the disk, the disk is "
                "full, or the quota is used up by rows that wait to be shipped.",
                self._partition,
                self._dropped,
            )
            self._dropped_said, self._say_next = self._dropped, now + _SAY_EVERY_SECONDS

    def _write(self, batches: list[_Payload]) -> None:
        connection = self._connect()
        self._files.free_before(_first_file(connection))
        self._files.sync(SYNC_SECONDS)
        self._check_space(sum(batch.size for batch in batches))
        connection.execute("BEGIN IMMEDIATE")
        seq, pruned, last = self._seq, 0, _last_position(connection)
        for batch in batches:
            pruned += self._make_room(connection, batch.size)
            if not self._fits(connection, batch.size):
                pruned += batch.rows
                continue
            seq, last = seq + 1, last + 1
            self._insert(connection, last, seq, batch)
        unsaved = self._dropped_unsaved
        if pruned + unsaved:
            connection.execute("UPDATE total SET dropped = dropped + ?", (pruned + unsaved,))
        connection.execute("COMMIT")
        self._seq = seq
        with self._lock:
            self._dropped += pruned
            self._dropped_unsaved -= unsaved
        if pruned:
            self._files.free_before(_first_file(connection))
            self._files.remove_spares()

    def _check_space(self, size: int) -> None:
        """Leave room on the disk, without which SQLite could not even remove what was shipped."""
        needed = size + _DISK_RESERVE
        if _free_bytes(self.path.parent) < needed:
            self._files.remove_spares()
        if _free_bytes(self.path.parent) < needed:
            raise OSError(errno.ENOSPC, "The disk is nearly full", str(self.path))

    def _insert(self, connection: sqlite3.Connection, position: int, seq: int, batch: _Payload) -> None:
        names = (position, self._partition, self._epoch, seq, batch.rows)
        if batch.size < LARGE:
            place: tuple[Any, ...] = (b"".join(batch.parts), None, 0, 0)
        else:
            # No file is ever named by this position again: a reader that comes late finds no other rows under it.
            place = (b"", *self._files.append(batch.parts, batch.size, position), batch.size)
        connection.execute(_INSERT, names + place)

    def _fits(self, connection: sqlite3.Connection, size: int) -> bool:
        if not self._quota:
            return True
        used = _used(connection) + self._files.used(_first_file(connection))
        return used + size + _BATCH_OVERHEAD <= self._quota

    def _make_room(self, connection: sqlite3.Connection, size: int) -> int:
        """Delete the oldest batches until ``size`` bytes fit into the quota; return how many rows went."""
        pruned = 0
        if not self._fits(connection, size):
            self._files.remove_spares()
        while not self._fits(connection, size):
            oldest = "DELETE FROM batch WHERE position = (SELECT min(position) FROM batch) RETURNING rows"
            found = connection.execute(oldest).fetchall()
            if not found:
                break
            pruned += found[0][0]
        return pruned

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = _open(self.path)
            self._files = PayloadFiles(self.path, min(FILE_BYTES, self._quota // 8) if self._quota else FILE_BYTES)
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._files.close()


def _free_bytes(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def _used(connection: sqlite3.Connection) -> int:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)


def _last_position(connection: sqlite3.Connection) -> int:
    """Return the position of the last batch that ever was."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'batch'").fetchone()
    return int(found[0]) if found else 0


def _first_file(connection: sqlite3.Connection) -> int | None:
    """Return the number of the first file that a batch names."""
    found: int | None = connection.execute("SELECT min(file) FROM batch WHERE file IS NOT NULL").fetchone()[0]
    return found


def _open(path: Path) -> sqlite3.Connection:
    """Open or make a spool file; a damaged one is put aside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _prepare(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        _put_aside(path, error)
        return _prepare(path)


def _put_aside(path: Path, error: Exception) -> None:
    """Keep a damaged file, which may still be repaired, under another name."""
    aside = path.with_name(f"{path.name}.damaged-{secrets.token_hex(4)}")
    _log.error("The spool %s is damaged (%s): it is kept as %s, and a new one begun.", path, error, aside)
    for suffix in ("-wal", "-shm", ""):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.rename(aside.with_name(aside.name + suffix))
    for number, file in files_of(path):
        file.rename(f"{aside}.{number}")


def _prepare(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        path.chmod(0o600)
        connection.execute("PRAGMA page_size=4096")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint=256")
        connection.execute("PRAGMA journal_size_limit=1048576")
        bring_up_to_date(connection)
    except BaseException:
        connection.close()
        raise
    return connection

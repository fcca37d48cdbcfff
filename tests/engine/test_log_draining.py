"""What the engine takes over of a replica's spool."""

from __future__ import annotations

import threading
from pathlib import Path

from jupyter_edge.engine.log_store import LogStore
from jupyter_edge.logs.spool import Spool
from tests.engine.log_helpers import PIPELINE
from tests.engine.test_log_store import numbers, query
from tests.logs.helpers import record


def test_a_replicas_spool_is_drained_once(store: LogStore, tmp_path: Path) -> None:
    for opening in range(2):
        spool = Spool(tmp_path / "spool.db", "engine-1")
        for number in range(5):
            spool.append(record(10 * opening + number))
            spool.flush()
        spool.close()
    drains = [threading.Thread(target=store.drain, args=(tmp_path / "spool.db", PIPELINE)) for _ in range(3)]
    for thread in drains:
        thread.start()
    for thread in drains:
        thread.join()
    assert numbers(store.read(query())) == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
    assert store.drain(tmp_path / "spool.db", PIPELINE) == 0
    assert store.drain(tmp_path / "nothing.db", PIPELINE) == 0


def test_draining_ends_however_fast_rows_come_and_when_it_is_to(store: LogStore, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", "engine-1")
    coming = iter(range(100))

    def write_one() -> bool:
        spool.append(record(next(coming)))
        spool.flush()
        return True

    write_one()
    assert store.drain(spool.path, PIPELINE, lambda: False) == 0
    assert store.drain(spool.path, PIPELINE, write_one) > 0
    spool.close()
    store.drain(spool.path, PIPELINE)
    assert numbers(store.read(query())) == list(range(next(coming)))

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

from jupyter_edge.logs import spool_files
from jupyter_edge.logs.records import encode
from jupyter_edge.logs.spool import Spool
from jupyter_edge.logs.spool_reader import SpoolReader
from tests.logs.helpers import numbers, record, wait_until

ROOT = Path(__file__).parents[2]


def test_flush_commits_everything_appended_before(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", "p")
    for number in range(50):
        spool.append(record(number))
    spool.flush()
    assert numbers(spool.path) == list(range(50))
    spool.close()


def test_rows_are_committed_without_a_flush(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", "p")
    spool.append(record(7))
    wait_until(lambda: numbers(spool.path) == [7])
    spool.close()


def test_close_commits_what_is_queued_and_later_rows_are_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", "p")
    spool.append(record(1))
    spool.close()
    spool.append(record(2, 3))
    spool.flush()
    assert numbers(spool.path) == [1]
    assert spool.dropped_rows == 3


def test_batches_are_numbered_within_an_epoch_and_each_opening_is_a_new_one(tmp_path: Path) -> None:
    for first in (0, 2):
        spool = Spool(tmp_path / "spool.db", "edge-1")
        for number in (first, first + 1):
            spool.append(record(number))
            spool.flush()
        spool.close()
    with SpoolReader(tmp_path / "spool.db") as reader:
        batches = reader.pending()
        assert [batch.seq for batch in batches] == [1, 2, 1, 2]
        assert len({batch.epoch for batch in batches}) == 2
        assert {batch.partition for batch in batches} == {"edge-1"}
        assert [batch.position for batch in batches] == sorted(batch.position for batch in batches)


def test_what_is_acknowledged_is_gone_and_its_position_is_never_used_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", "p")
    with SpoolReader(spool.path) as reader:
        for number in range(3):
            spool.append(record(number))
            spool.flush()
        first, second, _ = reader.pending()
        assert reader.pending(1) == [first]
        assert reader.pending(10, len(first.payload)) == [first]
        reader.acknowledge(second.position)
        assert reader.backlog()[0] == 1
        reader.acknowledge(reader.pending()[-1].position)
        assert reader.backlog() == (0, 0)
        spool.append(record(3))
        spool.flush()
        assert reader.pending()[0].position == 4
        reader.discard(reader.pending()[0])
        assert (reader.backlog(), reader.dropped_rows()) == ((0, 0), 1)
    spool.close()


def test_a_spool_that_nobody_has_written_is_empty(tmp_path: Path) -> None:
    with SpoolReader(tmp_path / "spool.db") as reader:
        assert (reader.pending(), reader.backlog(), reader.dropped_rows()) == ([], (0, 0), 0)
        reader.acknowledge(5)
        spool = Spool(tmp_path / "spool.db", "p")
        assert reader.pending() == []
        spool.append(record(1))
        spool.flush()
        assert len(reader.pending()) == 1
    spool.close()
    assert (tmp_path / "spool.db").stat().st_mode & 0o077 == 0


def test_append_does_not_wait_for_the_disk_and_counts_what_it_cannot_queue(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", "p", queue_bytes=10_000)
    spool.append(record(0))
    spool.flush()
    blocker = sqlite3.connect(spool.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    for number in range(1, 2001):
        spool.append(record(number))
    dropped = spool.dropped_rows
    assert dropped > 0
    blocker.execute("ROLLBACK")
    blocker.close()
    spool.flush()
    stored = numbers(spool.path)
    assert len(stored) + dropped == 2001
    assert stored == sorted(stored)
    spool.append(record(3000))
    spool.flush()
    with SpoolReader(spool.path) as reader:
        assert reader.dropped_rows() == dropped
    assert numbers(spool.path)[-1] == 3000
    spool.close()


def test_the_oldest_rows_make_room_within_the_quota_and_are_counted(tmp_path: Path) -> None:
    quota = 1 << 20
    spool = Spool(tmp_path / "spool.db", "p", quota)
    for number in range(200):
        spool.append(record(number, width=5000))
        spool.flush()
    stored = numbers(spool.path)
    assert stored == list(range(200 - len(stored), 200))
    assert 20 < len(stored) < 60
    assert spool.dropped_rows == 200 - len(stored)
    with SpoolReader(spool.path) as reader:
        assert reader.dropped_rows() == spool.dropped_rows
    assert spool.path.stat().st_size <= quota
    spool.append(record(200, width=quota))
    spool.flush()
    assert 200 not in numbers(spool.path)
    assert spool.dropped_rows >= 200 - len(stored) + 1
    spool.close()


def test_a_record_that_cannot_be_encoded_costs_no_other_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = Spool(tmp_path / "spool.db", "p")
    spool.append(record(0))
    spool.append(record(1, outputs={"number": np.zeros((5, 1), np.int64)}))
    spool.append(record(2, inputs=None))
    spool.append(record(3, inputs={"\ud800": np.zeros((1, 3), np.float32)}))
    spool.append(record(4, inputs={"text": ["\ud800"]}))
    spool.append(record(5, inputs={"text": ["a"]}))
    spool.append(record(6))
    spool.flush()
    assert numbers(spool.path) == [0, 5, 6]
    assert spool.dropped_rows == 4
    assert "cannot be encoded" in caplog.text
    spool.close()


@pytest.mark.parametrize("damage", ["header", "inside"])
def test_a_damaged_file_is_put_aside_and_a_new_one_begun(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "spool.db"
    spool = Spool(path, "p")
    for number in range(30):
        spool.append(record(number, width=3000))
    spool.close()
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[:100] = b"\xff" * 100
    else:
        content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    path.with_name(f"spool.db.77.{spool_files._boot}").write_bytes(b"not synced yet")
    path.with_name("spool.db.78.another-boot").write_bytes(b"never synced")
    spool = Spool(path, "p")
    for number in range(100, 110):
        spool.append(record(number))
        spool.flush()
    stored = numbers(path)
    assert stored == list(range(110 - len(stored), 110))
    assert len(stored) >= 9
    (kept,) = [file for file in tmp_path.glob("spool.db.damaged-*") if file.name.count(".") == 2]
    assert kept.read_bytes() == content
    assert kept.with_name(f"{kept.name}.1").stat().st_size > 30 * 3000 * 4
    assert kept.with_name(f"{kept.name}.77").read_bytes() == b"not synced yet"
    assert not path.with_name("spool.db.77").exists()
    spool.close()


@pytest.mark.parametrize("width", [3, 10_000])
def test_kill_9_takes_back_no_commit_and_leaves_no_duplicate(tmp_path: Path, width: int) -> None:
    path = tmp_path / "spool.db"
    first, promised = 0, []
    for round_ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.logs.writer_process", str(path), str(first), "2", str(width)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        last = [int(process.stdout.readline()) for _ in range(3 + round_)][-1]
        process.kill()
        last = int((process.stdout.read().split() or [str(last)])[-1])
        process.wait()
        promised += list(range(first, last + 1))
        first += 1_000_000
    stored = numbers(path)
    assert len(stored) == len(set(stored))
    assert stored == sorted(stored)
    assert set(promised) <= set(stored)
    with SpoolReader(path) as reader:
        names = [(batch.epoch, batch.seq) for batch in reader.pending(10_000, 1 << 30)]
    assert len(set(names)) == len(names)
    assert len({epoch for epoch, _ in names}) == 3


def test_a_full_disk_costs_rows_and_nothing_else_until_space_returns(tmp_path: Path) -> None:
    script = """
        import resource, sys, time
        from pathlib import Path
        from tests.logs.helpers import record
        from jupyter_edge.logs.spool import Spool
        from jupyter_edge.logs.spool_reader import SpoolReader

        spool = Spool(Path(sys.argv[1]), "p")
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
        for number in range(100):
            spool.append(record(number, width=5000))
            spool.flush()
        full = spool.dropped_rows
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        for number in range(100, 110):
            spool.append(record(number, width=5000))
            spool.flush()
        spool.close()
        with SpoolReader(Path(sys.argv[1])) as reader:
            print(full, spool.dropped_rows, reader.dropped_rows())
    """
    path = tmp_path / "spool.db"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    full, dropped, saved = map(int, done.stdout.split())
    stored = numbers(path)
    assert 0 < full < 100
    assert full == dropped == saved
    assert len(stored) == 110 - dropped
    assert stored[-10:] == list(range(100, 110))
    assert "lost" in done.stderr


def test_records_of_many_threads_are_all_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", "p")

    def append(start: int) -> None:
        for number in range(start, start + 100):
            spool.append(record(number))

    threads = [threading.Thread(target=append, args=(1000 * index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.flush()
    stored = numbers(spool.path)
    assert sorted(stored) == sorted(1000 * index + number for index in range(8) for number in range(100))
    for index in range(8):
        own = [number for number in stored if number // 1000 == index]
        assert own == sorted(own)
    spool.close()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="mounts a small tmpfs")
@pytest.mark.parametrize(("width", "last_width"), [(5000, 5000), (20_000, 200_000)])
def test_a_disk_filled_by_the_spool_itself_is_freed_by_acknowledging(
    tmp_path: Path, width: int, last_width: int
) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", tmp_path], check=False).returncode:
        pytest.skip("may not mount here")
    try:
        spool = Spool(tmp_path / "spool.db", "p")
        number = 0
        while not spool.dropped_rows:
            spool.append(record(number, width=width))
            spool.flush()
            number += 1
        with SpoolReader(spool.path) as reader:
            while reader.backlog()[0]:
                reader.acknowledge(reader.pending(4)[-1].position)
        dropped = spool.dropped_rows
        spool.append(record(number, width=last_width))
        spool.flush()
        assert numbers(spool.path) == [number]
        assert spool.dropped_rows == dropped
        spool.close()
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.parametrize("first", ["reader", "writer"])
def test_rows_in_a_spool_of_the_first_version_are_kept(tmp_path: Path, first: str) -> None:
    ((rows, payload),) = encode([record(0, 2)])
    old = sqlite3.connect(tmp_path / "spool.db", isolation_level=None)
    old.executescript("""
        PRAGMA journal_mode=WAL;
        CREATE TABLE batch (position INTEGER PRIMARY KEY AUTOINCREMENT, partition TEXT NOT NULL, epoch TEXT NOT NULL,
            seq INTEGER NOT NULL, rows INTEGER NOT NULL, payload BLOB NOT NULL);
        CREATE TABLE total (rows INTEGER NOT NULL, bytes INTEGER NOT NULL, dropped INTEGER NOT NULL);
        INSERT INTO total VALUES (0, 0, 0);
        CREATE TRIGGER batch_added AFTER INSERT ON batch BEGIN
            UPDATE total SET rows = rows + new.rows, bytes = bytes + length(new.payload);
        END;
        CREATE TRIGGER batch_removed AFTER DELETE ON batch BEGIN
            UPDATE total SET rows = rows - old.rows, bytes = bytes - length(old.payload);
        END;
        PRAGMA user_version = 1;
    """)
    insert = "INSERT INTO batch (partition, epoch, seq, rows, payload) VALUES ('p', 'e', 1, ?, ?)"
    old.execute(insert, (rows, payload))
    old.close()
    if first == "reader":
        assert numbers(tmp_path / "spool.db") == [0, 1]
    spool = Spool(tmp_path / "spool.db", "p")
    spool.append(record(2, width=20_000))
    spool.flush()
    assert numbers(spool.path) == [0, 1, 2]
    with SpoolReader(spool.path) as reader:
        reader.acknowledge(reader.pending()[-1].position)
        assert reader.backlog() == (0, 0)
    spool.close()

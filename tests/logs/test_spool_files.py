from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_edge.logs import spool as spool_module
from jupyter_edge.logs import spool_files
from jupyter_edge.logs.spool import Spool
from jupyter_edge.logs.spool_files import SPARES, PayloadFiles, path_of, read_payload
from jupyter_edge.logs.spool_reader import SpoolReader
from tests.logs.helpers import numbers, numbers_in, record, wait_until

ROOT = Path(__file__).parents[2]
needs_boot_id = pytest.mark.skipif(not spool_files._boot, reason="boots have no id here")


def payload_of(text: bytes) -> bytes:
    """Make a payload that is whole, 20 bytes and what it is to hold."""
    return b"\xff" * 4 + text.ljust(8) + b"\xff" * 4 + bytes(4)


def take_over(path: Path) -> list[int]:
    with SpoolReader(path) as reader:
        batches = reader.pending(10_000, 1 << 30)
        reader.acknowledge(batches[-1].position)
    return [number for batch in batches for number in numbers_in(batch.payload)]


def inodes(folder: Path) -> set[int]:
    return {file.stat().st_ino for file in folder.glob("spool.db.*")}


def test_large_payloads_stand_in_files_that_go_once_they_were_taken_over(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", "p")
    for number in range(5):
        spool.append(record(number, width=20_000 if number % 2 else 3))
        spool.flush()
    (file,) = tmp_path.glob("spool.db.*")
    assert file.stat().st_mode & 0o077 == 0
    with SpoolReader(spool.path) as reader:
        batches = reader.pending()
        assert [number for batch in batches for number in numbers_in(batch.payload)] == list(range(5))
        assert reader.backlog() == (5, sum(len(batch.payload) for batch in batches))
        assert len(reader.pending(max_bytes=len(batches[0].payload) + len(batches[1].payload))) == 2
        reader.acknowledge(batches[3].position)
        assert reader.backlog() == (1, len(batches[4].payload))
        spool.append(record(5))
        spool.flush()
        spool.append(record(6, width=20_000))
        spool.flush()
        assert numbers(spool.path) == [4, 5, 6]
        reader.acknowledge(reader.pending()[-1].position)
    spool.close()
    assert not list(tmp_path.glob("spool.db.*"))


def test_large_payloads_count_for_the_quota(tmp_path: Path) -> None:
    quota = 4 << 20
    spool = Spool(tmp_path / "spool.db", "p", quota)
    for number in range(150):
        spool.append(record(number, width=20_000))
        spool.flush()
        files = [file for file in tmp_path.iterdir() if not file.name.endswith(("-wal", "-shm"))]
        assert sum(file.stat().st_size for file in files) <= quota
    stored = numbers(spool.path)
    assert stored == list(range(150 - len(stored), 150))
    assert len(stored) > 35
    assert spool.dropped_rows == 150 - len(stored)
    spool.close()


@pytest.mark.parametrize("left", [0, 100_000, "zeros", None])
def test_a_payload_that_a_power_cut_took_is_counted_and_costs_no_other_one(tmp_path: Path, left: Any) -> None:
    spool = Spool(tmp_path / "spool.db", "p")
    for number in range(3):
        spool.append(record(number, width=20_000))
        spool.flush()
    spool.close()
    (file,) = tmp_path.glob("spool.db.*")
    size = file.stat().st_size
    if left is None:
        file.unlink()
    else:
        os.truncate(file, 0 if left == "zeros" else left)
        if left == "zeros":
            os.truncate(file, size)
    assert numbers(spool.path) == ([0] if left == 100_000 else [])
    with SpoolReader(spool.path) as reader:
        assert reader.dropped_rows() + reader.backlog()[0] == 3
        assert numbers(spool.path) == ([0] if left == 100_000 else [])
    spool = Spool(tmp_path / "spool.db", "p")
    spool.append(record(3, width=20_000))
    spool.flush()
    assert numbers(spool.path)[-1] == 3
    spool.close()


def test_what_stays_is_written_to_the_disk_and_what_is_taken_over_sooner_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    spool = tmp_path / "spool.db"
    renamed = {tmp_path.stat().st_ino} if spool_files._boot else set()
    files = PayloadFiles(spool, limit=1)
    files.append([b"taken over"], 10, 1)
    files.free_before(None)
    files.append([b"stays"], 5, 2)
    files.sync(3600)
    assert synced == []
    files.sync(0)
    assert set(synced) == {path_of(spool, 2).stat().st_ino} | renamed
    synced.clear()
    files.append([b"new"], 3, 3)
    files.sync(0)
    assert set(synced) == {path_of(spool, 3).stat().st_ino} | renamed
    assert path_of(spool, 2).read_bytes() == b"stays"
    assert path_of(spool, 3).read_bytes() == b"new"
    files.close()


@needs_boot_id
def test_files_that_are_free_are_written_again_and_few_are_kept_for_that(tmp_path: Path) -> None:
    files = PayloadFiles(tmp_path / "spool.db", limit=1)
    for number in range(1, 11):
        files.append([b"x" * 100], 100, number)
    assert files.used(1) == 1000
    files.free_before(None)
    spares = inodes(tmp_path)
    assert len(spares) == SPARES
    assert files.used(None) == 100 * SPARES
    for number in range(11, 11 + SPARES):
        assert files.append([b"y" * 50], 50, number) == (number, 0)
    assert inodes(tmp_path) == spares
    assert files.used(11) == 100 * SPARES
    files.append([b"z"], 1, 20)
    assert len(inodes(tmp_path) - spares) == 1
    files.free_before(20)
    files.remove_spares()
    assert files.used(20) == 1
    assert len(inodes(tmp_path)) == 1
    files.close()


@needs_boot_id
def test_a_file_that_was_synced_is_written_no_more_but_at_its_end(tmp_path: Path) -> None:
    spool = tmp_path / "spool.db"
    files = PayloadFiles(spool, limit=100)
    files.append([b"old" * 33], 99, 1)
    files.free_before(None)
    files.append([b"new"], 3, 2)
    files.sync(0)
    files.append([b"newer"], 5, 3)
    assert path_of(spool, 2).read_bytes() == b"newnewer"
    files.free_before(None)
    assert inodes(tmp_path) == set()


@needs_boot_id
def test_a_file_left_by_a_batch_that_a_power_cut_took_back_is_not_read_for_a_new_one(tmp_path: Path) -> None:
    spool = tmp_path / "spool.db"
    path_of(spool, 1).write_bytes(payload_of(b"old"))
    files = PayloadFiles(spool)
    files.append([payload_of(b"new")], 20, 1)
    assert read_payload(spool, 1, 0, 20) == payload_of(b"new")
    files.free_before(None)
    files.append([payload_of(b"newer")], 20, 2)
    assert read_payload(spool, 1, 0, 20) is None
    files.close()


def test_where_boots_have_no_id_no_file_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_files, "_boot", "")
    spool = Spool(tmp_path / "spool.db", "p")
    spool.append(record(0, width=20_000))
    spool.flush()
    assert path_of(spool.path, 1).exists()
    assert take_over(spool.path) == [0]
    spool.append(record(1))
    spool.flush()
    assert inodes(tmp_path) == set()
    spool.append(record(2, width=20_000))
    spool.flush()
    assert numbers(spool.path) == [1, 2]
    spool.close()
    assert numbers(spool.path) == [1, 2]


def test_what_is_not_synced_is_of_this_boot(tmp_path: Path) -> None:
    files = PayloadFiles(tmp_path / "spool.db")
    files.append([b"x"], 1, 1)
    boot_id = Path("/proc/sys/kernel/random/boot_id")
    boot = boot_id.read_text().strip() if boot_id.exists() else None
    assert [file.name for file in tmp_path.iterdir()] == [f"spool.db.1.{boot}" if boot else "spool.db.1"]
    files.close()


@needs_boot_id
@pytest.mark.parametrize("synced", [True, False])
def test_rows_of_before_are_not_taken_for_those_that_a_power_cut_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synced: bool
) -> None:
    (tmp_path / "before").mkdir()
    spool = Spool(tmp_path / "before" / "spool.db", "p")
    spool.append(record(0, width=20_000))
    spool.flush()
    (file,) = spool.path.parent.glob("spool.db.*")
    old, inode = file.read_bytes(), file.stat().st_ino
    assert take_over(spool.path) == [0]
    spool.append(record(1, width=20_000))
    spool.flush()
    (file,) = spool.path.parent.glob("spool.db.*")
    assert file.stat().st_ino == inode
    if synced:
        spool._settle_files()
    elif file.read_bytes() != old:
        file.write_bytes(old)  # what the disk has
    shutil.copytree(spool.path.parent, tmp_path / "after")  # as it is found, without a close
    path = tmp_path / "after" / "spool.db"
    monkeypatch.setattr(spool_files, "_boot", "the-next-boot")
    assert numbers(path) == ([1] if synced else [])
    with SpoolReader(path) as reader:
        assert reader.dropped_rows() == (0 if synced else 1)
    after = Spool(path, "p")
    after.append(record(2, width=20_000))
    after.flush()
    assert numbers(path) == ([1, 2] if synced else [2])
    after.close()
    assert len(inodes(path.parent)) == (2 if synced else 1)
    spool.close()


@needs_boot_id
def test_what_a_killed_process_left_is_whole_and_lasts_once_another_has_opened_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spool.db"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.logs.writer_process", str(path), "0", "1", "10000"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    taken: list[int] = []
    for _ in range(12):
        promised = int(process.stdout.readline())
        taken += take_over(path) if len(taken) < 100 else []
    process.kill()
    promised = int((process.stdout.read().split() or [str(promised)])[-1])
    process.wait()
    left = numbers(path)
    assert taken + left == list(range(len(taken + left)))
    assert promised < len(taken + left)
    Spool(path, "p").close()
    monkeypatch.setattr(spool_files, "_boot", "the-next-boot")
    assert numbers(path) == left
    assert left


@needs_boot_id
def test_large_payloads_that_stay_last_without_another_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "SYNC_SECONDS", 0.05)
    spool = Spool(tmp_path / "spool.db", "p")
    spool.append(record(0, width=20_000))
    spool.flush()
    wait_until(path_of(spool.path, 1).exists)
    assert numbers(spool.path) == [0]
    spool.close()


@needs_boot_id
def test_large_payloads_that_stay_last_while_rows_keep_coming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path / "spool.db", "p")
    monkeypatch.setattr(spool, "_settle_files", lambda: None)
    spool.append(record(0, width=20_000))
    spool.flush()
    spool.append(record(1))
    spool.flush()
    assert not path_of(spool.path, 1).exists()
    monkeypatch.setattr(spool_module, "SYNC_SECONDS", 0.0)
    spool.append(record(2))
    spool.flush()
    assert path_of(spool.path, 1).exists()
    spool.close()


@needs_boot_id
def test_free_files_cost_no_row_its_place(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", "p", 4 << 20)
    for number in range(40):
        spool.append(record(number, width=20_000))
        spool.flush()
    assert take_over(spool.path) == list(range(40))
    spool.append(record(40))
    spool.flush()
    assert len(inodes(tmp_path)) == SPARES
    for number in range(41, 140):
        spool.append(record(number, width=6000))
        spool.flush()
    assert numbers(spool.path) == list(range(40, 140))
    assert spool.dropped_rows == 0
    spool.close()


def opened_late(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None]) -> None:
    """Have something happen between a reader's first opening of a file and its reading."""
    plain, waiting = Path.open, [meanwhile]

    def slow(path: Path, *arguments: Any, **options: Any) -> Any:
        file = plain(path, *arguments, **options)
        if waiting:
            waiting.pop()()
        return file

    monkeypatch.setattr(Path, "open", slow)


def test_a_reader_gets_nothing_of_a_file_that_is_written_again_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = PayloadFiles(tmp_path / "spool.db")
    files.append([payload_of(b"old")], 20, 1)

    def write_again() -> None:
        files.free_before(None)
        files.append([payload_of(b"new")], 20, 2)

    opened_late(monkeypatch, write_again)
    assert read_payload(tmp_path / "spool.db", 1, 0, 20) is None or not spool_files._boot
    assert read_payload(tmp_path / "spool.db", 2, 0, 20) == payload_of(b"new")
    files.close()


def test_a_reader_finds_a_file_that_is_synced_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = PayloadFiles(tmp_path / "spool.db")
    files.append([payload_of(b"old")], 20, 1)
    opened_late(monkeypatch, lambda: files.sync(0))
    assert read_payload(tmp_path / "spool.db", 1, 0, 20) == payload_of(b"old")
    assert path_of(tmp_path / "spool.db", 1).exists()
    files.close()


def test_who_reads_beside_one_that_takes_over_gets_no_rows_of_others(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", "p")
    ended = threading.Event()
    used: set[int] = set()

    def write_and_take_over() -> None:
        for number in range(1, 301):
            spool.append(record(number, width=10_000))
            spool.flush()
            if number % 10 == 0:
                used.update(inodes(tmp_path))
                take_over(spool.path)
        ended.set()

    writer = threading.Thread(target=write_and_take_over)
    writer.start()
    seen = set()
    with SpoolReader(spool.path) as reader:
        while not ended.is_set():
            for batch in reader.pending():
                assert numbers_in(batch.payload) == [batch.seq]
                seen.add(batch.seq)
        writer.join()
        assert (reader.dropped_rows(), reader.backlog()) == (0, (0, 0))
    assert len(seen) > 10
    assert len(used) < 5 or not spool_files._boot
    spool.close()

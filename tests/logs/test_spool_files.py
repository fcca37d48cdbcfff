from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_edge.logs import spool_files
from jupyter_edge.logs.spool_files import PayloadFiles, path_of


def test_what_stays_is_written_to_the_disk_and_what_is_taken_over_sooner_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    monkeypatch.setattr(spool_files, "SYNC_SECONDS", 0.0)
    spool = tmp_path / "spool.db"
    files = PayloadFiles(spool, limit=1)
    files.append([b"taken over"], 10, 1)
    files.remove_before(None)
    files.append([b"stays"], 5, 2)
    assert synced == []
    files.append([b"new"], 3, 3)
    assert synced == [path_of(spool, 2).stat().st_ino]
    files.append([b"newer"], 5, 4)
    assert synced[1:] == [path_of(spool, 3).stat().st_ino]
    files.close()

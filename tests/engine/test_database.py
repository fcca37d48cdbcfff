from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import func, select

from jupyter_edge.engine.database import open_database
from jupyter_edge.engine.tables import Job, User
from tests.engine.process import SOURCE


def test_a_process_killed_while_it_migrates_leaves_no_half_made_tables(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"
    code = """if True:
        import os, pathlib, signal, sys
        from alembic.ddl.sqlite import SQLiteImpl
        from jupyter_edge.engine.database import open_database
        made = []
        create = SQLiteImpl.create_table
        def create_some(self, *arguments, **options):
            if len(made) == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            made.append(create(self, *arguments, **options))
        SQLiteImpl.create_table = create_some
        open_database(pathlib.Path(sys.argv[1]))
    """
    killed = subprocess.run([sys.executable, "-c", code, str(path)], cwd=SOURCE, check=False)
    assert killed.returncode < 0
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    with open_database(path)() as session:
        assert session.scalars(select(Job)).all() == []


def test_what_a_writing_session_has_read_stays_true_until_it_commits(tmp_path: Path) -> None:
    sessions = open_database(tmp_path / "engine.db")

    def add_if_alone(number: int) -> bool:
        with sessions.begin() as session:
            alone = session.scalar(select(func.count()).select_from(User)) == 0
            if alone:
                session.add(User(email=f"{number}@localhost"))
            return alone

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(add_if_alone, range(20))) == 1


def test_readers_wait_neither_for_a_writer_nor_for_one_another(tmp_path: Path) -> None:
    sessions = open_database(tmp_path / "engine.db")
    with sessions.begin() as writer:
        writer.add(User(email="new@localhost"))
        writer.flush()
        readers = [sessions() for _ in range(40)]
        assert [reader.scalars(select(User)).all() for reader in readers] == [[]] * 40
    assert readers[0].scalars(select(User)).all() == []
    for reader in readers:
        reader.close()
    with sessions() as later:
        assert len(later.scalars(select(User)).all()) == 1

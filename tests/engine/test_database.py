from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from jupyter_edge.engine.database import open_database
from jupyter_edge.engine.tables import Job
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

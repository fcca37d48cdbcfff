"""The engine's database: SQLite by default, brought to the present schema by Alembic when it is opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

Sessions = sessionmaker[Session]


def open_database(path: Path) -> Sessions:
    """Open or make the database at ``path``, migrate it, and return what makes sessions on it."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
    event.listen(engine, "connect", _prepare_sqlite)
    _migrate(engine)
    return sessionmaker(engine)


def _prepare_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    newest = ScriptDirectory.from_config(config).get_current_head()
    with engine.connect() as connection:
        if MigrationContext.configure(connection).get_current_revision() == newest:
            return
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # else each statement commits, and a killed engine leaves half
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()

"""The engine's database: SQLite by default, brought to the present schema by Alembic when it is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from jupyter_edge.core.errors import EdgeError, EntityNotFoundError

Row = TypeVar("Row")
_WRITING = "jupyter_edge_writing"


class Sessions:
    """Makes sessions on a database: ``sessions()`` reads one unchanging state, ``sessions.begin()`` writes.

    What a writing session has read stays true until it commits: SQLite lets one of them in at a time, as it would not
    if the lock were taken at the first change only, which then fails where another session has changed something.
    """

    def __init__(self, engine: Engine) -> None:
        self._reading = sessionmaker(engine)
        self._writing = sessionmaker(engine.execution_options(**{_WRITING: True}))

    def __call__(self) -> Session:
        """Return a session for reading."""
        return self._reading()

    def begin(self) -> AbstractContextManager[Session]:
        """Return a session for reading and writing, which commits at the end of its ``with`` block."""
        return self._writing.begin()

    def on(self, name: str, listener: Callable[..., Any]) -> None:
        """Call ``listener`` at an event of the sessions that write (SQLAlchemy's session events)."""
        event.listen(self._writing, name, listener)


def open_database(path: Path) -> Sessions:
    """Open or make the database at ``path``, migrate it, and return what makes sessions on it.

    Raises:
        EdgeError: if it cannot be opened: damaged, made by a newer version, or no room to write.
    """
    # Whoever waits for the write lock holds a connection: a bounded pool would let readers wait for writers.
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30}, max_overflow=-1)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    try:
        _migrate(engine)
    except (DatabaseError, CommandError) as error:
        reason = getattr(error, "orig", error)
        msg = (
            f"The database {path} cannot be opened ({reason}): free some space, update jupyter_edge, or restore a copy."
        )
        raise EdgeError(msg) from error
    return Sessions(engine)


def found(row: Row | None, otherwise: str) -> Row:
    """Return the row.

    Raises:
        EntityNotFoundError: saying ``otherwise``, if there is none.
    """
    if row is None:
        raise EntityNotFoundError(otherwise)
    return row


def is_full(error: BaseException) -> bool:
    """Tell whether the database could not be written because its disk is full."""
    return isinstance(error, OperationalError) and "full" in str(error.orig)


def _prepare_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.isolation_level = None  # else the driver begins transactions itself, and only before a change


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(_WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    newest = ScriptDirectory.from_config(config).get_current_head()
    with engine.connect() as connection:
        if MigrationContext.configure(connection).get_current_revision() == newest:
            return
    with engine.execution_options(**{_WRITING: True}).begin() as connection:  # all of it, or nothing if it is killed
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

"""The tables of a spool."""

from __future__ import annotations

import sqlite3

VERSION = 2
_TABLES = (
    """CREATE TABLE batch (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        partition TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, rows INTEGER NOT NULL, payload BLOB NOT NULL
    )""",
    "CREATE TABLE total (rows INTEGER NOT NULL, bytes INTEGER NOT NULL, dropped INTEGER NOT NULL)",
    "INSERT INTO total VALUES (0, 0, 0)",
)
_FILES = (  # a large payload is empty here: see spool_files
    "ALTER TABLE batch ADD COLUMN file INTEGER",
    "ALTER TABLE batch ADD COLUMN start INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE batch ADD COLUMN size INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX batch_file ON batch (file) WHERE file IS NOT NULL",
    "DROP TRIGGER IF EXISTS batch_added",
    "DROP TRIGGER IF EXISTS batch_removed",
    """CREATE TRIGGER batch_added AFTER INSERT ON batch BEGIN
        UPDATE total SET rows = rows + new.rows, bytes = bytes + length(new.payload) + new.size;
    END""",
    """CREATE TRIGGER batch_removed AFTER DELETE ON batch BEGIN
        UPDATE total SET rows = rows - old.rows, bytes = bytes - length(old.payload) - old.size;
    END""",
)


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of a spool's tables; 0 where there are none yet."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the tables, or change those of an earlier version; their rows stay."""
    if version_of(connection) == VERSION:
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        version = version_of(connection)  # another process may have come first
        for statement in (_TABLES if version < 1 else ()) + (_FILES if version < VERSION else ()):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")

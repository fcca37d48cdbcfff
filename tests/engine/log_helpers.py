from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy.engine import Engine

from jupyter_edge.engine.database import Sessions, open_database
from jupyter_edge.engine.tables import Pipeline, User, Workspace

PIPELINE = 1
"""The id of the only pipeline of `database_with_pipeline`."""


@contextmanager
def database_with_pipeline(path: Path) -> Iterator[Sessions]:
    """Make an engine's database that holds one pipeline."""
    sessions = open_database(path)
    with sessions.begin() as session:
        user = User(email="somebody@localhost")
        session.add(user)
        session.flush()
        session.add(Workspace(name="w", created_by=user.id))
        session.flush()
        session.add(Pipeline(workspace_id=1, name="p"))
        engine = session.get_bind()
    yield sessions
    assert isinstance(engine, Engine)
    engine.dispose()


def in_runs(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Return a run-end encoded column with one row for each value."""
    return pa.RunEndEncodedArray.from_arrays(pa.array(range(1, len(values) + 1), pa.int32()), pa.array(values, kind))

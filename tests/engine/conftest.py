from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_edge.engine.database import Sessions
from jupyter_edge.engine.log_store import LogStore
from tests.engine.log_helpers import database_with_pipeline
from tests.engine.process import EngineProcess, running_engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """One engine for all tests that leave it running; what they make must have names of its own."""
    with running_engine(tmp_path_factory.mktemp("engine") / "home") as process:
        yield process


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[EngineProcess]:
    """An engine, not started yet, for a test that stops or kills it."""
    process = EngineProcess(tmp_path / "home")
    yield process
    if hasattr(process, "process") and process.process.poll() is None:
        process.kill()


@pytest.fixture
def new_name() -> Callable[[], str]:
    """Give a name that nothing has yet."""
    return lambda: f"n{uuid.uuid4().hex[:12]}"


@pytest.fixture
def workspace_id(engine: EngineProcess, new_name: Callable[[], str]) -> int:
    """Make a new workspace in the shared engine."""
    made: int = engine.post("workspaces/create", workspace_name=new_name())["workspace_id"]
    return made


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    """A database with one pipeline, without an engine."""
    with database_with_pipeline(tmp_path / "engine.db") as made:
        yield made


@pytest.fixture
def store(sessions: Sessions, tmp_path: Path) -> LogStore:
    """The log of that pipeline."""
    return LogStore(sessions, tmp_path / "logs")

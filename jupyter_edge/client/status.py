"""The state of an engine in one table."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_edge.client.twins import Kinds, Twins, reading
from jupyter_edge.core.version import VERSION
from jupyter_edge.display import Details
from jupyter_edge.display.twins import get

if TYPE_CHECKING:
    from jupyter_edge.client.client import Client


@dataclass(frozen=True)
class EngineStatus(Twins, Details):
    """Where the engine is, who said so, and what it holds; without an engine, only that."""

    rows: dict[str, object]

    def details(self) -> dict[str, object]:
        """Return the rows of the table."""
        return dict(self.rows)

    def __repr__(self) -> str:
        return str(self)

    def _twins(self) -> Kinds:
        return reading(get("health"), "print(engine_status(client))")


def engine_status(client: Client | None, url_from: str | None = None) -> EngineStatus:
    """Return the state of a client's engine.

    Args:
        client: the client; ``None`` says that no engine runs.
        url_from: what named the engine's address, where the client was given one.
    """
    version = {"version": VERSION}
    if client is None:
        return EngineStatus({"engine": "none runs in this home; the next call that needs it starts it", **version})
    pipelines = client.list_pipelines()
    running = [pipeline.name() for pipeline in pipelines if pipeline.details()["deployed"] is True]
    jobs = [f"{job.kind} {job.id}" for job in client.jobs() if not job.done]
    source = url_from or ("JUPYTER_EDGE_URL" if os.environ.get("JUPYTER_EDGE_URL") else "this user's home")
    return EngineStatus(
        {
            "engine": client.api_endpoint,
            "found by": source,
            **version,
            "workspace": client.get_current_workspace().name(),
            "models": len(client.list_models()),
            "pipelines": len(pipelines),
            "deployed": ", ".join(running) or "none",
            "edges": len(client.list_edges()),
            "jobs under way": ", ".join(jobs) or "none",
        }
    )

"""Edge locations: the places where a publish runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jupyter_edge.client.panels import load_panel
from jupyter_edge.client.twins import Kinds, TwinListing, Twins, reading
from jupyter_edge.display import Details, table_time
from jupyter_edge.display.twins import pick, post

if TYPE_CHECKING:
    from jupyter_edge.client.client import Client


class Edge(Twins, Details):
    """One edge of a publish, by its name, which is also the partition of its rows in the pipeline's log."""

    def __init__(self, client: Client, data: dict[str, Any]) -> None:
        self._client = client
        self.id: str = data["id"]
        self.name: str = data["name"]
        self.tags: list[str] = data["tags"]
        self.cpus: float = data["cpus"]
        self.memory: str = data["memory"]
        self.pipeline_version_id: int = data["pipeline_version_id"]
        self.publish_id: int = data["pipeline_publish_id"]
        self.state: str = data["state"]
        """``waiting`` to join, ``online``, ``late``, ``lost`` after a longer silence, or ``stopped``."""
        self.joined_at = _moment(data["joined_at"])
        self.last_seen = _moment(data["last_seen"])
        self.started_at = _moment(data["started_at"])
        self.agent_version: str | None = data["agent_version"]
        self.pipeline_version: str | None = data["pipeline_version"]
        """UUID of the pipeline version that the edge said it serves."""
        self.rows: int = data["rows"]
        """How many rows the pipeline's log has under the edge's name."""
        self.backlog_rows: int | None = data["backlog_rows"]
        """How many rows the edge had not shipped yet when it last said so, and how many bytes those take."""
        self.backlog_bytes: int | None = data["backlog_bytes"]
        self.dropped_rows: int = data["dropped_rows"]
        """How many rows the edge says that it lost."""

    def remove(self) -> None:
        """Take the edge from its publish; its credential is void from then on, its log rows stay."""
        self._client.remove_edge(self.name)

    def details(self) -> dict[str, object]:
        """Return the rows of the edge's table."""
        rows: dict[str, object] = {
            "name": self.name,
            "id": self.id,
            "tags": ", ".join(self.tags),
            "publish": self.publish_id,
            "pipeline_version_id": self.pipeline_version_id,
            "cpus": self.cpus,
            "memory": self.memory,
            "state": self.state,
            "joined": table_time(self.joined_at),
            "last_seen": table_time(self.last_seen),
            "rows": self.rows,
        }
        if self.agent_version is not None:
            rows |= {
                "started": table_time(self.started_at),
                "agent_version": self.agent_version,
                "pipeline_version": self.pipeline_version,
                "backlog": f"{self.backlog_rows} rows, {self.backlog_bytes} bytes",
            }
        return rows | ({"dropped_rows": self.dropped_rows} if self.dropped_rows else {})

    def panel(self) -> Any:
        """Return the form that adds and watches edges, at this edge's publish, to be shown in a notebook."""
        return load_panel("EdgePanel")(self._client, self.publish_id)

    def _twins(self) -> Kinds:
        found = f'next(edge for edge in answer["edges"] if edge["name"] == "{self.name}")'
        read = reading(
            pick(post("pipelines/list_edges", {}), f"json.dumps({found})"),
            f"print(next(edge for edge in client.list_edges() if edge.name == {self.name!r}))",
        )
        return {**read, **self._client.get_publish(self.publish_id)._container_twins(self.name)}

    def __repr__(self) -> str:
        return f"Edge(name={self.name!r}, publish_id={self.publish_id}, state={self.state!r})"


def edge_listing(edges: Iterable[Edge], twins: Kinds) -> TwinListing[Edge]:
    """Return edges as a list that shows as a table."""
    return TwinListing(
        edges,
        ["name", "tags", "publish", "state", "last_seen", "rows", "backlog", "agent"],
        lambda edge: [
            edge.name,
            ", ".join(edge.tags),
            edge.publish_id,
            edge.state,
            table_time(edge.last_seen),
            edge.rows,
            "" if edge.backlog_rows is None else edge.backlog_rows,
            edge.agent_version or "",
        ],
        twins,
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)

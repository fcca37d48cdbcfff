"""Versions of a pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from jupyter_edge.display import Details, Listing, table_time


class PipelineVersion(Details):
    """One state of a pipeline's steps, never changed once made."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def id(self) -> int:
        """Return the version's id."""
        return int(self._data["id"])

    def name(self) -> str:
        """Return the version's UUID."""
        return str(self._data["version"])

    def created_at(self) -> datetime:
        """Return when the version was made."""
        return datetime.fromisoformat(self._data["created_at"])

    def steps(self) -> list[dict[str, Any]]:
        """Return the steps as the engine keeps them."""
        return list(self._data["definition"].get("steps", []))

    def details(self) -> dict[str, object]:
        """Return the rows of the version's table."""
        names = (model["name"] for step in self.steps() for model in step["ModelInference"]["models"])
        return {
            "id": self.id(),
            "version": self.name(),
            "created": table_time(self.created_at()),
            "steps": ", ".join(names),
        }

    def __repr__(self) -> str:
        return f"PipelineVersion(id={self.id()}, name={self.name()!r})"


def version_listing(versions: Iterable[dict[str, Any]]) -> Listing[PipelineVersion]:
    """Return versions as a list that shows as a table."""
    return Listing(
        [PipelineVersion(data) for data in versions],
        ["id", "version", "created", "steps"],
        lambda version: list(version.details().values()),
    )

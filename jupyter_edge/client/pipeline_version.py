"""Versions of a pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jupyter_edge.client.twins import Kinds, TwinListing, Twins, reading
from jupyter_edge.display import Details, table_time
from jupyter_edge.display.twins import pick, post

if TYPE_CHECKING:
    from jupyter_edge.client.pipeline import Pipeline


class PipelineVersion(Twins, Details):
    """One state of a pipeline's steps, never changed once made."""

    def __init__(self, pipeline: Pipeline, data: dict[str, Any]) -> None:
        self._pipeline = pipeline
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

    def _twins(self) -> Kinds:
        return reading(
            post("pipelines/get_version", {"version": self.name()}),
            f"versions = client.get_pipeline({self._pipeline.name()!r}).versions()\n"
            f"print(next(version for version in versions if version.name() == {self.name()!r}))",
            self._pipeline._workspace_name,
        )

    def __repr__(self) -> str:
        return f"PipelineVersion(id={self.id()}, name={self.name()!r})"


def version_listing(pipeline: Pipeline, versions: Iterable[dict[str, Any]]) -> TwinListing[PipelineVersion]:
    """Return versions of a pipeline as a list that shows as a table."""
    return TwinListing(
        [PipelineVersion(pipeline, data) for data in versions],
        ["id", "version", "created", "steps"],
        lambda version: list(version.details().values()),
        reading(
            pick(post("pipelines/get", {"id": pipeline.id()}), 'json.dumps(answer["versions"])'),
            f"print(client.get_pipeline({pipeline.name()!r}).versions())",
            pipeline._workspace_name,
        ),
    )

"""Workspaces: named places for models and pipelines."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from dateutil.tz import tzutc  # type: ignore[import-untyped]

from jupyter_edge.client.model import Model, list_models
from jupyter_edge.client.twins import Kinds, TwinListing, Twins, reading
from jupyter_edge.core.errors import EdgeError
from jupyter_edge.display import Details, list_time, table_time
from jupyter_edge.display.twins import post

if TYPE_CHECKING:
    from jupyter_edge.client.client import Client
    from jupyter_edge.client.pipeline import Pipeline


class Workspace(Twins, Details):
    """A workspace of the engine; its text form is a dict, as the reference tutorials show it."""

    def __init__(self, client: Client, data: dict[str, Any]) -> None:
        self._client = client
        self._data = data

    def id(self) -> int:
        """Return the workspace's id."""
        return int(self._data["id"])

    def name(self) -> str:
        """Return the workspace's name."""
        return str(self._data["name"])

    def archived(self) -> bool:
        """Say whether the workspace is archived."""
        return bool(self._data["archived"])

    def created_at(self) -> datetime:
        """Return when the workspace was made."""
        return datetime.fromisoformat(self._data["created_at"])

    def created_by(self) -> str:
        """Return the UUID of the user who made the workspace."""
        return str(self._data["created_by"])

    def models(self) -> TwinListing[Model]:
        """Return the workspace's models."""
        return list_models(self._client, self.id())

    def pipelines(self) -> TwinListing[Pipeline]:
        """Return the workspace's pipelines."""
        return self._client.list_pipelines(workspace=self)

    def details(self) -> dict[str, object]:
        """Return the rows of the workspace's table."""
        models, pipelines = self._contents()
        return {
            "name": self.name(),
            "id": self.id(),
            "created": table_time(self.created_at()),
            "created_by": self._client.email_of(self.created_by()),
            "models": ", ".join(str(item["name"]) for item in models),
            "pipelines": ", ".join(str(item["name"]) for item in pipelines),
        }

    def __repr__(self) -> str:
        try:
            models, pipelines = self._contents()
        except EdgeError:  # showing an object must not fail because the engine is gone
            models, pipelines = self._data["models"], self._data["pipelines"]
        fields = ("name", "id", "archived", "created_by", "created_at")
        return repr({key: self._data[key] for key in fields} | {"models": models, "pipelines": pipelines})

    __str__ = __repr__

    def _twins(self) -> Kinds:
        return reading(post("workspaces/get", {"id": self.id()}), f"print(client.get_workspace({self.name()!r}))")

    def _contents(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        models = [
            {
                "name": model.name(),
                "versions": model.version_count(),
                "owner_id": model.owner_id(),
                "last_update_time": _utc(model.updated_at()),
                "created_at": _utc(model.created_at()),
            }
            for model in self.models()
        ]
        pipelines = [
            {"name": pipeline.name(), "create_time": _utc(pipeline.created_at()), "definition": "[]"}
            for pipeline in self.pipelines()
        ]
        return models, pipelines


def workspace_listing(workspaces: list[Workspace]) -> TwinListing[Workspace]:
    """Return workspaces as a list that shows as a table."""
    return TwinListing(
        workspaces,
        ["name", "id", "created", "models", "pipelines"],
        lambda workspace: [
            workspace.name(),
            workspace.id(),
            list_time(workspace.created_at()),
            len(workspace._data["models"]),
            len(workspace._data["pipelines"]),
        ],
        reading(post("workspaces/list", {}), "print(client.list_workspaces())"),
    )


def _utc(moment: datetime) -> datetime:
    """Return a moment whose text form names its zone as the reference does (``tzinfo=tzutc()``)."""
    return moment.astimezone(tzutc())

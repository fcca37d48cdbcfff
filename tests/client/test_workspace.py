from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_edge.client import Client, ConflictError, EntityNotFoundError, InvalidInputError, Workspace

Name = Callable[[], str]


def test_a_workspace_is_found_by_its_name_after_it_was_made(client: Client, new_name: Name) -> None:
    name = f"edge-publish-api-demo-{new_name()}"
    made = client.create_workspace(name)
    (found,) = [workspace for workspace in client.list_workspaces() if workspace.name() == name]
    assert found.id() == made.id()
    assert client.get_workspace(name).id() == made.id()
    assert client.get_workspace(name, create_if_not_exist=True).id() == made.id()


def test_a_taken_or_impossible_workspace_name_is_refused(client: Client, workspace: Workspace, new_name: Name) -> None:
    with pytest.raises(ConflictError, match=workspace.name()):
        client.create_workspace(workspace.name())
    with pytest.raises(InvalidInputError, match="cannot name a workspace"):
        client.create_workspace("no spaces")
    with pytest.raises(EntityNotFoundError, match="create_workspace"):
        client.get_workspace(new_name())


def test_the_text_of_a_new_workspace_is_the_tutorials_dict(workspace: Workspace) -> None:
    shown = ast.literal_eval(repr(workspace))
    assert list(shown) == ["name", "id", "archived", "created_by", "created_at", "models", "pipelines"]
    assert shown["name"] == workspace.name()
    assert shown["id"] == workspace.id()
    assert shown["archived"] is False
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", shown["created_by"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", shown["created_at"])
    assert (shown["models"], shown["pipelines"]) == ([], [])


def test_a_workspace_shows_what_was_put_into_it(client: Client, workspace: Workspace, ccfraud: Path) -> None:
    client.upload_model("ccfraud", ccfraud)
    client.build_pipeline("edge-pipeline")
    shown = repr(workspace)
    time = r"datetime\.datetime\([^)]*, tzinfo=tzutc\(\)\)"
    assert re.search(
        rf"""'models': \[\{{'name': 'ccfraud', 'versions': 1, 'owner_id': '""', """
        rf"""'last_update_time': {time}, 'created_at': {time}\}}\]""",
        shown,
    )
    assert re.search(
        rf"'pipelines': \[\{{'name': 'edge-pipeline', 'create_time': {time}, 'definition': '\[\]'\}}\]", shown
    )
    html = workspace._repr_html_()
    assert "ccfraud" in html
    assert "edge-pipeline" in html
    assert workspace.name() in repr(client.list_workspaces())

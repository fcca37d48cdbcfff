"""Endpoints on workspaces."""

from __future__ import annotations

from typing_extensions import TypedDict

from jupyter_edge.engine import workspaces
from jupyter_edge.engine.api.dependencies import Id, RequestBody, State, json_router
from jupyter_edge.engine.tables import Workspace, timestamp

router = json_router("workspaces")


class WorkspaceItem(TypedDict):
    """A workspace; ``models`` and ``pipelines`` are ids."""

    id: int
    name: str
    created_at: str
    created_by: str
    archived: bool
    models: list[int]
    pipelines: list[int]


class WorkspacesAnswer(TypedDict):
    """Workspaces, oldest first."""

    workspaces: list[WorkspaceItem]


class WorkspaceMade(TypedDict):
    """The new workspace."""

    workspace_id: int


class WorkspaceFilter(RequestBody):
    """Whose workspaces; everybody's where no user is given."""

    user_id: str | None = None


class NewWorkspace(RequestBody):
    """What the new workspace is called."""

    workspace_name: str


class WorkspaceId(RequestBody):
    """Which workspace."""

    id: Id


@router.post("/list")
def list_workspaces(body: WorkspaceFilter, state: State) -> WorkspacesAnswer:
    """List workspaces."""
    with state.sessions() as session:
        return WorkspacesAnswer(workspaces=[_item(row) for row in workspaces.list_workspaces(session, body.user_id)])


@router.post("/create")
def create_workspace(body: NewWorkspace, state: State) -> WorkspaceMade:
    """Make a workspace; a name that is taken is refused with 409."""
    with state.sessions.begin() as session:
        made = workspaces.create_workspace(session, body.workspace_name, state.owner_id)
        return WorkspaceMade(workspace_id=made.id)


@router.post("/get")
def get_workspace(body: WorkspaceId, state: State) -> WorkspaceItem:
    """Look a workspace up."""
    with state.sessions() as session:
        return _item(workspaces.get_workspace(session, body.id))


@router.post("/delete")
def delete_workspace(body: WorkspaceId, state: State) -> None:
    """Delete an empty workspace; one that holds something is refused with 409."""
    with state.sessions.begin() as session:
        workspaces.delete_workspace(session, body.id)


def _item(workspace: Workspace) -> WorkspaceItem:
    return WorkspaceItem(
        id=workspace.id,
        name=workspace.name,
        created_at=timestamp(workspace.created_at),
        created_by=workspace.created_by,
        archived=workspace.archived,
        models=[model.id for model in workspace.models],
        pipelines=[pipeline.id for pipeline in workspace.pipelines],
    )

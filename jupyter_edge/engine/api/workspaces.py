"""Endpoints on workspaces."""

from __future__ import annotations

from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from jupyter_edge.engine import workspaces
from jupyter_edge.engine.api.dependencies import Id, RequestBody, State, json_router
from jupyter_edge.engine.api.pages import Paged, PageRequest, paged
from jupyter_edge.engine.tables import Model, Pipeline, Workspace, timestamp

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


class WorkspacesAnswer(Paged):
    """Workspaces, oldest first."""

    workspaces: list[WorkspaceItem]


class WorkspaceMade(TypedDict):
    """The new workspace."""

    workspace_id: int


class WorkspaceFilter(PageRequest):
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
        page = workspaces.list_workspaces(session, body.user_id, body.window())
        return WorkspacesAnswer(workspaces=_items(session, page.rows), **paged(page))


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
        (item,) = _items(session, [workspaces.get_workspace(session, body.id)])
        return item


@router.post("/delete")
def delete_workspace(body: WorkspaceId, state: State) -> None:
    """Delete an empty workspace; one that holds something is refused with 409."""
    with state.sessions.begin() as session:
        workspaces.delete_workspace(session, body.id)


def _items(session: Session, rows: list[Workspace]) -> list[WorkspaceItem]:
    models, pipelines = (workspaces.ids_in(session, kind, rows) for kind in (Model, Pipeline))
    return [_item(row, models[row.id], pipelines[row.id]) for row in rows]


def _item(workspace: Workspace, models: list[int], pipelines: list[int]) -> WorkspaceItem:
    return WorkspaceItem(
        id=workspace.id,
        name=workspace.name,
        created_at=timestamp(workspace.created_at),
        created_by=workspace.created_by,
        archived=workspace.archived,
        models=models,
        pipelines=pipelines,
    )

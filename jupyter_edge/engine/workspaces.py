"""Workspaces: made, found, listed and deleted."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from jupyter_edge.core.errors import ConflictError
from jupyter_edge.core.naming import check_name
from jupyter_edge.engine.database import found
from jupyter_edge.engine.paging import EVERYTHING, Order, Page, Window, read_page
from jupyter_edge.engine.tables import Model, Pipeline, Workspace


def list_workspaces(session: Session, user_id: str | None = None, window: Window = EVERYTHING) -> Page[Workspace]:
    """Return all workspaces, or those that a user made, oldest first."""
    query = select(Workspace)
    if user_id is not None:
        query = query.where(Workspace.created_by == user_id)
    return read_page(session, query, Order((Workspace.id,), Workspace.name), window)


def ids_in(session: Session, kind: type[Model | Pipeline], workspaces: Sequence[Workspace]) -> dict[int, list[int]]:
    """Return the ids of the models or pipelines in each of the workspaces, by the workspace's id."""
    held: dict[int, list[int]] = {workspace.id: [] for workspace in workspaces}
    query = select(kind.workspace_id, kind.id).where(kind.workspace_id.in_(held)).order_by(kind.id)
    for workspace_id, row_id in session.execute(query):
        held[workspace_id].append(row_id)
    return held


def get_workspace(session: Session, workspace_id: int) -> Workspace:
    """Return a workspace.

    Raises:
        EntityNotFoundError: if there is none of this id.
    """
    missing = f"There is no workspace {workspace_id}: workspaces/list names those that there are."
    return found(session.get(Workspace, workspace_id), missing)


def create_workspace(session: Session, name: str, owner_id: str) -> Workspace:
    """Make a workspace.

    Raises:
        InvalidInputError: if the name breaks the rules.
        ConflictError: if a workspace has it already.
    """
    check_name("workspace", name)
    if session.scalar(select(Workspace).where(Workspace.name == name)) is not None:
        msg = f"There is a workspace {name!r} already: use it, or choose another name."
        raise ConflictError(msg)
    workspace = Workspace(name=name, created_by=owner_id)
    session.add(workspace)
    session.flush()
    return workspace


def delete_workspace(session: Session, workspace_id: int) -> None:
    """Delete an empty workspace.

    Raises:
        EntityNotFoundError: if there is none of this id.
        ConflictError: while it holds models or pipelines, naming them.
    """
    workspace = get_workspace(session, workspace_id)
    held = [f"model {model.name!r}" for model in workspace.models]
    held += [f"pipeline {pipeline.name!r}" for pipeline in workspace.pipelines]
    if held:
        msg = f"The workspace {workspace.name!r} still holds {', '.join(held)}: delete them first."
        raise ConflictError(msg)
    session.delete(workspace)

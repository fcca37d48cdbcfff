"""Workspaces: made, found, listed and deleted."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from jupyter_edge.core.errors import ConflictError, EntityNotFoundError
from jupyter_edge.core.naming import check_name
from jupyter_edge.engine.tables import Workspace


def list_workspaces(session: Session, user_id: str | None = None) -> list[Workspace]:
    """Return all workspaces, or those that a user made, oldest first, with their models and pipelines."""
    query = select(Workspace).order_by(Workspace.id)
    if user_id is not None:
        query = query.where(Workspace.created_by == user_id)
    return list(session.scalars(query.options(selectinload(Workspace.models), selectinload(Workspace.pipelines))))


def get_workspace(session: Session, workspace_id: int) -> Workspace:
    """Return a workspace.

    Raises:
        EntityNotFoundError: if there is none of this id.
    """
    workspace = session.get(Workspace, workspace_id)
    if workspace is None:
        msg = f"There is no workspace {workspace_id}: workspaces/list names those that there are."
        raise EntityNotFoundError(msg)
    return workspace


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

"""The people that the engine knows; so far its owner, who started it first."""

from __future__ import annotations

import getpass
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from jupyter_edge.engine.tables import User


def find_or_make_owner(session: Session) -> User:
    """Return the first user, made from the login name if there is none yet."""
    owner = session.scalar(select(User).order_by(User.created_at))
    if owner is None:
        owner = User(email=f"{_login()}@localhost")
        session.add(owner)
        session.flush()
    return owner


def find_users(session: Session, ids: Iterable[str] | None) -> list[User]:
    """Return the users of these ids, or all; an id that nobody has is passed over."""
    query = select(User).order_by(User.created_at)
    return list(session.scalars(query if ids is None else query.where(User.id.in_(ids))))


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user id without a name
        return "owner"

"""Endpoints on users."""

from __future__ import annotations

from typing_extensions import TypedDict

from jupyter_edge.engine import users
from jupyter_edge.engine.api.dependencies import RequestBody, State, json_router
from jupyter_edge.engine.tables import User

router = json_router("users")


class UserItem(TypedDict):
    """A user, with the keys of an identity server; ``createdTimestamp`` is in milliseconds since the epoch."""

    id: str
    username: str
    email: str
    enabled: bool
    createdTimestamp: int


class UsersAnswer(TypedDict):
    """Users by id."""

    users: dict[str, UserItem]


class Me(TypedDict):
    """The caller."""

    id: str
    email: str


class UsersQuery(RequestBody):
    """Which users; all where no ids are given."""

    user_ids: list[str] | None = None


@router.post("/query")
def query_users(body: UsersQuery, state: State) -> UsersAnswer:
    """Look users up by id; an id that nobody has is missing in the answer."""
    with state.sessions() as session:
        return UsersAnswer(users={user.id: _item(user) for user in users.find_users(session, body.user_ids)})


@router.post("/me")
def me(_body: RequestBody, state: State) -> Me:
    """Tell who the token belongs to."""
    with state.sessions() as session:
        (owner,) = users.find_users(session, [state.owner_id])
        return Me(id=owner.id, email=owner.email)


def _item(user: User) -> UserItem:
    return UserItem(
        id=user.id,
        username=user.email.partition("@")[0],
        email=user.email,
        enabled=True,
        createdTimestamp=int(user.created_at.timestamp() * 1000),
    )

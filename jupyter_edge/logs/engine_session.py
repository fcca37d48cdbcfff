"""How an edge that has joined speaks to its engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jupyter_edge.core.hosts import is_loopback
from jupyter_edge.core.secret import Secret

if TYPE_CHECKING:
    import requests


class RefusedError(Exception):
    """The engine does not know this edge, or not any more."""


def open_engine_session(url: str, credential: Secret) -> requests.Session:
    """Return a session that sends the edge's credential, and uses no proxy to an engine on this machine."""
    import requests  # takes as long as all else that a start imports: threads of their own do it meanwhile

    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {credential.reveal()}"
        return request

    session = requests.Session()
    session.auth = authorize
    session.trust_env = not is_loopback(urlsplit(url).netloc)
    return session


def read_answer(response: requests.Response) -> dict[str, Any]:
    """Return what the engine answered; nothing where somebody else did, such as a gateway on the way.

    Raises:
        RefusedError: in the engine's own words, if it refuses the edge: only those count, not a gateway's status.
    """
    try:
        answer = response.json()
    except ValueError:
        return {}
    if not isinstance(answer, dict):
        return {}
    if response.status_code in {401, 403} and isinstance(answer.get("msg"), str):
        raise RefusedError(answer["msg"])
    return answer

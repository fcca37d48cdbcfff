"""Requests and answers as the handler sees them, whatever server carries them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import orjson

from jupyter_edge.core.errors import EdgeError
from jupyter_edge.core.media_types import JSON


@dataclass(frozen=True)
class Request:
    """A request as a server received it: ``target`` is path and query, header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | bytearray = b""


@dataclass(frozen=True)
class Response:
    """An answer to send; Content-Length, and what belongs to the connection, is the server's."""

    status: int
    body: bytes
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


class MethodNotAllowedError(EdgeError):
    """The path exists, for other methods."""

    status: ClassVar[int] = 405

    def __init__(self, method: str, path: str, allowed: str) -> None:
        super().__init__(f"{path} does not answer {method}: use {allowed}.")
        self.allowed = allowed


def require_get(request: Request, path: str) -> None:
    """Refuse other methods than GET and HEAD.

    Raises:
        MethodNotAllowedError: naming those two.
    """
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowedError(request.method, path, "GET, HEAD")


def error_response(
    status: int, message: str, headers: dict[str, str] | None = None, *, in_list: bool = True
) -> Response:
    """Return an error as clients read it: a JSON object that says what is wrong, alone in a list but for OIP v2."""
    error = {"error": message}
    return Response(status, orjson.dumps([error] if in_list else error), headers=headers or {})

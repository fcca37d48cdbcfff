"""What of a request goes on to the engine, and what of its answer comes back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, unquote_plus

from tornado.web import HTTPError

from jupyter_edge.core.secret import Secret

_PATH = re.compile(r"v1/[A-Za-z0-9._~!$&'()*+,;=:@%/-]+")
_QUERY = re.compile(r"[!-~]*")
_SECRET = ["v1", "api", "registry", "get"]  # answers with the registry's password
_OWN_ARGUMENTS = {"token", "_xsrf", "no_track_activity"}
_REQUEST_HEADERS = ("accept", "content-", "if-", "jupyter-edge-", "range")
_CONNECTION_HEADERS = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
    *("te", "trailer", "transfer-encoding", "upgrade"),
}
_ENGINE_HEADERS = {"date", "location", "server", "set-cookie", "www-authenticate", "content-security-policy"}


def target_of(path: str, query: str) -> str:
    """Return the target that a path below ``api/`` stands for; Jupyter's own arguments stay here.

    Raises:
        HTTPError: 400, if the path could lead elsewhere than below ``/v1/``; 403, if its answer is not for browsers.
    """
    parts = [unquote(part, errors="strict") for part in _checked(path).split("/")]
    if any(part in ("", ".", "..") or re.search(r"[/\\\x00-\x1f\x7f]", part) for part in parts):
        raise HTTPError(400, "The path holds a part that is no name.")
    if parts == _SECRET:
        raise HTTPError(403, "The registry's password is not told to browsers: `jupyter-edge env` prints it.")
    if not _QUERY.fullmatch(query):
        raise HTTPError(400, "The query holds a character that is not encoded.")
    kept = "&".join(part for part in query.split("&") if unquote_plus(part.partition("=")[0]) not in _OWN_ARGUMENTS)
    return f"/{path}?{kept}" if kept else f"/{path}"


def _checked(path: str) -> str:
    try:
        unquote(path, errors="strict")
    except UnicodeDecodeError:
        path = ""
    if not _PATH.fullmatch(path):
        raise HTTPError(400, "The path is none of the engine's.")
    return path


def request_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what the engine needs to know: no cookie, no token, no origin, nothing about this connection."""
    kept = [(name, value) for name, value in headers if name.lower().startswith(_REQUEST_HEADERS)]
    kept = [(name, value) for name, value in kept if name.lower() != "accept-encoding"]
    return [*kept, ("Accept-Encoding", "identity")]  # so that a token in an answer can be found


def answer_headers(headers: Iterable[tuple[str, str]], token: Secret) -> list[tuple[str, str]]:
    """Return what the browser may know of an answer's headers."""
    masked, stars = token.reveal(), "*" * len(token.reveal())
    hidden = _CONNECTION_HEADERS | _ENGINE_HEADERS
    kept = [(name, value) for name, value in headers if name.lower() not in hidden]
    return [
        (name, value.replace(masked, stars)) for name, value in kept if not name.lower().startswith("access-control-")
    ]


class Redactor:
    """Replaces a secret in a stream by as many stars, also where it is cut; it holds back no more than it must."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret.reveal().encode()
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Take a part of the stream and return what can be shown by now."""
        known = (self._held + chunk).replace(self._secret, b"*" * len(self._secret))
        longest = min(len(self._secret) - 1, len(known))
        held = next((size for size in range(longest, 0, -1) if self._secret.startswith(known[-size:])), 0)
        self._held = known[len(known) - held :]
        return known[: len(known) - held]

    def end(self) -> bytes:
        """Return what is left."""
        return self._held

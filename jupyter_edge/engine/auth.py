"""Who may call the engine: its secrets, and the guard in front of every request."""

from __future__ import annotations

import ipaddress
import json
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from jupyter_edge.core.errors import AuthenticationError, EdgeError, ForbiddenError, InvalidInputError
from jupyter_edge.core.files import write_private
from jupyter_edge.core.home import Home
from jupyter_edge.core.hosts import is_loopback
from jupyter_edge.core.secret import Secret, bearer_token, new_token
from jupyter_edge.engine.api.errors import INFERENCE, error_response, inference_error

_NO_TOKEN = ("/v1/api/health", "/v1/api/openapi.json", "/v1/api/docs")
_OWN_RULES = ("/v1/api/edges/join", "/v1/api/edges/logs", "/v1/api/edges/heartbeat")
_REGISTRY = "/v2/"


@dataclass(frozen=True)
class Credentials:
    """The secrets of one home: the API's bearer token, and the embedded registry's user and password."""

    token: Secret
    registry_username: str
    registry_password: Secret


def load_credentials(home: Home) -> Credentials:
    """Read the home's secrets; make them if there are none yet.

    Raises:
        InvalidInputError: if the file is there and cannot be read.
    """
    path = home.credentials_file
    if not path.exists():
        made = {"token": new_token(), "registry_username": "jupyter-edge", "registry_password": new_token()}
        write_private(path, json.dumps(made))
    try:
        kept = json.loads(path.read_text())
        return Credentials(Secret(kept["token"]), kept["registry_username"], Secret(kept["registry_password"]))
    except (ValueError, KeyError, TypeError):
        msg = f"{path} is damaged: remove it to have new secrets made; clients and published addresses then need those."
        raise InvalidInputError(msg) from None


class Guard:
    """ASGI middleware that checks Host, Origin and bearer token before anything of the body is read.

    Host and Origin keep web pages away that reach the loopback interface through the user's browser. The registry and
    the edges' endpoints know their callers by other credentials and check those themselves.
    """

    def __init__(self, app: ASGIApp, token: Secret, host: str) -> None:
        self._app = app
        self._token = token
        self._names = {host, socket.gethostname().lower()}
        self._everywhere = host in ("0.0.0.0", "::")  # noqa: S104 (compared, not bound)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401 or 403."""
        if scope["type"] == "http":
            try:
                self._check(scope["path"], Headers(scope=scope))
            except EdgeError as error:
                answer = inference_error if scope["path"].startswith(INFERENCE) else error_response
                await answer(error.status, str(error))(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, path: str, headers: Headers) -> None:
        if path.startswith(_REGISTRY) or path in _OWN_RULES:
            return
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._is_here(host):
            msg = f"The engine does not answer to the host name {host!r}: call it by the address that it printed."
            raise ForbiddenError(msg)
        if origin is not None and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
            msg = (
                f"The engine does not answer web pages of {origin!r}: call it from its own address, or without Origin."
            )
            raise ForbiddenError(msg)
        known = self._token.matches(bearer_token(headers.get("authorization", "")))
        if not known and path not in _NO_TOKEN and not path.startswith("/v1/api/docs/"):
            msg = "The bearer token is missing or wrong: `jupyter-edge env` prints the one to send as Authorization."
            raise AuthenticationError(msg)

    def _is_here(self, host: str) -> bool:
        if is_loopback(host):
            return True
        try:
            name = urlsplit(f"//{host}").hostname or ""
            return name in self._names or (self._everywhere and bool(ipaddress.ip_address(name)))
        except ValueError:
            return False

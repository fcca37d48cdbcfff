"""How a registry is shown credentials: Basic, or a Bearer token that its token server gives out.

The token flow is the one of the Docker registry's token specification, which registries share. Credentials go to the
registry only once it has asked for them, and to the token server that it names; never anywhere else.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from urllib.parse import urlsplit

import requests
from oras.auth.base import AuthBackend
from oras.auth.utils import get_basic_auth, parse_auth_header
from oras.container import Container

from jupyter_edge.core.errors import AuthenticationError, RegistryError
from jupyter_edge.core.secret import Secret

_SCHEME = re.compile(r"(?:^|,)\s*(basic|bearer)\s+", re.IGNORECASE)
_TOKEN_LIFETIME = 60.0  # what the token specification says where a server says nothing


class RegistryAuth(AuthBackend):  # type: ignore[misc]  # oras has no types
    """Credentials for one registry; without a username, those that ``docker login`` has left for it are used."""

    def __init__(
        self,
        session: requests.Session,
        origin: str,
        username: str | None,
        password: Secret | None,
        timeout: tuple[float, float],
    ) -> None:
        super().__init__()
        self.session = session
        self._origin = origin
        self._timeout = timeout
        self._scheme: str | None = None
        self._realm = ""
        self._service = ""
        self._tokens: dict[str, tuple[str, float]] = {}
        self._basic_auth: str | None = None
        if username is not None and password is not None:
            self._basic_auth = get_basic_auth(username, password.reveal())
        else:
            with suppress(OSError, ValueError, KeyError):
                self.load_configs(Container("any", registry=urlsplit(origin).netloc))

    def learn(self, response: requests.Response) -> str | None:
        """Note what a 401 asks for; return the scope that it names, if it does."""
        header = response.headers.get("WWW-Authenticate", "")
        starts = list(_SCHEME.finditer(header))
        ends = [match.start() for match in starts[1:]] + [len(header)]
        offers = {match[1].lower(): header[match.end() : end] for match, end in zip(starts, ends, strict=True)}
        if "bearer" in offers:
            challenge = parse_auth_header(offers["bearer"])
            self._scheme, self._realm, self._service = "bearer", challenge.realm or "", challenge.service or ""
            scope: str | None = challenge.scope
            return scope
        self._scheme = "basic" if "basic" in offers else None
        return None

    def headers_for(self, url: str, scope: str) -> dict[str, str]:
        """Return the headers that authorise a request; none for another host than the registry."""
        if not url.startswith(f"{self._origin}/"):
            return {}
        if self._scheme == "bearer":
            return {"Authorization": f"Bearer {self._token(scope)}"}
        if self._scheme == "basic" and self._basic_auth:
            return {"Authorization": f"Basic {self._basic_auth}"}
        return {}

    def forget(self, scope: str) -> None:
        """Ask for a new token for this scope next time."""
        self._tokens.pop(scope, None)

    def _token(self, scope: str) -> str:
        token, end = self._tokens.get(scope, ("", 0.0))
        if time.monotonic() >= end:
            token, lifetime = self._request_token(scope)
            self._tokens[scope] = token, time.monotonic() + lifetime * 0.8
        return token

    def _request_token(self, scope: str) -> tuple[str, float]:
        secure = self._realm.startswith("https://")
        if not secure and not (self._realm.startswith("http://") and self._origin.startswith("http://")):
            msg = f"The registry {self._origin} names a token server without TLS: it gets no credentials."
            raise RegistryError(msg)
        headers = {"Authorization": f"Basic {self._basic_auth}"} if self._basic_auth else {}
        query = {key: value for key, value in (("service", self._service), ("scope", scope)) if value}
        answer = self.session.get(self._realm, params=query, headers=headers, timeout=self._timeout)
        if answer.status_code in (401, 403):
            msg = f"The registry {self._origin} refused the username or password: check both and try again."
            raise AuthenticationError(msg)
        try:
            given = answer.json()
            return given.get("token") or given["access_token"], float(given.get("expires_in") or _TOKEN_LIFETIME)
        except (ValueError, KeyError, TypeError, AttributeError):
            host = urlsplit(self._realm).netloc
            msg = f"The token server {host} answered {answer.status_code} without a token: try again later."
            raise RegistryError(msg) from None

"""HTTP to an engine: the bearer token, errors as our own classes, warnings as Python's."""

from __future__ import annotations

import json
import re
import threading
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from jupyter_edge.core.errors import (
    AuthenticationError,
    ConflictError,
    EdgeError,
    EngineUnavailableError,
    EntityNotFoundError,
    ForbiddenError,
    InferenceError,
    InvalidInputError,
    RegistryError,
    StorageFullError,
    TooLargeError,
)
from jupyter_edge.core.home import EngineAddress
from jupyter_edge.core.hosts import is_loopback
from jupyter_edge.core.secret import Secret

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 120.0
_INTERRUPTED_SECONDS = 5.0
_JOB_HEADER = "Jupyter-Edge-Job"
_ERRORS: dict[int, type[EdgeError]] = {
    kind.status: kind
    for kind in (
        InvalidInputError,
        AuthenticationError,
        ForbiddenError,
        EntityNotFoundError,
        ConflictError,
        TooLargeError,
        RegistryError,
        EngineUnavailableError,
        StorageFullError,
    )
}


class Auth(requests.auth.AuthBase):
    """The bearer token of an engine."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def auth_header(self) -> dict[str, str]:
        """Return a new ``{"Authorization": "Bearer ..."}``, to which a caller may add headers."""
        return {"Authorization": self._bearer_token_str()}

    def _bearer_token_str(self) -> str:
        return f"Bearer {self._token.reveal()}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request."""
        request.headers.update(self.auth_header())
        return request

    def __repr__(self) -> str:
        return "Auth(token=***)"


@dataclass(frozen=True)
class Answer:
    """What an endpoint answered, and the job it started, if any."""

    value: Any
    job_id: int | None


class Transport:
    """Requests to one engine, over connections that are kept open."""

    def __init__(self, address: EngineAddress) -> None:
        self.url = address.url
        self.auth = Auth(Secret(address.token))
        self._session = requests.Session()
        # A proxy, which would see the token, may lead to an engine elsewhere, never to one on this machine.
        self._session.trust_env = address.pid == 0 and not is_loopback(urlsplit(self.url).netloc)
        self._session.auth = self.auth

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Post JSON to ``/v1/api/<path>`` and return the JSON that it answers."""
        return self.call(path, body).value

    def call(self, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Post JSON to ``/v1/api/<path>``; return the JSON that it answers, with the job it started."""
        return self.answer_of(self.send(self._api(path), json.dumps(body or {}).encode(), {}))

    def start(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Do what ``call`` does, for what starts a job; an interrupt cancels the job once the engine has named it.

        The engine goes on with a request whose sender has gone, so the request runs in a thread, which no interrupt
        ends.
        """
        sent: Future[requests.Response] = Future()

        def send() -> None:
            try:
                sent.set_result(self._request(self._api(path), json.dumps(body).encode(), {}))
            except BaseException as error:  # noqa: BLE001 (raised where the answer is waited for)
                sent.set_exception(error)

        try:
            threading.Thread(target=send, name="edge-request", daemon=True).start()
            response = sent.result()
        except KeyboardInterrupt:
            with suppress(EdgeError, TimeoutError):
                job = sent.result(_INTERRUPTED_SECONDS).headers.get(_JOB_HEADER)
                if job:
                    self.post("jobs/cancel", {"id": int(job)})
            raise
        return self.answer_of(_succeeded(response))

    def get(self, path: str) -> Any:
        """Get the JSON at ``/v1/<path>``."""
        return self.answer_of(self.send(f"{self.url}/v1/{path}", None, {})).value

    def answer_of(self, response: requests.Response) -> Answer:
        """Read an answer of ours."""
        job = response.headers.get(_JOB_HEADER)
        return Answer(response.json() if response.content else None, int(job) if job else None)

    def send(
        self,
        url: str,
        body: Any,
        headers: Mapping[str, str],
        *,
        query: Sequence[tuple[str, str]] = (),
        timeout: float | None = _READ_SECONDS,
    ) -> requests.Response:
        """Send a request and return the response, if it succeeded.

        Args:
            url: the whole address.
            body: bytes, or an object with ``read`` and a length, which is streamed; ``None`` makes it a GET.
            headers: ``Content-Type`` (JSON if not given), ``Accept``.
            query: the query's parameters.
            timeout: seconds to wait for the answer; ``None`` waits for ever.

        Raises:
            EngineUnavailableError: if nothing answers.
            EdgeError: of the class that the answer's status stands for, with the engine's own words.
        """
        return _succeeded(self._request(url, body, headers, query=query, timeout=timeout))

    def _api(self, path: str) -> str:
        return f"{self.url}/v1/api/{path}"

    def _request(
        self,
        url: str,
        body: Any,
        headers: Mapping[str, str],
        *,
        query: Sequence[tuple[str, str]] = (),
        timeout: float | None = _READ_SECONDS,
    ) -> requests.Response:
        try:
            return self._session.request(
                "GET" if body is None else "POST",
                url,
                params=list(query),
                data=body,
                headers={"Content-Type": "application/json", **headers},
                timeout=(_CONNECT_SECONDS, timeout),
                allow_redirects=False,
            )
        except requests.Timeout as error:
            msg = (
                f"{url} has not answered within {timeout} s: give a longer timeout, or see `jupyter-edge engine logs`."
            )
            raise EngineUnavailableError(msg) from error
        except requests.RequestException as error:
            msg = (
                f"Nothing answers at {url}: the engine has stopped or cannot be reached; "
                "Client() starts it again, `jupyter-edge engine logs` shows why it stopped."
            )
            raise EngineUnavailableError(msg) from error


def _succeeded(response: requests.Response) -> requests.Response:
    """Return a response if it succeeded, with the warning that it brings; raise its error if not."""
    if not 200 <= response.status_code < 300:
        raise error_of(response)
    warning = response.headers.get("Jupyter-Edge-Warning")
    if warning:
        warnings.warn(warning.encode().decode("unicode_escape"), stacklevel=5)
    return response


def error_of(response: requests.Response) -> EdgeError:
    """Return the error that an answer stands for: ``{"msg", "code"}``, or an inference's ``[{"error"}]``."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    if isinstance(body, list) and body:
        first = body[0]
        return InferenceError(str(first.get("error", first)) if isinstance(first, dict) else str(first))
    words = _in_calls(body["msg"]) if isinstance(body, dict) and body.get("msg") else None
    if response.status_code == AuthenticationError.status:
        words = (words or "The engine refuses the token.").rstrip()
        return AuthenticationError(f"{words} Make a new Client(), or check JUPYTER_EDGE_TOKEN.")
    kind = _ERRORS.get(response.status_code, EdgeError)
    return kind(words or f"{response.url} answered {response.status_code} {response.reason}: {response.text[:300]}")


def _in_calls(message: str) -> str:
    """Return a message of the engine, which names its endpoints, with the calls that ask them."""
    message = message.replace("jobs/list", "client.jobs()")
    return re.sub(r"\b(models|pipelines|workspaces)/list\b", r"client.list_\1()", message)

"""The way from a Jupyter server to its engine: found, started where none has run yet, and asked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from jupyter_edge.client.discovery import find_or_start_engine, is_running, locate_engine, stop_engine
from jupyter_edge.core.errors import EdgeError
from jupyter_edge.core.home import EngineAddress, Home
from jupyter_edge.core.hosts import is_loopback
from jupyter_edge.core.secret import Secret
from jupyter_edge.core.version import VERSION

State = Literal["running", "stopped", "unreachable", "unauthorized"]

_CONNECT_SECONDS = 5.0
_STATUS_SECONDS = 10.0
_STOPPED = "The engine does not run: start it here, or by `jupyter-edge engine start`."


class EngineProblem(EdgeError):  # noqa: N818 (what is wrong with the engine, said as an answer)
    """The engine cannot answer: ``code`` is the status that says so to the browser, ``state`` the engine's."""

    def __init__(self, state: State, code: int, message: str) -> None:
        super().__init__(message)
        self.state = state
        self.code = code


@dataclass(frozen=True)
class EngineStatus:
    """The engine's state, the package's and the engine's versions, and what is wrong, if anything is.

    ``is_local`` says whether the engine is this home's own, which can be started here.
    """

    state: State
    is_local: bool
    version: str
    engine_version: str | None
    msg: str


@dataclass(frozen=True)
class Answer:
    """What the engine answers, as it comes in; it may hold the token, which nobody else is to see."""

    response: httpx.Response
    token: Secret


class EngineLink:
    """Asks the engine of this server's home, or the one that JUPYTER_EDGE_URL names.

    Args:
        timeout: for how many seconds the engine may be silent.
    """

    def __init__(self, timeout: float) -> None:
        remote = os.environ.get("JUPYTER_EDGE_URL", "").rstrip("/")
        self._is_named = bool(remote)
        self._named: EngineAddress | None = None
        self._was_seen = False
        self._starting = asyncio.Lock()
        self._timeout = timeout
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout, connect=_CONNECT_SECONDS, pool=None),
            # Idle connections are given up before the engine does so: one that it just closed would fail a request.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=2.0),
            # A proxy, which would see the token, may lead to an engine elsewhere, never to one on this machine.
            trust_env=self._is_named and not is_loopback(urlsplit(remote).netloc),
        )
        self.appeared = asyncio.Event()

    @property
    def is_local(self) -> bool:
        """Say whether the engine is this home's own, and not one that JUPYTER_EDGE_URL names."""
        return not self._is_named

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
        content: AsyncIterable[bytes] | bytes | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Send a request and return the answer, whose body has not been read yet and which is to be closed.

        Args:
            method: such as GET.
            target: path and query, as they are sent.
            headers: all but the token.
            content: the body; ``None`` for none.
            timeout: for how many seconds the engine may be silent, if it is another time than usual.

        Raises:
            EngineProblem: if the engine does not answer, or refuses the token.
        """
        address = await self._locate()
        base = httpx.URL(address.url)
        url = base.copy_with(raw_path=base.raw_path.rstrip(b"/") + target.encode("ascii"))
        silence = httpx.Timeout(timeout or self._timeout, connect=_CONNECT_SECONDS, pool=None)
        request = self._client.build_request(method, url, headers=headers, content=content, timeout=silence)
        request.headers["Authorization"] = f"Bearer {address.token}"
        try:
            response = await self._client.send(request, stream=True)
        except httpx.TimeoutException as error:
            raise self._late(error, silence.read) from None
        except httpx.TransportError as error:
            raise await self._lost(address, error) from None
        if response.status_code in (401, 403):
            try:
                raise _refused(await response.aread(), address.token)
            finally:
                await response.aclose()
        return Answer(response, Secret(address.token))

    async def ask(self, path: str, body: bytes | None = b"{}", timeout: float | None = None) -> Any:
        """Return the JSON that ``/v1/api/<path>`` answers to a JSON body, or to a GET without one.

        Raises:
            EngineProblem: if there is none.
        """
        method = "GET" if body is None else "POST"
        answer = await self.send(method, f"/v1/api/{path}", {"Content-Type": "application/json"}, body, timeout)
        try:
            await answer.response.aread()
            return answer.response.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            msg = f"The engine does not answer as it should ({type(error).__name__}): `jupyter-edge engine logs`."
            raise EngineProblem("unreachable", 502, msg) from None
        finally:
            await answer.response.aclose()

    async def status(self) -> dict[str, Any]:
        """Return the state of the engine, which is not started for that."""
        try:
            health = await self.ask("health", None, timeout=_STATUS_SECONDS)
            await self.ask("users/me", timeout=_STATUS_SECONDS)
        except EngineProblem as problem:
            return asdict(EngineStatus(problem.state, self.is_local, VERSION, None, str(problem)))
        return asdict(EngineStatus("running", self.is_local, VERSION, health.get("version"), ""))

    async def start(self) -> None:
        """Start the engine where none runs, and return once it answers.

        Raises:
            EngineProblem: with the reason, if it does not start.
        """
        if not self._is_named:
            async with self._starting:
                try:
                    await asyncio.to_thread(find_or_start_engine)
                except EdgeError as error:
                    raise EngineProblem("stopped", 503, str(error)) from None
        self._was_seen = True
        self.appeared.set()

    async def stop(self) -> None:
        """Stop the engine, if it is this home's own."""
        if not self._is_named:
            await asyncio.to_thread(stop_engine)

    async def start_first(self) -> None:
        """Start the engine if this server has seen none yet: one that ran and was stopped stays so."""
        if not self._was_seen and await asyncio.to_thread(_running_engine) is None:
            await self.start()

    async def _locate(self) -> EngineAddress:
        if self._is_named:
            return await self._locate_named()
        address = await asyncio.to_thread(_running_engine)
        if address is None:
            raise EngineProblem("stopped", 503, _STOPPED)
        self._was_seen = True
        return address

    async def _locate_named(self) -> EngineAddress:
        if self._named is None:
            try:
                self._named = await asyncio.to_thread(locate_engine)
            except EdgeError as error:
                raise EngineProblem("unauthorized", 502, str(error)) from None
        return self._named

    def _late(self, error: httpx.TimeoutException, seconds: float | None) -> EngineProblem:
        if isinstance(error, httpx.ConnectTimeout):
            seconds = _CONNECT_SECONDS
        msg = f"The engine has been silent for {seconds:g} s: try again, or see `jupyter-edge engine logs`."
        return EngineProblem("unreachable", 504, msg)

    async def _lost(self, address: EngineAddress, error: httpx.TransportError) -> EngineProblem:
        if not self._is_named and await asyncio.to_thread(_running_engine) is None:
            return EngineProblem("stopped", 503, _STOPPED)
        advice = "see `jupyter-edge engine logs`" if self.is_local else "see that it runs where JUPYTER_EDGE_URL says"
        msg = f"The engine at {address.url} cannot be reached ({type(error).__name__}): {advice}."
        return EngineProblem("unreachable", 502, msg)


def _running_engine() -> EngineAddress | None:
    home = Home()
    address = home.read_address()
    return address if address and is_running(address, home) else None


def _refused(body: bytes, token: str) -> EngineProblem:
    """Return the refusal in the engine's own words; to the browser, a 401 would mean its own login."""
    try:
        words = httpx.Response(200, content=body).json()["msg"]
    except (ValueError, KeyError, TypeError):
        words = "The engine refuses this server's token: set JUPYTER_EDGE_TOKEN as `jupyter-edge env` prints it there."
    return EngineProblem("unauthorized", 502, str(words).replace(token, "***"))

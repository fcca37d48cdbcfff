"""What the browser asks for: the engine's API as it is, the engine's state, and its start."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from jupyter_server.auth.utils import HTTP_METHOD_TO_AUTH_ACTION
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.httputil import HTTPServerRequest
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, authenticated, stream_request_body

from jupyter_edge.server.activity import Activity
from jupyter_edge.server.link import Answer, EngineLink, EngineProblem
from jupyter_edge.server.wire import Redactor, answer_headers, request_headers, target_of

AUTH_RESOURCE = "jupyter_edge"
_API = "jupyter-edge/api"
_CHUNKS = 16  # of up to 64 KiB, of a body whose sender is faster than the engine
_ANY_SIZE = 1 << 62


class EdgeHandler(APIHandler):
    """Base of the extension's handlers; what they are asked is no activity, as an open panel asks now and then.

    They do not wait until an answer has arrived, which would fail for a browser that has gone meanwhile.
    """

    auth_resource = AUTH_RESOURCE
    _track_activity = False

    def initialize(self, link: EngineLink, activity: Activity) -> None:
        """Take what all handlers share."""
        self.link = link
        self.activity = activity

    def refuse(self, problem: EngineProblem) -> None:
        """Answer with what is wrong with the engine."""
        self.set_status(problem.code)
        self.finish(json.dumps({"msg": str(problem), "code": problem.code, "state": problem.state}))


class StatusHandler(EdgeHandler):
    """The engine's state."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer ``{state, is_local, version, engine_version, msg}``."""
        self.finish(json.dumps(await self.link.status()))


class StartHandler(EdgeHandler):
    """The engine's start."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Start the engine if it does not run, and answer as its state does."""
        self.activity.note()
        try:
            await self.link.start()
        except EngineProblem as problem:
            self.refuse(problem)
        else:
            self.finish(json.dumps(await self.link.status()))


@stream_request_body
class ForwardHandler(EdgeHandler):
    """The engine's API: a body goes on while it comes in, an answer comes back while the engine writes it."""

    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "OPTIONS")

    def initialize(self, link: EngineLink, activity: Activity) -> None:
        """Take what all handlers share."""
        super().initialize(link, activity)
        self._answer: asyncio.Task[Answer] | None = None
        self._discarding: asyncio.Task[None] | None = None
        self._is_relayed = False
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_CHUNKS)

    async def prepare(self, **options: Any) -> None:
        """Check the caller and begin to forward, before any of the body is read."""
        await super().prepare(**options)
        if self._finished or self.request.method == "OPTIONS":
            return
        await self._admit()
        prefix = url_path_join(self.base_url, _API, "/")
        target = target_of(self.request.path[len(prefix) :], self.request.query)
        headers = request_headers(self.request.headers.get_all())
        content = self._body() if _has_body(self.request) else None
        _connection(self.request).set_max_body_size(_ANY_SIZE)
        self._answer = asyncio.create_task(self._ask(target, headers, content))

    async def data_received(self, chunk: bytes) -> None:
        """Pass a part of the body on, once there is room for it."""
        if self._chunks.qsize():
            self.activity.note()
        await self._pass_on(chunk)

    @authenticated
    @authorized
    async def get(self, _path: str) -> None:
        """Forward a GET."""
        await self._relay()

    @authenticated
    @authorized
    async def head(self, _path: str) -> None:
        """Forward a HEAD."""
        await self._relay()

    @authenticated
    @authorized
    async def post(self, _path: str) -> None:
        """Forward a POST."""
        await self._relay()

    def on_connection_close(self) -> None:
        """Stop asking for somebody who has gone."""
        super().on_connection_close()
        if self._answer and not self._answer.cancel() and not self._is_relayed:
            self._discarding = asyncio.create_task(_discard(self._answer))

    async def _admit(self) -> None:
        """Do what the decorators of a verb do, which is called only once the body is here."""
        action = HTTP_METHOD_TO_AUTH_ACTION[self.request.method or ""]
        user = self.current_user
        if not user or not await ensure_async(self.authorizer.is_authorized(self, user, action, self.auth_resource)):
            raise HTTPError(403, f"User is not authorized to {action} on resource: {self.auth_resource}.")

    async def _ask(self, target: str, headers: list[tuple[str, str]], content: AsyncIterator[bytes] | None) -> Answer:
        await self.link.start_first()
        return await self.link.send(self.request.method or "", target, headers, content)

    async def _body(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk

    async def _pass_on(self, chunk: bytes | None) -> None:
        """Put a part of the body into the queue; an engine that has answered already wants no more of it."""
        if self._answer is None:
            return
        put = asyncio.ensure_future(self._chunks.put(chunk))
        await asyncio.wait({put, self._answer}, return_when=asyncio.FIRST_COMPLETED)
        put.cancel()

    async def _relay(self) -> None:
        assert self._answer is not None  # noqa: S101 (prepare has begun)
        self._is_relayed = True
        await self._pass_on(None)
        await asyncio.wait({self._answer})
        if self._answer.cancelled():  # nobody waits for it any more
            return
        try:
            answer = self._answer.result()
        except EngineProblem as problem:
            self.refuse(problem)
            return
        try:
            await self._copy(answer)
        except StreamClosedError:
            self.log.debug("The browser did not wait for the end of the engine's answer.")
        except httpx.HTTPError as error:
            self.log.warning("An answer of the engine ended half-way: %s", type(error).__name__)
            self._drop()
        finally:
            await answer.response.aclose()

    async def _copy(self, answer: Answer) -> None:
        response, redactor = answer.response, Redactor(answer.token)
        self.set_status(response.status_code, response.reason_phrase)
        self.clear_header("Content-Type")
        for name, value in answer_headers(response.headers.multi_items(), answer.token):
            self.set_header(name, value)
        await self.flush()
        async for chunk in response.aiter_raw():
            self.write(redactor.feed(chunk))
            await self.flush()
        self.write(redactor.end())
        await self.finish()

    def _drop(self) -> None:
        """Close the connection, so that nobody takes what has come for all of it."""
        if stream := _connection(self.request).stream:
            stream.close()


async def _discard(answered: asyncio.Task[Answer]) -> None:
    """Close an answer that came before all of the body did, for somebody who has gone."""
    with suppress(EngineProblem):
        await answered.result().response.aclose()


def _has_body(request: HTTPServerRequest) -> bool:
    return request.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in request.headers


def _connection(request: HTTPServerRequest) -> Any:
    return request.connection

"""What the endpoints share: the engine's state, and request bodies that are JSON whatever their Content-Type says."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, model_validator

from jupyter_edge.core.errors import AuthenticationError
from jupyter_edge.core.secret import bearer_token
from jupyter_edge.engine.state import EngineState

JOB_HEADER = "Jupyter-Edge-Job"
WARNING_HEADER = "Jupyter-Edge-Warning"
MAX_JSON_BODY = 4 << 20


def _state_of(request: Request) -> EngineState:
    state: EngineState = request.app.state.engine
    return state


def _edge_credential(request: Request) -> str:
    credential = bearer_token(request.headers.get("authorization", ""))
    if not credential:
        raise AuthenticationError("An edge sends its credential as bearer token: join again with a new EDGE_BUNDLE.")
    return credential


State = Annotated[EngineState, Depends(_state_of)]
EdgeCredential = Annotated[str, Depends(_edge_credential)]
Id = Annotated[int, Field(ge=0, lt=1 << 63)]


class RequestBody(BaseModel):
    """A JSON object: unknown fields are passed over, and ``null`` is the same as a field left out."""

    @model_validator(mode="before")
    @classmethod
    def _leave_out_nulls(cls, value: object) -> object:
        if isinstance(value, dict):
            return {name: item for name, item in value.items() if item is not None}
        return value


class _JsonRequest(Request):
    async def body(self) -> bytes:
        """Return the body, no longer than ``MAX_JSON_BODY``; an empty one is an empty object."""
        if not hasattr(self, "_body"):
            received = bytearray()
            async for chunk in self.stream():
                received += chunk
                if len(received) > MAX_JSON_BODY:
                    raise HTTPException(413, f"The body is larger than {MAX_JSON_BODY} bytes: send less at once.")
            self._body = bytes(received) or b"{}"
        return self._body

    async def json(self) -> Any:
        """Return the body's value; NaN and half a surrogate pair are refused, as no answer could show them again.

        Raises:
            JSONDecodeError: if the body is not JSON.
        """
        return orjson.loads(await self.body())


class JsonRoute(APIRoute):
    """A route whose body is JSON of at most ``MAX_JSON_BODY`` bytes, also where callers name another type or none."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            headers = [(name, value) for name, value in request.scope["headers"] if name != b"content-type"]
            scope = {**request.scope, "headers": [*headers, (b"content-type", b"application/json")]}
            return await handle(_JsonRequest(scope, request.receive))

        return handle_json


def json_router(noun: str) -> APIRouter:
    """Return a router for ``/v1/api/<noun>/...`` whose endpoints take JSON."""
    return APIRouter(prefix=f"/v1/api/{noun}", tags=[noun], route_class=JsonRoute)

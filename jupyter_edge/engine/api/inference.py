"""Inference at the engine's own address: requests are forwarded to the deployment as they stream in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import httpx
from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from jupyter_edge.engine.api.dependencies import State
from jupyter_edge.engine.api.errors import inference_error
from jupyter_edge.engine.deployments import id_of

router = APIRouter(prefix="/v1/api/pipelines", tags=["inference"])

_NOT_FORWARDED = {"connection", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
_TIMEOUT = httpx.Timeout(300.0, connect=10.0)
# No connection is used twice: one that is kept may belong to a replica that is just being replaced.
_CLIENT = httpx.AsyncClient(
    timeout=_TIMEOUT, limits=httpx.Limits(max_connections=None, max_keepalive_connections=0), trust_env=False
)


@router.post("/infer/{deployment}/{name}")
async def infer(deployment: str, name: str, request: Request, state: State) -> Response:
    """Forward an inference request to the deployment ``<pipeline>-<deployment id>`` and stream the answer back.

    Errors of the way there are an array of one object with the key ``error``.
    """
    deployment_id = id_of(deployment)
    port = state.deployments.port(deployment_id)
    if port is None or deployment != f"{name}-{deployment_id}":
        reason = state.deployments.error(deployment_id)
        if reason:
            return inference_error(500, f"Pipeline {name!r} is not up: {reason}")
        return inference_error(404, f"Pipeline {name!r} is not deployed as {deployment!r}: deploy it first.")
    url = httpx.URL(f"http://127.0.0.1:{port}/pipelines/{name}", query=request.scope["query_string"])
    try:
        answer = await _forward(url, request)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody reads it
    except httpx.TimeoutException:
        return inference_error(
            504, f"Pipeline {name!r} has not answered within {_TIMEOUT.read:.0f} s: send fewer rows at once."
        )
    except httpx.TransportError as error:
        return inference_error(
            502, f"Pipeline {name!r} did not answer ({type(error).__name__}): look at its deployment's status."
        )
    response = StreamingResponse(answer.aiter_raw(), answer.status_code, background=BackgroundTask(answer.aclose))
    response.raw_headers = [(key.lower(), value) for key, value in _kept(answer.headers.raw)]
    return response


async def _forward(url: httpx.URL, request: Request) -> httpx.Response:
    """Send a request on and return the answer as it begins; who has left is left alone by the deployment, too.

    Raises:
        ClientDisconnect: if the client has left.
        httpx.TransportError: if no answer comes.
    """
    received = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        async for part in request.stream():
            yield part
        received.set()

    async def leave() -> None:
        await received.wait()
        while (await request.receive())["type"] != "http.disconnect":
            pass

    forwarded = httpx.Request("POST", url, headers=_kept(request.headers.raw), content=body())
    sending = asyncio.create_task(_CLIENT.send(forwarded, stream=True))
    leaving = asyncio.create_task(leave())
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not sending.done():
            raise ClientDisconnect
        return sending.result()
    finally:
        leaving.cancel()
        sending.cancel()


def _kept(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(key, value) for key, value in headers if key.decode("latin-1").lower() not in _NOT_FORWARDED]

"""Where edges ship their log to."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from typing_extensions import TypedDict

from jupyter_edge.core.errors import InvalidInputError, TooLargeError
from jupyter_edge.engine import edges
from jupyter_edge.engine.api.dependencies import EdgeCredential, State
from jupyter_edge.engine.log_tables import LogSource
from jupyter_edge.engine.state import EngineState

MAX_SHIPMENT = 64 << 20
_EPOCH = re.compile(r"[0-9A-Za-z_-]{1,64}")
_SEQUENCE = re.compile(r"[0-9]{1,18}(,[0-9]{1,18})*")
_COUNT = re.compile(r"[0-9]{1,18}")

router = APIRouter(prefix="/v1/api/edges", tags=["edges"])


class Acknowledgement(TypedDict):
    """The number of the last batch that the engine has committed."""

    acknowledged: int


@router.post("/logs")
async def take_log(request: Request, credential: EdgeCredential, state: State) -> Acknowledgement:
    """Commit what an edge logged; batches that are here already are passed over, so that all may be sent again.

    The caller's bearer token is the edge's credential. The body holds Arrow IPC streams one after the other,
    ``Jupyter-Edge-Sequence`` their numbers, ``Jupyter-Edge-Epoch`` the opening of the spool that gave them.
    """
    partition, pipeline_id = await run_in_threadpool(_recognise, state, credential)
    epoch = _header(request, "Jupyter-Edge-Epoch", _EPOCH)
    sequence = [int(number) for number in _header(request, "Jupyter-Edge-Sequence", _SEQUENCE).split(",")]
    dropped_rows = int(_header(request, "Jupyter-Edge-Dropped-Rows", _COUNT))
    body = await _read_body(request)
    source = LogSource(pipeline_id, partition, epoch)
    await run_in_threadpool(state.logs.ingest_shipment, source, sequence, body, dropped_rows)
    return Acknowledgement(acknowledged=sequence[-1])


def _recognise(state: EngineState, credential: str) -> tuple[str, int]:
    """Return the name and the pipeline of the edge with this credential, and note that it was heard."""
    with state.sessions.begin() as session:
        edge = edges.recognise(session, credential)
        state.fleet.hear(session, edge)
        return edge.name, edge.publish.pipeline_version.pipeline_id


def _header(request: Request, name: str, form: re.Pattern[str]) -> str:
    value = request.headers.get(name, "")
    if not form.fullmatch(value):
        msg = f"The header {name} is missing or malformed: {value[:80]!r}."
        raise InvalidInputError(msg)
    return value


async def _read_body(request: Request) -> bytes:
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_SHIPMENT:
            msg = f"A shipment of the log is larger than {MAX_SHIPMENT} bytes: send less at once."
            raise TooLargeError(msg)
    return bytes(received)

"""The stream of what changes in the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict

import orjson
from fastapi import APIRouter
from starlette.responses import StreamingResponse

from jupyter_edge.engine.api.dependencies import State
from jupyter_edge.engine.events import Events

router = APIRouter(prefix="/v1/api", tags=["events"])


@router.get("/events", response_class=StreamingResponse)
async def follow_events(state: State) -> StreamingResponse:
    """Follow what changes, as server-sent events, each once it is committed: ``{kind, id, action, workspace_id}``.

    ``kind`` is workspace, model, pipeline, deployment, publish, edge, job or log, whose id is that of its pipeline; or
    ``all`` for a listener that was too slow and looks at everything again. ``action`` is created, changed or deleted.
    An ``id`` of null stands for many of a kind.
    Comments tell a listener that it hears all from now on, and that the engine is there while nothing changes.
    """
    return StreamingResponse(
        _messages(state.events), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _messages(events: Events) -> AsyncIterator[bytes]:
    async for changes in events.listen():
        yield b"".join(b"data: %b\n\n" % orjson.dumps(asdict(change)) for change in changes) or b":\n\n"

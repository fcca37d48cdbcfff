from __future__ import annotations

from jupyter_edge.runtime.exchange import Request, Response
from jupyter_edge.runtime.handler import Handler


def respond(handler: Handler, request: Request) -> Response:
    """Answer a request in this thread, alone."""
    prepared = handler.prepare(request)
    if isinstance(prepared, Response):
        return prepared
    (response,), records = handler.run([prepared])
    handler.log(records)
    return response

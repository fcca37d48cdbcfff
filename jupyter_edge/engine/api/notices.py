"""What an answer says beside its body."""

from __future__ import annotations

import logging

from fastapi import Response

from jupyter_edge.engine.api.dependencies import WARNING_HEADER

_log = logging.getLogger(__name__)


def warn(response: Response, sentence: str) -> None:
    """Add a warning to an answer that succeeds all the same, and to the engine's log."""
    text = sentence.encode("unicode_escape").decode()  # a header takes neither line ends nor letters beyond Latin-1
    response.headers[WARNING_HEADER] = text
    _log.warning("%s", text)

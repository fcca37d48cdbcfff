"""Which edges are there: each sends something at a steady pace, and is lost once it has been silent for too long.

Silence is counted in the steps in which this process listened, not by a clock: those neither jump nor go on while the
engine is down, or it or the machine sleeps.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.engine.database import Sessions
from jupyter_edge.engine.edge_events import add_events
from jupyter_edge.engine.events import Change, changed
from jupyter_edge.engine.tables import Edge, now

STEPS_A_PERIOD = 2
LATE_STEPS = 5
LOST_STEPS = 8
_PERIOD = "JUPYTER_EDGE_HEARTBEAT_SECONDS"
_SECONDS = 10.0
_log = logging.getLogger(__name__)


class Fleet:
    """Hears edges, and notes which of them are lost; its methods may be called from any thread.

    Args:
        sessions: on the engine's database.
        period: seconds between two heartbeats of an edge.
        tell: takes what listeners are told of edges that turn late, which the database does not know.
    """

    def __init__(self, sessions: Sessions, period: float, tell: Callable[[Iterable[Change]], None]) -> None:
        self.period = period
        self._sessions = sessions
        self._tell = tell
        self._step = 0
        self._heard: dict[str, int] = {}

    def hear(self, session: Session, edge: Edge, *, stopping: bool = False) -> None:
        """Note that an edge has sent something, which was its goodbye if it is stopping."""
        self._heard[edge.id] = self._step
        edge.last_seen = now()
        state = "stopped" if stopping else "online"
        if edge.state != state:
            kind = "joined" if edge.state == "waiting" else "back"
            add_events(session, [edge], "stopped" if stopping else kind)
            edge.state = state

    def state_of(self, edge: Edge) -> str:
        """Return whether an edge is waiting to join, online, late, lost or stopped."""
        return "late" if edge.state == "online" and self._is_silent(edge.id, LATE_STEPS) else edge.state

    def step(self) -> None:
        """Count one more step in which edges could be heard, and note as lost those that were silent for too many."""
        self._step += 1
        with self._sessions() as session:
            online = session.scalars(select(Edge.id).where(Edge.state == "online")).all()
            late = session.scalars(select(Edge).where(Edge.id.in_([one for one in online if self._turns_late(one)])))
            self._tell([changed(edge) for edge in late])
        silent = [edge_id for edge_id in online if self._is_silent(edge_id, LOST_STEPS)]
        if not silent:
            return
        with self._sessions.begin() as session:
            edges = session.scalars(select(Edge).where(Edge.id.in_(silent), Edge.state == "online"))
            lost = [edge for edge in edges if self._is_silent(edge.id, LOST_STEPS)]
            for edge in lost:
                edge.state = "lost"
            add_events(session, lost, "lost")

    async def watch_for_ever(self) -> None:
        """Look for lost edges now and then, until cancelled; what fails is logged and tried again."""
        while True:
            await asyncio.sleep(self.period / STEPS_A_PERIOD)
            try:
                await asyncio.to_thread(self.step)
            except SQLAlchemyError:
                _log.exception("Lost edges could not be noted; it is tried again")

    def _turns_late(self, edge_id: str) -> bool:
        return self._is_silent(edge_id, LATE_STEPS) and not self._is_silent(edge_id, LATE_STEPS + 1)

    def _is_silent(self, edge_id: str, steps: int) -> bool:
        return self._step - self._heard.get(edge_id, 0) > steps


def heartbeat_seconds(environ: Mapping[str, str]) -> float:
    """Return the seconds between two heartbeats of an edge, which the environment may set.

    Raises:
        InvalidInputError: if it sets what is no number of seconds from 0.1 to an hour.
    """
    text = environ.get(_PERIOD, str(_SECONDS))
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.1 <= seconds <= 3600:
        msg = f"{_PERIOD} says {text!r}: give the seconds between two heartbeats of an edge, from 0.1 to 3600."
        raise InvalidInputError(msg)
    return seconds

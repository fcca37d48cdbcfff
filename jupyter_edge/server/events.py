"""The engine's events on the Jupyter event bus, where the browser listens anyway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from jupyter_edge.server.activity import Activity
from jupyter_edge.server.link import EngineLink, EngineProblem

SCHEMA_ID = "https://jupyter-edge.org/events/engine/v1"
SCHEMA_FILE = Path(__file__).with_name("events.yaml")
_EVERYTHING = {"kind": "all", "id": None, "action": "changed", "workspace_id": None}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_FINISHED = ("succeeded", "failed", "cancelled")
_NO_ACTIVITY = ("all", "edge")


class EventFollower:
    """Follows the engine's events for as long as the server runs, through ends and starts of the engine.

    Whenever the engine comes or goes, it asks to look at everything again: what happened in between was not heard.
    """

    def __init__(self, link: EngineLink, activity: Activity, emit: Callable[[dict[str, Any]], object]) -> None:
        self._link = link
        self._activity = activity
        self._emit = emit
        self._hears = False

    async def run(self) -> None:
        """Follow, until cancelled."""
        pause = _FIRST_PAUSE
        while True:
            with suppress(EngineProblem, httpx.HTTPError, ValueError, LookupError, TypeError):  # or it is no engine
                await self._follow()
            if self._hears:
                self._hears, pause = False, _FIRST_PAUSE
                self._activity.jobs.clear()
                self._emit(_EVERYTHING)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._link.appeared.wait(), pause)
                pause = _FIRST_PAUSE
            self._link.appeared.clear()
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _follow(self) -> None:
        answer = await self._link.send("GET", "/v1/api/events", {"Accept": "text/event-stream"})
        try:
            async for line in answer.response.raise_for_status().aiter_lines():
                if not self._hears:
                    self._hears = True
                    await self._take(_EVERYTHING)
                if line.startswith("data:") and _is_known(event := json.loads(line[5:])):
                    await self._take(event)
                if self._activity.jobs:
                    self._activity.note()
        finally:
            await answer.response.aclose()

    async def _take(self, event: dict[str, Any]) -> None:
        self._emit({name: event.get(name) for name in _EVERYTHING})
        if event["kind"] not in _NO_ACTIVITY:
            self._activity.note()
        if event["kind"] in ("job", "all"):
            await self._look_at_jobs(event.get("id"))

    async def _look_at_jobs(self, job_id: int | None) -> None:
        if job_id is None:
            jobs = (await self._link.ask("jobs/list"))["jobs"]
        else:
            self._activity.jobs.discard(job_id)
            try:
                jobs = [await self._link.ask("jobs/get", json.dumps({"id": job_id}).encode())]
            except EngineProblem:  # it may be forgotten already
                return
        self._activity.jobs |= {job["id"] for job in jobs if job["state"] not in _FINISHED}


def _is_known(event: object) -> bool:
    """Say whether the schema takes an event: an engine of another release may tell of what it does not know."""
    match event:
        case {
            "kind": str(),
            "id": int() | str() | None,
            "action": "created" | "changed" | "deleted",
            "workspace_id": int() | None,
        }:
            return True
    return False

"""Whether the server is busy for its user, so that what stops idle servers leaves it alone."""

from __future__ import annotations

from typing import Any

from jupyter_server._tz import utcnow

_NAME = "jupyter_edge"


class Activity:
    """When something was last done, and which jobs are under way.

    Whatever changes in the engine is activity, rows that deployments and edges log among it, and so is a job for as
    long as it takes. An open panel, a deployment that nobody asks and an edge that only says that it is there are not.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._times: dict[str, Any] = settings["last_activity_times"]
        self.jobs: set[int] = set()

    def note(self) -> None:
        """Say that something is being done now."""
        self._times[_NAME] = utcnow()

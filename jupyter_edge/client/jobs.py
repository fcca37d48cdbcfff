"""The engine's jobs: what it is doing, and waiting for one with progress shown."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from jupyter_edge.client.panels import load_panel
from jupyter_edge.client.transport import Transport
from jupyter_edge.client.twins import Kinds, TwinListing, Twins, reading
from jupyter_edge.core.errors import DeploymentError, EdgeError, InvalidInputError, PublishError
from jupyter_edge.display import Details, Dots, table_time
from jupyter_edge.display.twins import post

_FIRST_WAIT_SECONDS = 0.02
_LONGEST_WAIT_SECONDS = 0.5
_FINAL = {"succeeded", "failed", "cancelled"}
_FAILURES: dict[str, type[EdgeError]] = {
    "upload": InvalidInputError,
    "deploy": DeploymentError,
    "undeploy": DeploymentError,
    "publish": PublishError,
}


class Job(Twins, Details):
    """Long work of the engine, as it stood when it was asked for: an upload, a deploy, an undeploy, a publish.

    ``subject`` names the model or pipeline that it is about; ``state`` is queued, running, succeeded, failed or
    cancelled; ``progress`` runs from 0 to 1.
    """

    def __init__(self, transport: Transport, data: dict[str, Any]) -> None:
        self._transport = transport
        self.id: int = data["id"]
        self.kind: str = data["kind"]
        self.subject: str = data["subject"]
        self.state: str = data["state"]
        self.progress: float = data["progress"]
        self.message: str = data["message"]
        self.error: str | None = data["error"]
        self.created_at = datetime.fromisoformat(data["created_at"])
        self.updated_at = datetime.fromisoformat(data["updated_at"])

    @property
    def done(self) -> bool:
        """Say whether the job has ended, well or not."""
        return self.state in _FINAL

    def refresh(self) -> Job:
        """Return the job as it stands now."""
        return get_job(self._transport, self.id)

    def wait(self, seconds: float = 600.0) -> Job:
        """Wait until the job has ended, showing progress as text, and return it; an interrupt cancels it.

        Raises:
            EdgeError: with the cause, if it fails, is cancelled or takes longer; in the last case it goes on.
        """
        dots = Dots(f"Waiting for {self.kind} ", patience=0.5)
        wait_for_job(self._transport, self.id, dots, seconds, _FAILURES.get(self.kind, EdgeError))
        return self.refresh()

    def panel(self) -> Any:
        """Return the job's bar with its words and a button that cancels it, to be shown in a notebook."""
        return load_panel("JobProgress")(self)

    def cancel(self) -> Job:
        """Ask the engine to end the job; return it as it stands then."""
        return Job(self._transport, self._transport.post("jobs/cancel", {"id": self.id}))

    def details(self) -> dict[str, object]:
        """Return the rows of the job's table."""
        rows: dict[str, object] = {
            "id": self.id,
            "kind": self.kind,
            "subject": self.subject,
            "state": self.state,
            "progress": f"{self.progress:.0%}",
            "message": self.message,
            "created": table_time(self.created_at),
            "last_updated": table_time(self.updated_at),
        }
        return rows | ({"error": self.error} if self.error else {})

    def _twins(self) -> Kinds:
        return reading(post("jobs/get", {"id": self.id}), f"print(client.get_job({self.id}))")

    def __repr__(self) -> str:
        what = f"kind={self.kind!r}, subject={self.subject!r}"
        return f"Job(id={self.id}, {what}, state={self.state!r}, progress={self.progress:.0%})"


def get_job(transport: Transport, job_id: int) -> Job:
    """Return a job by its id."""
    return Job(transport, transport.post("jobs/get", {"id": job_id}))


def job_listing(jobs: Iterable[Job]) -> TwinListing[Job]:
    """Return jobs as a list that shows as a table."""
    columns = ["id", "kind", "subject", "state", "progress", "message", "created", "error"]
    return TwinListing(
        jobs,
        columns,
        lambda job: [
            job.id,
            job.kind,
            job.subject,
            job.state,
            f"{job.progress:.0%}",
            job.message,
            table_time(job.created_at),
            job.error or "",
        ],
        reading(post("jobs/list", {}), "print(client.jobs())"),
    )


def wait_for_job(
    transport: Transport, job_id: int | None, dots: Dots, seconds: float, failure: type[EdgeError]
) -> None:
    """Wait until a job has succeeded, showing progress; cancel it where the user interrupts.

    Args:
        transport: the engine's.
        job_id: the job; ``None`` where there was nothing to do.
        dots: the line of progress.
        seconds: how long to wait.
        failure: the error to raise if the job fails, is cancelled, or takes longer; in the last case it goes on.
    """
    try:
        with cancelled_by_interrupt(transport, job_id):
            job = _follow(transport, job_id, dots, seconds)
    except KeyboardInterrupt:
        dots.end(" cancelled")
        raise
    except EdgeError:
        dots.end(" failed")
        raise
    if job is None or job.state == "succeeded":
        dots.end()
        return
    dots.end(" failed")
    if job.done:
        raise failure(job.error or f"The {job.kind} was {job.state}: {job.message or 'no reason was given'}.")
    msg = (
        f"The {job.kind} has not ended after {seconds:.0f} s (so far: {job.message or job.state}). It goes on: "
        f"client.jobs() shows it, client.get_job({job.id}).cancel() ends it."
    )
    raise failure(msg)


@contextmanager
def cancelled_by_interrupt(transport: Transport, job_id: int | None) -> Iterator[None]:
    """Cancel a job where the user interrupts the block."""
    try:
        yield
    except KeyboardInterrupt:
        if job_id is not None:
            with suppress(EdgeError):  # it may have ended by now: the interrupt is what the caller has to see
                transport.post("jobs/cancel", {"id": job_id})
        raise


def _follow(transport: Transport, job_id: int | None, dots: Dots, seconds: float) -> Job | None:
    dots.tick()
    if job_id is None:
        return None
    deadline, wait = time.monotonic() + seconds, _FIRST_WAIT_SECONDS
    while True:
        job = get_job(transport, job_id)
        if job.done or time.monotonic() > deadline:
            return job
        time.sleep(wait)
        wait = min(1.5 * wait, _LONGEST_WAIT_SECONDS)
        dots.tick()

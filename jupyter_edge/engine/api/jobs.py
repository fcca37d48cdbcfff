"""Endpoints on jobs."""

from __future__ import annotations

from typing_extensions import TypedDict

from jupyter_edge.engine.api.dependencies import Id, RequestBody, State, json_router
from jupyter_edge.engine.api.pages import Paged, PageRequest, paged
from jupyter_edge.engine.tables import Job, timestamp

router = json_router("jobs")


class JobItem(TypedDict):
    """A job; ``state`` is queued, running, succeeded, failed or cancelled, and ``progress`` goes from 0 to 1.

    ``subject`` is the name of the model or pipeline that it is about.
    """

    id: int
    kind: str
    subject: str
    state: str
    progress: float
    message: str
    error: str | None
    created_at: str
    updated_at: str


class JobsAnswer(Paged):
    """Jobs, newest first."""

    jobs: list[JobItem]


class JobId(RequestBody):
    """Which job."""

    id: Id


@router.post("/list")
def list_jobs(body: PageRequest, state: State) -> JobsAnswer:
    """List the jobs that are kept; ``name_contains`` looks at their kind and subject."""
    page = state.jobs.list(body.window())
    return JobsAnswer(jobs=[_item(job) for job in page.rows], **paged(page))


@router.post("/get")
def get_job(body: JobId, state: State) -> JobItem:
    """Look a job up."""
    return _item(state.jobs.get(body.id))


@router.post("/cancel")
def cancel_job(body: JobId, state: State) -> JobItem:
    """Ask a job to stop; it ends at its next step, and one that is done stays as it is."""
    return _item(state.jobs.cancel(body.id))


def _item(job: Job) -> JobItem:
    return JobItem(
        id=job.id,
        kind=job.kind,
        subject=job.subject,
        state=job.state,
        progress=job.progress,
        message=job.message,
        error=job.error,
        created_at=timestamp(job.created_at),
        updated_at=timestamp(job.updated_at),
    )

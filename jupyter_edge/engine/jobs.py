"""Long work in threads: each job has a state, progress and a message that outlive the request that started it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from jupyter_edge.core.errors import EdgeError, EntityNotFoundError, JobCancelledError
from jupyter_edge.engine.database import Sessions
from jupyter_edge.engine.tables import Job, now

KEPT_JOBS = 1_000
_FINISHED = ("succeeded", "failed", "cancelled")
_log = logging.getLogger(__name__)
Result = TypeVar("Result")


class JobContext:
    """What the work of a job sees of it."""

    def __init__(self, write: Callable[[float, str], None]) -> None:
        self._write = write
        self._written = (-1.0, "")
        self.cancelled = threading.Event()

    def check(self) -> None:
        """Go on unless the job was cancelled.

        Raises:
            JobCancelledError: once it was.
        """
        if self.cancelled.is_set():
            msg = "The job was cancelled before it was done."
            raise JobCancelledError(msg)

    def report(self, progress: float, message: str) -> None:
        """Say how far the job is, from 0 to 1, and what it does; steps under a hundredth are not written.

        Raises:
            JobCancelledError: if the job was cancelled.
        """
        self.check()
        if message != self._written[1] or progress >= self._written[0] + 0.01:
            self._written = (progress, message)
            self._write(progress, message)


class Jobs:
    """Starts jobs and keeps their rows; jobs that a dead engine left unfinished become failed ones."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._running: dict[int, tuple[JobContext, Future[Any]]] = {}
        left = "The engine ended before the job was done: start it again."
        with sessions.begin() as session:
            session.execute(
                update(Job).where(Job.state.not_in(_FINISHED)).values(state="failed", error=left, updated_at=now())
            )

    def start(self, kind: str, work: Callable[[JobContext], object]) -> int:
        """Run ``work`` in a thread of its own and return the job's id."""
        return self.submit(kind, work)[0]

    def submit(self, kind: str, work: Callable[[JobContext], Result]) -> tuple[int, Future[Result]]:
        """Do what ``start`` does, and return also the future of what ``work`` returns or raises."""
        with self._sessions.begin() as session:
            job = Job(kind=kind)
            session.add(job)
            session.flush()
            job_id = job.id
            session.execute(delete(Job).where(Job.id <= job_id - KEPT_JOBS, Job.state.in_(_FINISHED)))
        context = JobContext(lambda progress, message: self._write(job_id, progress=progress, message=message))
        outcome: Future[Result] = Future()
        self._running[job_id] = (context, outcome)
        threading.Thread(target=self._run, args=(job_id, context, outcome, work), daemon=True).start()
        return job_id, outcome

    def get(self, job_id: int) -> Job:
        """Return the job's row.

        Raises:
            EntityNotFoundError: if there is none.
        """
        with self._sessions() as session:
            job = session.get(Job, job_id)
        if job is None:
            msg = f"There is no job {job_id}: jobs/list names those that are kept."
            raise EntityNotFoundError(msg)
        return job

    def list(self) -> list[Job]:
        """Return the jobs that are kept, newest first."""
        with self._sessions() as session:
            return list(session.scalars(select(Job).order_by(Job.id.desc())))

    def cancel(self, job_id: int) -> Job:
        """Ask the job to stop at its next step and return its row; one that is done stays as it is.

        Raises:
            EntityNotFoundError: if there is no such job.
        """
        if running := self._running.get(job_id):
            running[0].cancelled.set()
        return self.get(job_id)

    def wait(self, job_id: int, timeout: float) -> Job:
        """Return the job's row once it is done, or after ``timeout`` seconds as it is then.

        Raises:
            EntityNotFoundError: if there is no such job.
        """
        if running := self._running.get(job_id):
            wait([running[1]], timeout)
        return self.get(job_id)

    def cancel_all(self) -> None:
        """Ask every job to stop at its next step."""
        for context, _ in list(self._running.values()):
            context.cancelled.set()

    def _run(
        self, job_id: int, context: JobContext, outcome: Future[Result], work: Callable[[JobContext], Result]
    ) -> None:
        try:
            self._write(job_id, state="running")
            result = work(context)
            self._write(job_id, state="succeeded", progress=1.0)
            outcome.set_result(result)
        except BaseException as error:  # noqa: BLE001 (whoever waits for the outcome gets it)
            self._fail(job_id, error)
            outcome.set_exception(error)
        finally:
            del self._running[job_id]

    def _fail(self, job_id: int, error: BaseException) -> None:
        state = "cancelled" if isinstance(error, JobCancelledError) else "failed"
        message = str(error)
        if not isinstance(error, EdgeError):
            _log.error("Job %d failed", job_id, exc_info=error)
            message = f"The job failed unexpectedly ({type(error).__name__}): the engine's log says more."
        with suppress(SQLAlchemyError):  # a full disk; the next engine marks the job as failed
            self._write(job_id, state=state, error=message)

    def _write(self, job_id: int, **values: Any) -> None:
        with self._sessions.begin() as session:
            session.execute(update(Job).where(Job.id == job_id).values(updated_at=now(), **values))

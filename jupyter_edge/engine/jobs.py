"""Long work in threads: each job has a state, progress and a message that outlive the request that started it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import delete, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from jupyter_edge.core.errors import EdgeError, JobCancelledError
from jupyter_edge.engine.database import Sessions, found, is_full
from jupyter_edge.engine.paging import EVERYTHING, Order, Page, Window, read_page
from jupyter_edge.engine.tables import Job, now

KEPT_JOBS = 1_000
_RETRY_SECONDS = 1.0
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

    def submit(self, kind: str, work: Callable[[JobContext], Result], subject: str = "") -> tuple[int, Future[Result]]:
        """Add a job and run it; return its id, and the future of what ``work`` returns or raises."""
        with self._sessions.begin() as session:
            job_id = self.add(session, kind, subject)
        return job_id, self.run(job_id, work)

    def add(self, session: Session, kind: str, subject: str = "") -> int:
        """Add a job to be run once the session has committed, together with what it is to work on; return its id.

        Args:
            subject: the name of what the job is about, for people.
        """
        job = Job(kind=kind, subject=subject)
        session.add(job)
        session.flush()
        session.execute(delete(Job).where(Job.id <= job.id - KEPT_JOBS, Job.state.in_(_FINISHED)))
        return job.id

    def run(
        self, job_id: int, work: Callable[[JobContext], Result], failed: Callable[[Session, str], None] | None = None
    ) -> Future[Result]:
        """Run an added job in a thread of its own and return the future of what ``work`` returns or raises.

        Args:
            failed: called with the reason if the job does not succeed, to say so elsewhere in the same transaction.
        """
        context = JobContext(lambda progress, message: self._note(job_id, progress=progress, message=message))
        outcome: Future[Result] = Future()
        self._running[job_id] = (context, outcome)
        threading.Thread(target=self._run, args=(job_id, context, outcome, work, failed), daemon=True).start()
        return outcome

    def get(self, job_id: int) -> Job:
        """Return the job's row.

        Raises:
            EntityNotFoundError: if there is none.
        """
        with self._sessions() as session:
            missing = f"There is no job {job_id}: jobs/list names those that are kept."
            return found(session.get(Job, job_id), missing)

    def list(self, window: Window = EVERYTHING) -> Page[Job]:
        """Return the jobs that are kept, newest first; their name is their kind and subject."""
        with self._sessions() as session:
            return read_page(
                session, select(Job), Order((Job.id,), Job.kind + " " + Job.subject, descending=True), window
            )

    def cancel(self, job_id: int) -> Job:
        """Ask the job to stop at its next step and return its row; one that is done stays as it is.

        Raises:
            EntityNotFoundError: if there is no such job.
        """
        if running := self._running.get(job_id):
            running[0].cancelled.set()
        return self.get(job_id)

    def cancel_all(self) -> None:
        """Ask every job to stop at its next step."""
        for context, _ in list(self._running.values()):
            context.cancelled.set()

    def _run(
        self,
        job_id: int,
        context: JobContext,
        outcome: Future[Result],
        work: Callable[[JobContext], Result],
        failed: Callable[[Session, str], None] | None,
    ) -> None:
        try:
            self._note(job_id, state="running")
            result = work(context)
        except BaseException as error:  # noqa: BLE001 (whoever waits for the outcome gets it)
            state, reason = self._failure(job_id, error)
            end = partial(self._end, job_id, failed, reason, state=state, error=reason)
            settle: Callable[[], None] = partial(outcome.set_exception, error)
        else:
            end = partial(self._end, job_id, None, "", state="succeeded", progress=1.0, message="")
            settle = partial(outcome.set_result, result)
        ended = end()
        settle()
        while not ended:  # the disk is full, and nobody else would say later how the job has ended
            time.sleep(_RETRY_SECONDS)
            ended = end()
        del self._running[job_id]

    def _failure(self, job_id: int, error: BaseException) -> tuple[str, str]:
        state = "cancelled" if isinstance(error, JobCancelledError) else "failed"
        if isinstance(error, EdgeError):
            return state, str(error)
        if is_full(error):
            return state, "The disk is full, so the job was not done: free some space and start it again."
        _log.error("Job %d failed", job_id, exc_info=error)
        return state, f"The job failed unexpectedly ({type(error).__name__}): the engine's log says more."

    def _end(self, job_id: int, failed: Callable[[Session, str], None] | None, reason: str, **values: Any) -> bool:
        """Write how a job has ended; return whether that could be written."""
        try:
            with self._sessions.begin() as session:
                session.execute(update(Job).where(Job.id == job_id).values(updated_at=now(), **values))
                if failed:
                    failed(session, reason)
        except SQLAlchemyError:
            return False
        return True

    def _note(self, job_id: int, **values: Any) -> None:
        """Write how far a job is; what cannot be written, as on a full disk, does not make the job fail."""
        with suppress(SQLAlchemyError), self._sessions.begin() as session:
            session.execute(update(Job).where(Job.id == job_id).values(updated_at=now(), **values))

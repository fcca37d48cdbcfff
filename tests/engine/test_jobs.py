from __future__ import annotations

import sqlite3
import threading
from http import HTTPStatus
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from jupyter_edge.core.errors import EntityNotFoundError, InvalidInputError, JobCancelledError
from jupyter_edge.engine import jobs as jobs_module
from jupyter_edge.engine.database import open_database
from jupyter_edge.engine.jobs import JobContext, Jobs
from tests.engine.process import EngineProcess, wait_for

SECONDS = 30.0


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "engine.db"


@pytest.fixture
def jobs(database: Path) -> Jobs:
    return Jobs(open_database(database))


def test_a_job_runs_and_reports(jobs: Jobs) -> None:
    reported, go_on = threading.Event(), threading.Event()

    def work(job: JobContext) -> None:
        job.report(0.5, "half")
        reported.set()
        go_on.wait(SECONDS)

    job_id, outcome = jobs.submit("upload", work)
    assert reported.wait(SECONDS)
    running = jobs.get(job_id)
    assert (running.kind, running.state, running.progress, running.message) == ("upload", "running", 0.5, "half")
    go_on.set()
    outcome.result(SECONDS)
    done = jobs.get(job_id)
    assert (done.state, done.progress, done.message, done.error) == ("succeeded", 1.0, "", None)
    assert done.updated_at > done.created_at


def test_the_outcome_of_a_job_is_what_its_work_returns(jobs: Jobs) -> None:
    _, outcome = jobs.submit("upload", lambda _: 42)
    assert outcome.result(SECONDS) == 42


def test_a_failed_job_says_why_and_its_outcome_raises_the_same(jobs: Jobs) -> None:
    def work(_job: JobContext) -> None:
        raise InvalidInputError("The file is no model.")

    job_id, outcome = jobs.submit("upload", work)
    assert isinstance(outcome.exception(SECONDS), InvalidInputError)
    assert (jobs.get(job_id).state, jobs.get(job_id).error) == ("failed", "The file is no model.")


def test_an_unexpected_failure_is_logged_and_not_shown(jobs: Jobs, caplog: pytest.LogCaptureFixture) -> None:
    def work(_job: JobContext) -> None:
        raise ZeroDivisionError("detail")

    job_id, outcome = jobs.submit("publish", work)
    assert isinstance(outcome.exception(SECONDS), ZeroDivisionError)
    job = jobs.get(job_id)
    assert job.state == "failed"
    assert "ZeroDivisionError" in str(job.error)
    assert "detail" not in str(job.error)
    assert "detail" in caplog.text


def test_a_cancelled_job_ends_at_its_next_report(jobs: Jobs) -> None:
    started = threading.Event()

    def work(job: JobContext) -> None:
        started.set()
        job.cancelled.wait(SECONDS)
        job.report(0.9, "too late")

    job_id, outcome = jobs.submit("deploy", work)
    assert started.wait(SECONDS)
    jobs.cancel(job_id)
    assert isinstance(outcome.exception(SECONDS), JobCancelledError)
    job = jobs.get(job_id)
    assert (job.state, job.message) == ("cancelled", "")
    assert jobs.cancel(job_id).state == "cancelled"


def test_cancelling_a_job_that_is_done_changes_nothing(jobs: Jobs) -> None:
    job_id, outcome = jobs.submit("deploy", lambda _: None)
    outcome.result(SECONDS)
    assert jobs.cancel(job_id).state == "succeeded"


def test_a_job_that_nobody_has_is_not_found(jobs: Jobs) -> None:
    with pytest.raises(EntityNotFoundError):
        jobs.get(1)


def test_jobs_that_a_dead_engine_left_are_failed(database: Path, jobs: Jobs) -> None:
    go_on = threading.Event()
    job_id, outcome = jobs.submit("deploy", lambda _: go_on.wait(SECONDS))
    job = Jobs(open_database(database)).get(job_id)
    assert job.state == "failed"
    assert "ended before" in str(job.error)
    go_on.set()
    outcome.result(SECONDS)


def test_only_the_newest_jobs_are_kept(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "KEPT_JOBS", 3)
    made = []
    for _ in range(5):
        job_id, outcome = jobs.submit("deploy", lambda _: None)
        outcome.result(SECONDS)
        made.append(job_id)
    assert [job.id for job in jobs.list().rows] == made[:1:-1]


def test_the_api_lists_shows_and_cancels_jobs(engine: EngineProcess, workspace_id: int) -> None:
    answer = engine.upload("listed", workspace_id)
    job_id = int(answer.headers["Jupyter-Edge-Job"])
    job = engine.post("jobs/get", id=job_id)
    assert (job["kind"], job["state"], job["progress"], job["error"]) == ("upload", "succeeded", 1.0, None)
    assert job in engine.post("jobs/list")["jobs"]
    assert engine.post("jobs/cancel", id=job_id) == job
    unknown = engine.client.post("/v1/api/jobs/cancel", json={"id": 10**9})
    assert unknown.status_code == HTTPStatus.NOT_FOUND


def test_how_a_job_ended_is_written_later_where_the_disk_is_full(jobs: Jobs, database: Path) -> None:
    reasons = []

    def work(_context: JobContext) -> None:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    def failed(_session: Session, reason: str) -> None:
        reasons.append(reason)
        if len(reasons) == 1:
            raise OperationalError("UPDATE", {}, sqlite3.OperationalError("database or disk is full"))

    with open_database(database).begin() as session:
        job_id = jobs.add(session, "publish")
    outcome = jobs.run(job_id, work, failed)
    assert isinstance(outcome.exception(30), OperationalError)
    wait_for(lambda: jobs.get(job_id).state == "failed")
    assert reasons == [jobs.get(job_id).error] * 2
    assert "disk is full" in reasons[0]

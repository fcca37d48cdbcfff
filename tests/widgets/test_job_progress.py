from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path

import pytest

from jupyter_edge.client import Client, EdgeError, Job, JobCancelledError, Pipeline
from jupyter_edge.client.jobs import get_job
from jupyter_edge.client.transport import Transport
from jupyter_edge.widgets import JobProgress, follow
from tests.client.server import Reply, Server
from tests.widgets.conftest import Until


def answer(state: str, progress: float = 0.5, error: str | None = None) -> Reply:
    moment = "2023-10-31T20:36:33.093439+00:00"
    job = {"id": 7, "kind": "deploy", "subject": "fraud", "state": state, "progress": progress}
    return (
        200,
        {},
        json.dumps(
            job | {"message": "1 of 2 replicas are up.", "error": error, "created_at": moment, "updated_at": moment}
        ).encode(),
    )


@pytest.fixture
def job(server: Server, transport: Transport) -> Job:
    server.answer = answer("running")
    return get_job(transport, 7)


def test_a_bar_follows_its_job_in_words_and_ends_as_it_does(server: Server, job: Job, until: Until) -> None:
    ended: list[Job] = []
    bar = JobProgress()
    bar.follow(job, ended.append)
    assert "running 50%: 1 of 2 replicas are up." in repr(bar)
    assert bar._bar.value == 0.5
    server.answer = answer("failed", error="<The model> needs more memory.")
    until(lambda: ended)
    assert ended[0].state == "failed"
    assert (bar._bar.bar_style, bar._button.layout.display) == ("danger", "none")
    assert "&lt;The model&gt; needs more memory." in bar._line.value
    assert "needs more memory" in bar._repr_mimebundle_()["text/plain"]


def test_the_button_cancels_the_job_in_the_engine(server: Server, job: Job, until: Until) -> None:
    bar = job.panel()
    bar._button.click()
    assert "/v1/api/jobs/cancel" in [path for path, *_ in server.seen]
    server.answer = answer("cancelled", error="The job was cancelled before it was done.")
    until(lambda: bar.job.done)
    assert bar._bar.bar_style == "warning"


def test_an_engine_that_goes_away_is_said(server: Server, job: Job, until: Until) -> None:
    bar = JobProgress(job)
    server.answer = (503, {}, json.dumps({"msg": "The engine stops."}).encode())
    until(lambda: "The engine stops." in bar._line.value)
    assert bar._button.layout.display == "none"


def test_waiting_raises_what_the_job_failed_of(server: Server, job: Job) -> None:
    bar = JobProgress()
    bar._begin(job)
    server.answer = answer("failed", error="No memory.")
    with pytest.raises(EdgeError, match="No memory"):
        bar.wait()
    bar._begin(job)
    server.answer = answer("cancelled", error="It was cancelled.")
    with pytest.raises(JobCancelledError, match="cancelled"):
        bar.wait()
    with pytest.raises(EdgeError, match="follows no job"):
        JobProgress().wait()


def test_the_button_knows_the_job_and_whether_a_cell_waits_for_it(server: Server, job: Job) -> None:
    bar = JobProgress()
    waits: list[bool] = []
    bar._button.observe(lambda change: waits.append(change.new), "waits")
    bar._begin(job)
    assert bar._button.job == {"id": 7, "created_at": "2023-10-31T20:36:33.093439+00:00"}
    server.answer = answer("succeeded")
    bar.wait()
    assert waits == [True, False]
    bar.show(0.5, "Sending ccfraud.onnx: 50%", None)
    assert bar._button.job == {}


def test_an_interrupt_of_a_waiting_cell_cancels_the_job(server: Server, job: Job, until: Until) -> None:
    bar = JobProgress()
    bar._begin(job)

    def interrupt() -> None:
        time.sleep(0.3)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        bar.wait()
    assert "/v1/api/jobs/cancel" in [path for path, *_ in server.seen]
    server.answer = answer("cancelled", error="The job was cancelled before it was done.")
    until(lambda: "Deploy cancelled" in repr(bar))


def test_without_a_notebook_a_job_is_followed_as_text(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.publish(wait=False)
    assert pipeline.job is not None
    assert follow(pipeline.job).state == "succeeded"


def test_a_real_upload_is_followed_to_its_end(client: Client, ccfraud: Path, until: Until) -> None:
    bar = JobProgress(client.start_upload("ccfraud", ccfraud))
    until(lambda: bar.job is not None and bar.job.done)
    assert "Upload succeeded." in repr(bar)

from __future__ import annotations

import io
import json
import signal
import threading
import time

import pytest

from jupyter_edge.client.jobs import get_job, wait_for_job
from jupyter_edge.client.transport import Transport
from jupyter_edge.core.errors import DeploymentError
from jupyter_edge.display import Dots
from tests.client.server import Reply, Server


def job(state: str, error: str | None = None) -> Reply:
    moment = "2023-10-31T20:36:33.093439+00:00"
    return 200, {}, json.dumps({
        "id": 7, "kind": "deploy", "subject": "fraud", "state": state, "progress": 0.5,
        "message": "Loading ccfraud", "error": error, "created_at": moment, "updated_at": moment,
    }).encode()  # fmt: skip


def test_a_job_that_succeeds_ends_the_line_of_dots(server: Server, transport: Transport) -> None:
    server.answer = job("succeeded")
    out = io.StringIO()
    wait_for_job(transport, 7, Dots("Waiting ", out=out), 45, DeploymentError)
    assert out.getvalue() == "Waiting . ok\n"
    assert json.loads(server.seen[0][2]) == {"id": 7}


def test_nothing_to_do_is_done_at_once(transport: Transport) -> None:
    out = io.StringIO()
    wait_for_job(transport, None, Dots("Waiting ", out=out), 45, DeploymentError)
    assert out.getvalue() == "Waiting . ok\n"


def test_a_job_that_fails_raises_its_reason(server: Server, transport: Transport) -> None:
    server.answer = job("failed", "Model ccfraud does not fit into 1Mi.")
    out = io.StringIO()
    with pytest.raises(DeploymentError, match="does not fit"):
        wait_for_job(transport, 7, Dots("Waiting ", out=out), 45, DeploymentError)
    assert out.getvalue() == "Waiting . failed\n"
    server.answer = job("cancelled")
    with pytest.raises(DeploymentError, match="was cancelled: Loading ccfraud"):
        wait_for_job(transport, 7, Dots("Waiting ", out=out), 45, DeploymentError)


def test_a_job_that_takes_too_long_goes_on_and_is_named(server: Server, transport: Transport) -> None:
    server.answer = job("running")
    with pytest.raises(DeploymentError, match=r"not ended after 0 s \(so far: Loading ccfraud\).*get_job\(7\)"):
        wait_for_job(transport, 7, Dots("Waiting ", out=io.StringIO()), 0, DeploymentError)


def test_an_interrupt_cancels_the_job(server: Server, transport: Transport) -> None:
    server.answer = job("running")

    def interrupt() -> None:
        deadline = time.monotonic() + 30
        while not server.seen and time.monotonic() < deadline:
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        wait_for_job(transport, 7, Dots("Waiting ", out=out), 45, DeploymentError)
    assert out.getvalue().endswith(" cancelled\n")
    path, _, body = server.seen[-1]
    assert (path, json.loads(body)) == ("/v1/api/jobs/cancel", {"id": 7})


def test_a_job_shows_its_progress(server: Server, transport: Transport) -> None:
    server.answer = job("running")
    shown = get_job(transport, 7)
    assert not shown.done
    assert "50%" in repr(shown)
    assert "Loading ccfraud" in shown._repr_html_()
    assert shown.cancel().state == "running"


def test_a_job_is_waited_for_by_itself_and_fails_as_its_kind_does(server: Server, transport: Transport) -> None:
    server.answer = job("succeeded")
    assert get_job(transport, 7).wait().state == "succeeded"
    server.answer = job("failed", "The model needs more memory.")
    with pytest.raises(DeploymentError, match="more memory"):
        get_job(transport, 7).wait()

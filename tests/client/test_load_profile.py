from __future__ import annotations

import os
import signal
import socket
import threading
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jupyter_edge import samples
from jupyter_edge.client import DeploymentError, InferenceError, InvalidInputError, Pipeline, Publish, serve_here
from jupyter_edge.client.load_generator import Load, Target
from jupyter_edge.client.load_profile import Bounds, measure_load
from jupyter_edge.vision import read_image
from tests.client.server import Server

ROW = pd.DataFrame({"tensor": [[0.0] * 29]})


def test_a_profile_is_of_requests_that_the_pipeline_answered(deployed: Pipeline) -> None:
    profile = deployed.profile(ROW, concurrency=(1, 3), seconds=30, requests=40)
    frame = profile.to_pandas()
    assert frame["concurrency"].tolist() == [1, 3]
    assert frame["requests"].tolist() == [40, 40]
    assert frame["errors"].tolist() == [0, 0]
    assert (frame["p50_ms"] <= frame["p95_ms"]).all()
    assert (frame["p95_ms"] <= frame["p99_ms"]).all()
    np.testing.assert_allclose(frame["rows_per_second"], frame["requests_per_second"])
    assert profile.complete
    assert len(deployed.logs(limit=1000)) == 1 + 2 * 40
    assert "\n" not in repr(profile)
    assert repr(profile).startswith(f"Profile of pipeline {deployed.name()}, 1 row per request: at most ")
    assert str(profile).splitlines()[1].split()[:3] == ["concurrency", "requests", "errors"]
    assert (read_image(profile._repr_png_()) == (31, 119, 180)).all(axis=2).any()
    drawn, _, rest = profile._repr_html_().partition("</svg>")
    assert f"Profile of pipeline {deployed.name()}, 1 row per request</text>" in drawn
    assert "<table>" in rest


def test_a_step_ends_with_its_time(deployed: Pipeline) -> None:
    (level,) = deployed.profile(samples.path("transactions.arrow"), concurrency=[2], seconds=0.2).levels
    assert 0 < level.requests < 5000
    assert level.rows_per_second == pytest.approx(1000 * level.requests_per_second)


def test_a_local_edge_is_profiled_too(published: Publish, pipeline: Pipeline) -> None:
    edge = serve_here(pipeline)
    try:
        (level,) = edge.profile(ROW, concurrency=[2], seconds=30, requests=20).levels
    finally:
        edge.stop()
    assert (level.requests, level.errors) == (20, 0)


def test_an_interrupt_returns_what_was_measured(deployed: Pipeline) -> None:
    def interrupt_at_work() -> None:
        deadline = time.monotonic() + 30
        while not len(deployed.logs(limit=100_000)) > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt_at_work).start()
    profile = deployed.profile(ROW, concurrency=(1, 2), seconds=600, requests=10**9)
    assert not profile.complete
    assert [level.concurrency for level in profile.levels] == [1]
    assert profile.levels[0].requests > 0
    assert repr(profile).endswith("(interrupted)")


@pytest.mark.parametrize("concurrency", [(), (0,), (-1,), (1001,), 4, (1.5,), (True,), "8", [None], None])
def test_what_is_no_concurrency_is_refused(concurrency: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"concurrency is .*: give a list of whole numbers"):
        Bounds(concurrency, 1, 1)


@pytest.mark.parametrize(
    ("seconds", "requests"),
    [(0, 1), (-1, 1), (float("nan"), 1), (1e9, 1), ("1", 1), (True, 1), (1, 0), (1, 1.5), (1, "9")],
)
def test_what_bounds_no_load_is_refused(seconds: Any, requests: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"give up to 3600 seconds"):
        Bounds([1], seconds, requests)


def test_what_cannot_be_profiled_is_said_before_any_load(pipeline: Pipeline, deployed: Pipeline) -> None:
    with pytest.raises(InferenceError, match="tensor"):
        deployed.profile(pd.DataFrame({"other": [1.0]}))
    for wrong in ({"concurrency": ()}, {"concurrency": (0,)}, {"seconds": 0}, {"requests": 0}):
        with pytest.raises(InvalidInputError, match="give"):
            deployed.profile(ROW, **wrong)
    deployed.undeploy()
    with pytest.raises(DeploymentError, match="not deployed"):
        pipeline.profile(ROW)


def test_refusals_are_counted_and_named(server: Server) -> None:
    server.answer = (503, {}, b'[{"error": "full"}]')
    target = Target(f"http://127.0.0.1:{server.server_port}/", b"[]", {})
    profile = measure_load("it", target, 1, Bounds([2], 30, 6))
    assert [(level.requests, level.errors) for level in profile.levels] == [(6, 6)]
    assert profile.errors == {'503 [{"error": "full"}]': 6}
    assert '6 x 503 [{"error": "full"}]' in str(profile)
    assert profile._repr_png_()
    drawn, _, _ = profile._repr_html_().partition("</svg>")
    assert '>6 x 503 [{"error": "full"}]</text>' in drawn


def test_an_address_where_nothing_answers_ends_the_load() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    load = Load(Target(url, b"", {}), 3, 600, 10)
    load.run()
    assert len(load.measured.errors) == 3
    assert "no connection" in load.measured.errors[0]


def test_a_target_keeps_its_token_to_itself() -> None:
    target = Target("http://127.0.0.1/", b"body", {"Authorization": "Bearer s3cret"})
    assert "s3cret" not in repr(target)

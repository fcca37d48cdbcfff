from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pandas as pd
import psutil
import pytest

from jupyter_edge.client import Client, LocalEdge, Pipeline, Publish, ensure_edge, local_edge, local_edges, serve_here
from jupyter_edge.core.errors import ConflictError, DeploymentError, EntityNotFoundError, InferenceError
from jupyter_edge.core.home import Home
from jupyter_edge.samples import path

ROWS = pd.DataFrame({"tensor": [[0.0] * 29]})


@pytest.fixture(autouse=True)
def _no_edge_is_left() -> Iterator[None]:
    yield
    for edge in local_edges():
        edge.stop()


def partitions(pipeline: Pipeline) -> set[str]:
    return set(pipeline.logs(limit=5000, dataset=["metadata"])["metadata.partition"])


def test_rows_of_an_edge_come_home_by_the_time_it_has_stopped(
    pipeline: Pipeline, published: Publish, new_name: Callable[[], str]
) -> None:
    name = new_name()
    edge = serve_here(pipeline, name)
    assert len(edge.infer(ROWS)) == 1
    assert edge.infer_from_file(path("transactions.arrow")).num_rows == 1000
    with pytest.raises(InferenceError):
        edge.infer(pd.DataFrame({"other": [[0.0]]}))
    edge.stop()
    assert not edge.running
    assert partitions(pipeline) == {name}
    edge.stop()
    with pytest.raises(DeploymentError, match="does not answer"):
        edge.infer(ROWS)


def test_the_same_edge_is_served_once_and_again_after_its_end(
    pipeline: Pipeline, published: Publish, new_name: Callable[[], str]
) -> None:
    name = new_name()
    edge = serve_here(pipeline, name)
    assert serve_here(pipeline, name) is edge
    assert local_edge(name) is edge
    assert name in repr(local_edges())
    edge.infer(ROWS)
    edge.stop()
    assert list(local_edges()) == []
    again = serve_here(pipeline, name)  # with the identity in its folder: there is no bundle any more
    again.infer(ROWS)
    again.stop()
    assert len(pipeline.logs(limit=100)) == 2


def test_an_edge_that_was_removed_is_registered_anew(
    pipeline: Pipeline, published: Publish, new_name: Callable[[], str], client: Client
) -> None:
    name = new_name()
    before = serve_here(pipeline, name)
    client.remove_edge(name)
    edge = serve_here(pipeline, name)
    assert not before.running
    edge.infer(ROWS)
    edge.stop()
    assert [one.name for one in pipeline.list_edges()] == [name]
    assert partitions(pipeline) == {name}


def test_a_newer_publish_takes_the_place_of_the_one_before(
    pipeline: Pipeline, published: Publish, new_name: Callable[[], str]
) -> None:
    edge = serve_here(pipeline, new_name())
    newer = pipeline.publish()
    follower = serve_here(pipeline, edge.name)
    assert follower.publish_id == newer.id
    assert not edge.running


def test_an_edge_without_a_name_sends_nothing_home(pipeline: Pipeline, published: Publish) -> None:
    edge = serve_here(pipeline)
    edge.infer(ROWS)
    edge.stop()
    assert len(pipeline.logs(limit=100)) == 0
    assert list(pipeline.list_edges()) == []


def test_an_edge_that_joined_from_elsewhere_is_not_served_here(
    pipeline: Pipeline, published: Publish, new_name: Callable[[], str]
) -> None:
    name = new_name()
    serve_here(pipeline, name).infer(ROWS)
    local_edge(name).stop()
    assert not ensure_edge(pipeline, name).has_bundle
    (Home().path / "edges" / f"local-{name}").rename(Home().path / "edges" / f"moved-{name}")
    with pytest.raises(ConflictError, match="joined from elsewhere"):
        serve_here(pipeline, name)


def test_an_edge_that_another_process_runs_is_refused_in_one_line_and_goes_on(
    pipeline: Pipeline, published: Publish, new_name: Callable[[], str], client: Client
) -> None:
    edge = serve_here(pipeline, new_name())
    script = (
        "from jupyter_edge.client import Client, serve_here\n"
        "client = Client()\n"
        f"client.set_current_workspace(client.get_workspace({client.get_current_workspace().name()!r}))\n"
        f"serve_here(client.get_pipeline({pipeline.name()!r}), {edge.name!r})\n"
    )
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    words = f"Edge {edge.name} runs already, in another notebook or process: stop it there, or take another name."
    assert other.stderr.splitlines()[-1].endswith(f"ConflictError: {words}")
    assert len(edge.infer(ROWS)) == 1
    assert "Serving pipeline" in edge.log_file.read_text()


def test_an_edge_that_does_not_start_says_why(pipeline: Pipeline, published: Publish) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(DeploymentError, match="cannot listen") as caught,
    ):
        serve_here(pipeline, port=taken.getsockname()[1])
    assert "bash" not in str(caught.value)
    assert "Exit" not in str(caught.value)
    assert list(local_edges()) == []


def test_what_is_not_there_is_named(pipeline: Pipeline) -> None:
    with pytest.raises(EntityNotFoundError, match="is not published"):
        serve_here(pipeline)
    with pytest.raises(EntityNotFoundError, match="No edge 'nosuch' runs here"):
        local_edge("nosuch")


def test_an_edge_that_is_killed_is_seen_to_have_ended(pipeline: Pipeline, published: Publish) -> None:
    edge: LocalEdge = serve_here(pipeline)
    (server,) = [
        process
        for process in psutil.Process(edge._process.pid).children(recursive=True)
        if "serve" in process.cmdline() and "bash" not in process.cmdline()
    ]
    os.kill(server.pid, signal.SIGKILL)
    edge.wait()
    assert edge.details()["state"] == "ended"
    assert list(local_edges()) == []

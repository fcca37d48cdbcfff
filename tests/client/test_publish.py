from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pandas as pd
import pytest

from jupyter_edge.client import Client, DeploymentConfigBuilder, Pipeline, Publish
from jupyter_edge.core.framework import Architecture

Name = Callable[[], str]


def test_a_publish_waits_shows_progress_and_has_its_addresses(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    published = pipeline.publish(DeploymentConfigBuilder().cpus(1).memory("1Gi").build())
    assert re.fullmatch(
        r"Waiting for pipeline publish\.\.\. It may take up to 600 sec\.\nPipeline is Publishing\.{3,}Published\.\n",
        capsys.readouterr().out,
    )
    version = pipeline.latest_version()
    assert published.status == "Published"
    assert published.pipeline_version_id == version.id()
    assert published.pipeline_url is not None
    assert published.pipeline_url.endswith(f"/pipelines/{pipeline.name()}:{version.name()}")
    assert str(published.helm_chart_url).endswith(f"/charts/{pipeline.name()}")
    assert published.helm_chart_version == f"0.0.1-{version.name()}"
    assert re.search(r"@sha256:[0-9a-f]{64}$", str(published.helm_chart_reference))
    assert published.engine_config["engine"]["resources"]["limits"] == {"cpu": 1, "memory": "1Gi"}
    assert pipeline.published()
    assert "Published" in repr(published)


def test_a_publish_shows_the_tutorials_table(published: Publish) -> None:
    rows = re.findall(r"<tr><td>(.*?)</td> <td>(.*?)</td></tr>", published._repr_html_(), re.DOTALL)
    assert [name for name, _ in rows][:13] == [
        "ID", "Pipeline Version", "Status", "Engine URL", "Pipeline URL", "Helm Chart URL", "Helm Chart Reference",
        "Helm Chart Version", "Engine Config", "User Images", "Created By", "Created At", "Updated At",
    ]  # fmt: skip
    table = dict(rows)
    assert table["Status"] == "Published"
    assert re.fullmatch(rf"<a href='https?://[^']+'>{published.pipeline_url}</a>", table["Pipeline URL"])
    assert f">oci://{published.helm_chart_url}</a>" in table["Helm Chart URL"]
    assert "@" in table["Created By"]
    assert table["User Images"] == "[]"
    assert table["Engine Config"] == "1 CPU, 1024Mi memory per edge"
    assert "docker run" in table["Docker Run Command"]
    assert str(published.pipeline_url) in table["Serve Command"]


def test_the_engine_config_is_shown_in_words(pipeline: Pipeline) -> None:
    limits = DeploymentConfigBuilder().cpus(0.5).memory("700Mi").arch(Architecture.ARM)
    publish = pipeline.publish(limits)
    assert publish.details()["Engine Config"] == "0.5 CPUs, 700Mi memory per edge, arm"


def test_publishes_are_listed_with_their_versions(client: Client, pipeline: Pipeline) -> None:
    first, second = pipeline.publish(), pipeline.publish()
    listed = pipeline.publishes()
    assert {publish.id for publish in listed} == {first.id, second.id}
    assert first.pipeline_version_name != second.pipeline_version_name
    html = listed._repr_html_()
    assert "<th>id</th><th>pipeline_version_name</th><th>engine_url</th><th>pipeline_url</th>" in html
    assert str(first.pipeline_url) in html
    assert [publish.id for publish in client.list_publishes()][:2] == [second.id, first.id]
    assert [publish.id for publish in client.list_publishes(client.get_current_workspace())] == [second.id, first.id]
    assert first.pipeline().id() == pipeline.id()


def test_the_serve_command_works_as_printed_and_its_rows_reach_the_log(
    pipeline: Pipeline, published: Publish, new_name: Name, tmp_path: Path
) -> None:
    name = new_name()
    location = published.add_edge(name)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with (tmp_path / "edge.log").open("wb") as log:
        edge = subprocess.Popen(
            ["bash", "-c", location.serve_command(port)], stdout=log, stderr=log, start_new_session=True
        )
    try:
        poll(lambda: httpx.get(f"{url}/pipelines").json()["pipelines"][0]["id"] == pipeline.name(), tmp_path)
        answer = httpx.post(f"{url}/pipelines/{pipeline.name()}", json=[{"tensor": [0.0] * 29}])
        assert answer.json()[0]["metadata"]["partition"] == name
        poll(lambda: name in set(pipeline.logs(dataset=["metadata"])["metadata.partition"]), tmp_path)
        (listed,) = published.list_edges()
        assert listed.joined_at is not None
    finally:
        os.killpg(edge.pid, signal.SIGTERM)
        edge.wait(30)
    assert isinstance(pipeline.logs(), pd.DataFrame)


def poll(condition: Callable[[], bool], folder: Path) -> None:
    """Wait until something is so, for at most 60 s."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (httpx.TransportError, KeyError):
            pass
        time.sleep(0.05)
    raise AssertionError((folder / "edge.log").read_text())


def test_a_publish_that_is_not_waited_for_tells_its_job(pipeline: Pipeline) -> None:
    publish = pipeline.publish(wait=False)
    assert publish.status in {"PendingPublish", "Publishing", "Published"}
    assert pipeline.job is not None
    assert pipeline.job.wait().kind == "publish"
    assert publish.refresh().status == "Published"

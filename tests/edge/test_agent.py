"""`jupyter-edge serve` as a process, against a real engine and its registry."""

from __future__ import annotations

import re
import signal
import uuid
from collections.abc import Callable
from pathlib import Path

from jupyter_edge.logs.spool_reader import SpoolReader
from jupyter_edge.samples import path

from .conftest import Centre, Edge, flip_a_bit, until

Start = Callable[..., Edge]


def new_name() -> str:
    return f"shop-{uuid.uuid4().hex[:8]}"


def test_an_edge_prints_what_it_fetches_and_serves_it(centre: Centre, start_edge: Start) -> None:
    edge = start_edge(**centre.variables()).wait_until_ready()
    said = edge.said()
    words = [
        "Jupyter Edge Engine - Standalone mode",
        "Login Succeeded",
        f"Fetching manifest and config for pipeline: {centre.publish.pipeline_url}",
        "Fetching model layers",
        f"digest: sha256:{centre.sha}",
        f"  filename: {centre.sha}",
        "  name: ccfraud",
        "  type: model",
        "  runtime: onnx",
        f"  version: {centre.model.version()}",
        "Fetched",
        "Starting engine",
    ]
    lines = iter(said.splitlines())
    assert all(word in lines for word in words), said
    assert centre.variables()["OCI_PASSWORD"] not in said


def test_without_a_bundle_an_edge_answers_under_a_name_of_its_own_and_sends_nothing(
    centre: Centre, start_edge: Start
) -> None:
    edge = start_edge(**centre.variables()).wait_until_ready()
    partition = edge.infer()["metadata"]["partition"]
    assert re.fullmatch(r"engine-\w+-\w+", partition)
    assert edge.end() == 0
    assert partition not in centre.partitions()


def test_rows_of_a_registered_edge_come_home_under_its_name(centre: Centre, start_edge: Start) -> None:
    name = new_name()
    edge = start_edge(**centre.variables(centre.publish.add_edge(name))).wait_until_ready()
    assert edge.infer()["metadata"]["partition"] == name
    until(lambda: centre.partitions().get(name) == 1, "the edge's row in the log")


def test_an_edge_serves_again_with_neither_bundle_nor_password_nor_engine(centre: Centre, start_edge: Start) -> None:
    name = new_name()
    variables = centre.variables(centre.publish.add_edge(name))
    start_edge(**variables).wait_until_ready().end()
    alone = {"PIPELINE_URL": variables["PIPELINE_URL"]}
    centre.engine_away()
    edge = start_edge(**alone).wait_until_ready()
    assert edge.infer()["metadata"]["partition"] == name
    assert "nothing to fetch" in edge.said()
    centre.engine_back()


def test_a_bundle_works_once(centre: Centre, start_edge: Start) -> None:
    name = new_name()
    variables = centre.variables(centre.publish.add_edge(name))
    first = start_edge(persist="first", **variables).wait_until_ready()
    until(lambda: f"as edge {name}" in first.said(), "the join")
    second = start_edge(persist="second", **variables).wait_until_ready()
    until(lambda: "refused" in second.said(), "the refusal")
    second.infer()
    first.infer()
    until(lambda: centre.partitions().get(name) == 1, "the one row of the edge that joined")


def test_an_edge_whose_engine_is_away_sends_its_rows_later_with_their_own_time(
    centre: Centre, start_edge: Start
) -> None:
    name = new_name()
    variables = centre.variables(centre.publish.add_edge(name))
    edge = start_edge(**variables).wait_until_ready()
    until(lambda: f"as edge {name}" in edge.said(), "the join")
    centre.engine_away()
    row = edge.infer()
    centre.engine_back()
    until(lambda: centre.partitions().get(name) == 1, "the row after the engine came back", 60)
    logs = centre.pipeline.logs(limit=1000, dataset=["time", "metadata"], arrow=True).to_pylist()
    (time_of_row,) = (entry["time"] for entry in logs if entry["metadata.partition"] == name)
    assert int(time_of_row.timestamp() * 1000) == row["time"]


def test_an_edge_that_is_killed_sends_what_it_had_kept_exactly_once(
    centre: Centre, start_edge: Start, tmp_path: Path
) -> None:
    name = new_name()
    variables = centre.variables(centre.publish.add_edge(name))
    edge = start_edge(**variables).wait_until_ready()
    until(lambda: f"as edge {name}" in edge.said(), "the join")
    centre.engine_away()
    for _ in range(20):
        edge.infer()
    with SpoolReader(tmp_path / "persist" / f"spool-{name}.db") as spool:
        until(lambda: spool.backlog()[0] == 20, "the rows on the edge's disk")
    edge.end(signal.SIGKILL)
    centre.engine_back()
    again = start_edge(**variables).wait_until_ready()
    again.infer()
    until(lambda: centre.partitions().get(name) == 21, "20 rows of before the kill and one of after")


def test_rows_of_one_edge_never_go_out_under_the_name_of_another(centre: Centre, start_edge: Start) -> None:
    before, after = new_name(), new_name()
    edge = start_edge(**centre.variables(centre.publish.add_edge(before))).wait_until_ready()
    until(lambda: f"as edge {before}" in edge.said(), "the join")
    variables = centre.variables(centre.publish.add_edge(after))
    centre.engine_away()
    edge.infer()
    edge.end()
    centre.engine_back()
    renamed = start_edge(**variables).wait_until_ready()
    renamed.infer()
    until(lambda: centre.partitions().get(after) == 1, "the row of the renamed edge, and no other")
    assert before not in centre.partitions()


def test_a_layer_that_is_not_what_was_published_is_refused_by_name(centre: Centre, start_edge: Start) -> None:
    with centre.damaged(centre.sha):
        edge = start_edge(**centre.variables())
        assert edge.process.wait(30) == 1
    assert "ccfraud" in edge.said()
    assert centre.sha in edge.said()
    assert "Traceback" not in edge.said()


def test_an_edge_told_to_serve_a_damaged_version_goes_on_with_the_one_it_had(centre: Centre, start_edge: Start) -> None:
    start_edge(**centre.variables()).wait_until_ready().end()
    other = centre.client.upload_model("shapes", path("shapes.onnx"))
    newer = centre.client.build_pipeline("card-fraud-2").add_model_step(other).publish()
    with centre.damaged(other.sha()):
        edge = start_edge(**centre.variables(newer)).wait_until_ready()
    assert edge.infer()["out"]
    assert other.sha() in edge.said()
    assert f"Still serving what was served before: {centre.publish.pipeline_url}" in edge.said()


def test_a_model_that_an_edge_has_lost_is_fetched_again(centre: Centre, start_edge: Start, tmp_path: Path) -> None:
    start_edge(**centre.variables()).wait_until_ready().end()
    flip_a_bit(tmp_path / "persist" / "blobs" / "sha256" / centre.sha)
    edge = start_edge(**centre.variables()).wait_until_ready()
    assert "Fetching model layers" in edge.said()
    edge.infer()


def test_a_wrong_password_is_one_sentence(centre: Centre, start_edge: Start) -> None:
    edge = start_edge(**centre.variables() | {"OCI_PASSWORD": "hunter2"})
    assert edge.process.wait(30) == 1
    assert "Traceback" not in edge.said()
    assert "hunter2" not in edge.said()
    assert edge.said().splitlines()[-1].startswith("jupyter-edge: ")


def test_a_registry_that_is_away_is_one_sentence(start_edge: Start) -> None:
    edge = start_edge(PIPELINE_URL="127.0.0.1:1/pipelines/p:v")
    assert edge.process.wait(60) == 1
    assert "Traceback" not in edge.said()
    assert "127.0.0.1:1" in edge.said().splitlines()[-1]


def test_a_removed_edge_answers_and_its_rows_are_refused(centre: Centre, start_edge: Start) -> None:
    name = new_name()
    edge = start_edge(**centre.variables(centre.publish.add_edge(name))).wait_until_ready()
    until(lambda: f"as edge {name}" in edge.said(), "the join")
    centre.client.remove_edge(name)
    edge.infer()
    until(lambda: "refuses" in edge.said(), "the engine's refusal")
    assert name not in centre.partitions()

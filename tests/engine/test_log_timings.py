from __future__ import annotations

import time
from dataclasses import replace

import httpx
import numpy as np
import pytest

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.engine.log_grid import Grid, grid_of
from jupyter_edge.engine.log_store import LogStore
from jupyter_edge.engine.log_tables import LogSource
from jupyter_edge.logs.records import encode
from tests.engine.log_helpers import PIPELINE
from tests.engine.process import EngineProcess
from tests.engine.scenes import JSON_RECORDS, ROW, make_scene, until
from tests.logs.helpers import record

START = 1_700_000_000_000


def write(store: LogStore, partition: str, seq: int, moment: int, milliseconds: list[int]) -> None:
    """Log a request of one row for each of the times that it took."""
    base = record(0, rows=1)
    made = [replace(base, time=moment, elapsed=[400_000, number * 1_000_000 - 400_000]) for number in milliseconds]
    made[0] = replace(made[0], check_failures=[["too much"]])
    for _, payload in encode(made):
        store.ingest(LogSource(PIPELINE, partition, "e"), [(seq, payload)])
        seq += 1


def test_rows_are_summed_up_where_they_are_whether_in_batches_or_in_files(store: LogStore) -> None:
    grid = Grid(START, 10_000, 3)
    write(store, "a", 1, START + 1, list(range(1, 102)))
    store.compact()
    write(store, "b", 1, START + 20_001, [5])
    write(store, "a", 1000, START - 1, [7])
    write(store, "a", 2000, START + 30_000, [9])
    first, second, third = store.timings(PIPELINE, None, grid)
    assert (first["time"], first["rows"], first["rows_per_second"]) == (START, 101, 10.1)
    assert (first["p50"], first["p95"], first["p99"]) == (51.0, 96.0, 100.0)
    assert (first["check_failures"], first["requests"], first["errors"]) == (1, None, None)
    assert (second["rows"], second["p50"]) == (0, None)
    assert (third["rows"], third["p50"]) == (1, 5.0)
    before = [first, second, third]
    store.compact()
    assert store.timings(PIPELINE, None, grid) == before
    assert [bucket["rows"] for bucket in store.timings(PIPELINE, "b", grid)] == [0, 0, 1]
    assert [bucket["rows"] for bucket in store.timings(PIPELINE, "nobody", grid)] == [0, 0, 0]


def test_counted_requests_are_added_up(store: LogStore) -> None:
    store.count(PIPELINE, {("a", START + 1): (5, 1), ("b", START + 9_999): (2, 0)})
    store.count(PIPELINE, {("a", START + 5_000): (1, 1), ("a", START + 10_000): (3, 0)})
    counted = [
        (bucket["requests"], bucket["errors"]) for bucket in store.timings(PIPELINE, None, Grid(START, 10_000, 3))
    ]
    assert counted == [(8, 2), (3, 0), (None, None)]
    (only,) = store.timings(PIPELINE, "b", Grid(START, 20_000, 1))
    assert (only["requests"], only["errors"]) == (2, 0)


@pytest.mark.parametrize(
    ("seconds", "most", "width"),
    [(1, 60, 10), (600, 60, 10), (900, 60, 20), (3600, 60, 60), (86_400, 100, 1200), (90 * 86_400, 40, 3 * 86_400)],
)
def test_a_grid_begins_at_multiples_of_its_width_and_holds_all(seconds: int, most: int, width: int) -> None:
    start = START + 4321
    grid = grid_of(start, start + seconds * 1000, most)
    assert grid.width == width * 1000
    assert grid.first % grid.width == 0
    assert grid.first <= start < start + seconds * 1000 <= grid.end
    assert grid.count <= most + 1


def test_nothing_lies_between_an_end_and_a_later_start() -> None:
    with pytest.raises(InvalidInputError):
        grid_of(START, START, 60)


def test_the_engine_tells_rows_requests_and_errors_also_of_replicas_that_have_ended(engine: EngineProcess) -> None:
    scene = make_scene(engine)
    deployment_id = scene.deploy()
    for rows in (1, 2):
        assert scene.infer(rows).status_code == 200
    headers = {"Authorization": f"Bearer {engine.token}", **JSON_RECORDS}
    assert httpx.post(scene.url(), content=b"[{]", headers=headers).status_code == 400
    assert httpx.post(scene.url(), json=[ROW], headers={**headers, "Authorization": "Bearer x"}).status_code == 401

    def totals() -> tuple[int, int, int]:
        answer = engine.post("pipelines/timings", pipeline_id=scene.pipeline_id)
        assert answer["bucket_seconds"] == 60
        buckets = answer["buckets"]
        counted = [(bucket["requests"] or 0, bucket["errors"] or 0) for bucket in buckets]
        return sum(bucket["rows"] for bucket in buckets), *np.sum(counted, axis=0).tolist()

    until(lambda: totals() == (3, 4, 2))
    assert scene.infer().status_code == 200
    scene.undeploy(deployment_id)
    until(lambda: totals() == (4, 5, 2))


def test_timings_of_no_pipeline_or_no_time_are_refused(engine: EngineProcess) -> None:
    timings = "/v1/api/pipelines/timings"
    assert engine.client.post(timings, json={"pipeline_id": 999_999}).status_code == 404
    scene = make_scene(engine)
    for wrong in ({"start": "yesterday"}, {"buckets": 0}, {"start": "2024-01-02", "end": "2024-01-01"}):
        assert engine.client.post(timings, json={"pipeline_id": scene.pipeline_id, **wrong}).status_code == 400
    assert (
        time.time() * 1000 - engine.post("pipelines/timings", pipeline_id=scene.pipeline_id)["buckets"][-1]["time"] > 0
    )

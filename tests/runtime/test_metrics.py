from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from jupyter_edge.core.records import InferenceRecord
from jupyter_edge.logs.spool import Spool
from jupyter_edge.runtime.exchange import Request, Response
from jupyter_edge.runtime.handler import Handler
from jupyter_edge.runtime.pipeline import Pipeline
from tests.runtime import models
from tests.runtime.answers import respond
from tests.runtime.conftest import HandlerMaker, Memory, answer_of

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def send(handler: Handler, *requests: tuple[str, str, bytes]) -> list[Response]:
    async def answer() -> list[Response]:
        return [await answer_of(handler, Request(method, target, {}, body)) for method, target, body in requests]

    return asyncio.run(answer())


def rows(count: int) -> tuple[str, str, bytes]:
    return "POST", "/infer", json.dumps([{"x": [1, 2, 3]}] * count).encode()


def values(handler: Handler, accept: str = "") -> dict[tuple[str, ...], float]:
    """Every sample by its name and those labels that differ between samples."""
    response = respond(handler, Request("GET", "/metrics", {"accept": accept}))
    assert response.status == 200
    parse: Any = parse_openmetrics if accept else parse_text
    found = {}
    for family in parse(response.body.decode()):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert (labels.pop("pipeline"), labels.pop("partition")) == ("line", "here")
            found[(sample.name.removeprefix("jupyter_edge_"), *labels.values())] = sample.value
    return found


@pytest.fixture
def handler(make_handler: HandlerMaker, doubling: Pipeline) -> Handler:
    return make_handler(doubling)


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_requests_rows_and_batches_are_counted(handler: Handler, accept: str) -> None:
    send(handler, rows(1), rows(5), rows(5), ("POST", "/infer", b"nix"), ("GET", "/models", b""))
    found = values(handler, accept)
    assert found["requests_total", "200"] == 4
    assert found["requests_total", "400"] == 1
    assert found["rows_total",] == 11
    assert found["batch_rows_count",] == 3
    assert found["batch_rows_sum",] == 11
    assert [found["batch_rows_bucket", bound] for bound in ("0.0", "1.0", "4.0", "8.0", "+Inf")] == [0, 1, 1, 3, 3]
    assert found["inference_seconds_count",] == found["inference_seconds_bucket", "+Inf"] == 4
    assert 0 < found["inference_seconds_sum",] < 60
    assert found["queue_length",] == 0


def test_what_is_refused_from_its_head_alone_is_counted_too(make_handler: HandlerMaker, doubling: Pipeline) -> None:
    handler = make_handler(doubling, token="t0ken")
    assert handler.admit(Request("POST", "/infer", {})) is not None
    response = respond(handler, Request("GET", "/metrics", {"authorization": "Bearer t0ken"}))
    samples = {sample.name: sample.value for family in parse_text(response.body.decode()) for sample in family.samples}
    assert samples["jupyter_edge_requests_total"] == 1
    assert samples["jupyter_edge_inference_seconds_count"] == 1
    assert handler.metrics.errors == 1


def test_what_waits_is_asked_for_when_metrics_are_read(handler: Handler, log: Memory) -> None:
    send(handler, rows(3), rows(2))
    handler.metrics.queue_length = lambda: 7
    log.dropped_rows = 4
    found = values(handler)
    assert found["queue_length",] == 7
    assert found["log_backlog_rows",] == 5
    assert found["log_dropped_rows_total",] == 4


def test_metrics_are_answered_in_the_format_that_is_asked_for(handler: Handler) -> None:
    (response,) = send(handler, ("GET", "/metrics", b""))
    assert response.media_type.startswith("text/plain; version=")
    response = respond(handler, Request("GET", "/metrics", {"accept": OPENMETRICS}))
    assert response.media_type.startswith("application/openmetrics-text; version=1.0.0")
    assert response.body.endswith(b"# EOF\n")
    assert respond(handler, Request("POST", "/metrics", {})).status == 405


def test_a_deployments_metrics_need_its_token(make_handler: HandlerMaker, doubling: Pipeline) -> None:
    handler = make_handler(doubling, token="t0ken")
    assert respond(handler, Request("GET", "/metrics", {})).status == 401
    assert respond(handler, Request("GET", "/metrics", {"authorization": "Bearer t0ken"})).status == 200


def test_a_name_of_any_characters_is_escaped(make_handler: HandlerMaker, tmp_path: Path) -> None:
    pipeline = models.pipeline_of(models.echo(tmp_path / "echo.onnx", TensorProto.FLOAT))
    handler = make_handler(pipeline)
    handler.metrics._labels["pipeline"] = 'a"b\n\\'
    (sample, *_) = [s for f in parse_text(handler.metrics.expose("")[0].decode()) for s in f.samples]
    assert sample.labels["pipeline"] == 'a"b\n\\'


def test_the_backlog_of_a_spool_is_what_nobody_has_taken_over(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", "here")
    assert spool.backlog() == 0
    outputs: dict[str, Any] = {"y": np.zeros((3, 1))}
    for _ in range(2):
        spool.append(InferenceRecord(1, 3, {}, outputs, [[]] * 3, [1, 1], "{}", "version", []))
    assert spool.backlog() <= 6
    spool.flush()
    assert spool.backlog() == 6
    spool.close()
    assert spool.backlog() == 6

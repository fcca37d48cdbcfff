from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from jupyter_edge.core.batching import DynamicBatchingConfig
from jupyter_edge.core.media_types import ARROW_FILE
from jupyter_edge.core.records import NoLog
from jupyter_edge.runtime.batch import Batch
from jupyter_edge.runtime.dispatch import _Pace, preferred_wait
from jupyter_edge.runtime.exchange import Exchange, Request, Response
from jupyter_edge.runtime.handler import Handler
from jupyter_edge.runtime.pipeline import Pipeline
from tests.runtime import models
from tests.runtime.answers import respond
from tests.runtime.conftest import HandlerMaker, Memory

OUT = "/infer?dataset=out"


def row(*numbers: Any, target: str = OUT, **headers: str) -> Request:
    return Request("POST", target, headers, json.dumps([{"x": list(numbers)}]).encode())


async def answers_of(handler: Handler, *requests: Request) -> list[Response]:
    """Hand all requests over in one turn of the event loop, and wait for their answers."""
    loop = asyncio.get_running_loop()
    futures: list[asyncio.Future[Response]] = [loop.create_future() for _ in requests]
    for request, future in zip(requests, futures, strict=True):
        handler.handle(Exchange(request, future.set_result))
    return await asyncio.wait_for(asyncio.gather(*futures), 20)


def together(handler: Handler, *requests: Request) -> list[Response]:
    return asyncio.run(answers_of(handler, *requests))


def outputs(responses: list[Response]) -> list[Any]:
    assert [response.status for response in responses] == [200] * len(responses)
    return [json.loads(response.body)[0]["out"]["y"] for response in responses]


class Gate:
    """Holds a pipeline's runs of ``rows`` rows back until it is opened."""

    def __init__(self, pipeline: Pipeline, rows: int) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()
        self.batches: list[int] = []
        self._infer, self._rows = pipeline.infer, rows

    def infer(self, batch: Batch) -> Any:
        self.batches.append(batch.rows)
        if batch.rows == self._rows:
            self.entered.release()
            assert self.open.wait(20)
        return self._infer(batch)


@pytest.fixture
def gate(doubling: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A gate at runs of 2,000 rows, which a worker thread runs."""
    gate = Gate(doubling, 2000)
    monkeypatch.setattr(doubling, "infer", gate.infer)
    yield gate
    gate.open.set()


LARGE = Request("POST", OUT, {}, json.dumps([{"x": [1, 2, 3]}] * 2000).encode())


def test_rows_of_one_turn_of_the_loop_run_as_one_batch(
    make_handler: HandlerMaker, doubling: Pipeline, log: Memory
) -> None:
    responses = together(make_handler(doubling), *(row(n, 0.5, 1) for n in range(50)))
    assert outputs(responses) == [[2 * n, 1, 2] for n in range(50)]
    (record,) = log.records
    assert record.rows == 50
    assert np.asarray(record.outputs["y"])[:, 0].tolist() == [2 * n for n in range(50)]


def tensor(*numbers: Any, **more: Any) -> Request:
    inputs = [{"name": "x", "shape": [1, 3], "datatype": "FP32", "data": list(numbers)}]
    return Request("POST", "/v2/models/line/infer", {}, json.dumps({"inputs": inputs, **more}).encode())


def test_rows_of_the_open_inference_protocol_run_together_and_are_answered_as_each_wants(
    make_handler: HandlerMaker, doubling: Pipeline, log: Memory
) -> None:
    binary = {"parameters": {"binary_data_output": True}}
    requests = tensor(0.5, 1, 2), tensor(1.5, 1, 2, id="mine"), tensor(2.5, 1, 2, **binary), tensor(1, 2, None)
    handler = make_handler(doubling)
    plain, named, as_bytes, with_null = together(handler, *requests)
    assert [record.rows for record in log.records] == [4]
    assert json.loads(plain.body)["outputs"][0]["data"] == [1, 2, 4]
    assert (json.loads(named.body)["id"], json.loads(named.body)["outputs"][0]["data"]) == ("mine", [3, 2, 4])
    assert as_bytes.body.endswith(np.array([5, 2, 4], "<f4").tobytes())
    assert json.loads(with_null.body)["outputs"][0]["data"] == [2, 4, None]
    for request, response in zip(requests, (plain, named, as_bytes, with_null), strict=True):
        assert respond(handler, request) == response


def test_a_tensor_request_that_cannot_be_answered_fails_alone(
    make_handler: HandlerMaker, doubling: Pipeline, log: Memory
) -> None:
    wrong = tensor(1, 2, 3, outputs=[{"name": "z"}])
    responses = together(make_handler(doubling), tensor(1, 2, 3), wrong, tensor(4, 5, 6))
    assert [response.status for response in responses] == [200, 400, 200]
    assert [record.rows for record in log.records] == [2]


def test_requests_that_want_different_answers_run_together_with_their_like(
    make_handler: HandlerMaker, doubling: Pipeline, log: Memory
) -> None:
    requests = [
        row(0.5, 1, 2),
        row(1.5, 1, 2, target="/infer?dataset=in&dataset=out"),
        row(2.5, 1, 2, accept=ARROW_FILE),
        row(3.5, 1, 2),
        row(4.5, 1, 2, accept=ARROW_FILE),
    ]
    alone = [respond(make_handler(doubling), request) for request in requests]
    log.records.clear()
    responses = together(make_handler(doubling), *requests)
    assert [response.body for response in responses] == [response.body for response in alone]
    assert sorted(record.rows for record in log.records) == [1, 2, 2]


@pytest.mark.parametrize("bad", [b"[{", b'[{"x": [1, 2]}]', b'[{"y": [1, 2, 3]}]', b'[{"x": [1, "a", 3]}]'])
def test_a_row_that_is_refused_harms_none_of_those_beside_it(
    make_handler: HandlerMaker, doubling: Pipeline, log: Memory, bad: bytes
) -> None:
    responses = together(make_handler(doubling), row(0.5, 0, 0), Request("POST", OUT, {}, bad), row(1.5, 0, 0))
    assert responses[1].status == 400
    assert outputs(responses[::2]) == [[1, 0, 0], [3, 0, 0]]
    assert sum(record.rows for record in log.records) == 2


def test_a_value_that_only_one_of_a_batch_cannot_have_is_that_ones_error(
    tmp_path: Path, make_handler: HandlerMaker
) -> None:
    pipeline = models.pipeline_of(models.echo(tmp_path / "small.onnx", TensorProto.INT8))
    responses = together(make_handler(pipeline), row(1, 2), row(1, 999), row(3, 4))
    assert [response.status for response in responses] == [200, 400, 200]
    assert outputs(responses[::2]) == [[1, 2], [3, 4]]


def test_a_model_that_mixes_rows_gets_them_one_by_one(tmp_path: Path, make_handler: HandlerMaker) -> None:
    pipeline = models.pipeline_of(models.centring(tmp_path / "centring.onnx"))
    handler = make_handler(pipeline)
    for _ in range(2):
        assert outputs(together(handler, row(1, 2, 3), row(1, 2, 3), row(4, 4, 4))) == [[0, 0, 0]] * 3


@pytest.mark.parametrize("element", [TensorProto.FLOAT, TensorProto.INT64])
@pytest.mark.parametrize("first", [(0, 0), (-1, -1), (1, 1), (2, 2), (-8, -8), (None, None)])
def test_a_model_that_mixes_some_rows_is_found_out_by_any(
    tmp_path: Path, make_handler: HandlerMaker, element: int, first: tuple[Any, Any]
) -> None:
    if first[0] is None and element == TensorProto.INT64:
        first = (9, 9)
    handler = make_handler(models.pipeline_of(models.reaching(tmp_path / "reaching.onnx", element)))
    together(handler, row(*first), row(*first))
    assert outputs(together(handler, row(1, 2), row(100, 200))) == [[2, 4], [200, 400]]


def test_what_one_client_is_answered_is_never_anothers(tmp_path: Path, make_handler: HandlerMaker) -> None:
    handler = make_handler(models.pipeline_of(models.listing(tmp_path / "listing.onnx")))
    for _ in range(2):
        found = [json.loads(answer.body) for answer in together(handler, row(1, 1, 0), row(0, 0, 0))]
        assert [rows[0]["out"]["found"] for rows in found] == [[0, 0, 0, 1], []]


@pytest.mark.parametrize(("shape", "batch_config"), [(("n", 3), "single"), ((1, 3), None)])
def test_models_of_one_row_at_a_time_get_them_so(
    tmp_path: Path, make_handler: HandlerMaker, log: Memory, shape: Any, batch_config: str | None
) -> None:
    path = models.doubling(tmp_path / "one.onnx", shape)
    responses = together(make_handler(models.pipeline_of(path, batch_config=batch_config)), row(1, 2, 3), row(4, 5, 6))
    assert outputs(responses) == [[2, 4, 6], [8, 10, 12]]
    assert [record.rows for record in log.records] == [1, 1]


def test_a_batch_differs_from_its_rows_by_a_rounding_at_most(tmp_path: Path, make_handler: HandlerMaker) -> None:
    handler = make_handler(models.pipeline_of(models.multiplying(tmp_path / "multiplying.onnx", 64)))
    rows = np.random.default_rng(0).standard_normal((100, 64)).round(6).tolist()
    alone = outputs([respond(handler, row(*values)) for values in rows])
    np.testing.assert_allclose(
        outputs(together(handler, *(row(*values) for values in rows))), alone, rtol=1e-5, atol=1e-6
    )


def test_a_configured_delay_gathers_rows_until_there_are_enough(
    doubling: Pipeline, make_handler: HandlerMaker, log: Memory
) -> None:
    (model,) = doubling.spec.models
    batching = DynamicBatchingConfig(max_batch_delay_ms=20_000, batch_size_target=4)
    doubling.spec = replace(doubling.spec, models=(replace(model, dynamic_batching=batching),))
    handler = make_handler(doubling)

    async def one_after_the_other() -> list[Response]:
        tasks = []
        for number in range(4):
            tasks.append(asyncio.create_task(answers_of(handler, row(number, 0, 0))))
            await asyncio.sleep(0.01)
            assert not log.records or number == 3
        return [(await task)[0] for task in tasks]

    assert outputs(asyncio.run(one_after_the_other())) == [[2 * number, 0, 0] for number in range(4)]
    assert [record.rows for record in log.records] == [4]


def test_a_configured_limit_cuts_what_has_gathered(doubling: Pipeline, make_handler: HandlerMaker, log: Memory) -> None:
    (model,) = doubling.spec.models
    batching = DynamicBatchingConfig(max_batch_delay_ms=0, batch_size_target=2, batch_size_limit=3)
    doubling.spec = replace(doubling.spec, models=(replace(model, dynamic_batching=batching),))
    responses = together(make_handler(doubling), *(row(number, 0, 0) for number in range(7)))
    assert outputs(responses) == [[2 * number, 0, 0] for number in range(7)]
    assert [record.rows for record in log.records] == [3, 3, 1]


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


def handler_with_room(pipeline: Pipeline, room: int) -> Handler:
    return Handler(pipeline, NoLog(), "here", None, None, queue_limit=room)


def test_what_no_queue_can_hold_is_told_to_come_again(doubling: Pipeline, gate: Gate) -> None:
    async def load() -> None:
        handler = handler_with_room(doubling, 2)
        waiting = [asyncio.create_task(answers_of(handler, LARGE)) for _ in range(2)]
        await wait_for(lambda: gate.entered.acquire(blocking=False))
        ((refused,), admitted) = await answers_of(handler, LARGE), handler.admit(LARGE)
        assert admitted is not None
        for response in (refused, admitted):
            assert (response.status, response.headers) == (503, {"Retry-After": "1"})
        assert outputs(await answers_of(handler, row(1, 2, 3))) == [[2, 4, 6]]  # needs no thread
        gate.open.set()
        assert [response.status for task in waiting for response in await task] == [200, 200]
        assert handler.admit(LARGE) is None
        handler.close()

    asyncio.run(load())


def test_metrics_are_answered_while_all_threads_are_busy_and_do_not_count_themselves(
    doubling: Pipeline, gate: Gate
) -> None:
    async def queue_length(handler: Handler) -> object:
        async with asyncio.timeout(20):
            (answer,) = await answers_of(handler, Request("GET", "/metrics", {}))
        return re.findall(rb"^jupyter_edge_queue_length\{.*\} (.*)$", answer.body, re.MULTILINE)[0]

    async def load() -> None:
        handler = handler_with_room(doubling, 2)
        assert await queue_length(handler) == b"0.0"
        waiting = [asyncio.create_task(answers_of(handler, LARGE)) for _ in range(2)]
        await wait_for(lambda: gate.entered.acquire(blocking=False))
        assert await queue_length(handler) == b"2.0"
        gate.open.set()
        await asyncio.gather(*waiting)
        handler.close()

    asyncio.run(load())


def test_work_that_nobody_waits_for_is_not_done(doubling: Pipeline, gate: Gate) -> None:
    async def load() -> None:
        handler = handler_with_room(doubling, 10)
        first = asyncio.create_task(answers_of(handler, LARGE))
        await wait_for(lambda: gate.entered.acquire(blocking=False))
        gone = Exchange(LARGE, lambda _: pytest.fail("an answer to nobody"))
        handler.handle(gone)
        gone.cancel()
        gate.open.set()
        await first
        await wait_for(lambda: handler.metrics.queue_length() == 0)
        handler.close()

    asyncio.run(load())
    assert gate.batches == [2000]


def test_a_deadline_is_kept_also_where_work_waits(doubling: Pipeline, gate: Gate) -> None:
    async def load() -> None:
        handler = handler_with_room(doubling, 10)
        first = asyncio.create_task(answers_of(handler, LARGE))
        await wait_for(lambda: gate.entered.acquire(blocking=False))
        hasty = Request("POST", OUT, {"prefer": "wait=0.01"}, LARGE.body)
        (late,) = await answers_of(handler, hasty)
        assert late.status == 504
        assert "Prefer: wait" in late.body.decode()
        gate.open.set()
        assert [response.status for response in await first] == [200]
        patient = Request("POST", OUT, {"prefer": "return=minimal, wait=20"}, LARGE.body)
        assert [response.status for response in await answers_of(handler, patient)] == [200]
        handler.close()

    asyncio.run(load())
    assert gate.batches == [2000, 2000]


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=10", 10.0),
        ('respond-async, Wait = "0.25"; x=1', 0.25),
        ("respond-async", None),
        ("wait=soon", None),
        ("wait=-1", None),
        ("wait=nan", None),
        ("wait", None),
    ],
)
def test_the_preference_to_wait_is_read(prefer: str, seconds: float | None) -> None:
    assert preferred_wait(prefer) == seconds


def test_while_threads_are_busy_rows_gather(doubling: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(doubling, 1)
    monkeypatch.setattr(doubling, "infer", gate.infer)

    async def load() -> None:
        handler = handler_with_room(doubling, 100)
        handler._dispatcher._pace.add(1.0)
        first = asyncio.create_task(answers_of(handler, row(0, 0, 0)))
        await wait_for(lambda: gate.entered.acquire(blocking=False))
        more = [asyncio.create_task(answers_of(handler, row(n, 0, 0))) for n in range(40)]
        await wait_for(lambda: handler.metrics.queue_length() == 41)
        gate.open.set()
        assert outputs(await first) == [[0, 0, 0]]
        assert outputs([response for task in more for response in await task]) == [[2 * n, 0, 0] for n in range(40)]
        handler.close()

    asyncio.run(load())
    assert gate.batches[0] == 1
    assert max(gate.batches) == 40


def test_one_slow_run_among_quick_ones_does_not_make_work_long() -> None:
    pace = _Pace(is_long=False)
    for seconds, is_long in ((1.0, True), (0.001, False), (1.0, False), (1.0, False), (1.0, True)):
        pace.add(seconds)
        assert pace.is_long == is_long

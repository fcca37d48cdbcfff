"""Endpoints on the inference log of pipelines."""

from __future__ import annotations

import time
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from typing_extensions import TypedDict

from jupyter_edge.core.dataset import Selection
from jupyter_edge.core.errors import EntityNotFoundError, InvalidInputError
from jupyter_edge.core.media_types import ARROW_FILE, PANDAS_RECORDS
from jupyter_edge.engine.api.dependencies import Id, JsonRoute, RequestBody, State, json_router
from jupyter_edge.engine.log_grid import TimeBucket, grid_of
from jupyter_edge.engine.log_store import LogStore
from jupyter_edge.engine.log_topics import find_pipeline_id, find_topic, topic_of
from jupyter_edge.engine.pipelines import get_pipeline
from jupyter_edge.engine.state import EngineState

_STATUS = "x-iteration-status"
_CURSOR = "x-iteration-cursor"

_plateau = json_router("plateau")
_pipelines = json_router("pipelines")
_topics = APIRouter(prefix="/v1/logs/topic", tags=["logs"], route_class=JsonRoute)


class TopicRequest(RequestBody):
    """Which pipeline."""

    pipeline_pk_id: Id


class TopicName(TypedDict):
    """The name of a pipeline's log."""

    topic_name: str


class Span(TypedDict):
    """The first position of a partition's rows, and the one after the last."""

    start: int
    end: int


class Topic(TypedDict):
    """The partitions of a log, by the name of the replica or edge, and about how many bytes the rows take."""

    partitions: dict[str, Span]
    bytes: int


class LogsRequest(RequestBody):
    """Which rows: times are ISO-8601 and inclusive; ``cursor`` is what the page before was answered with."""

    pipeline_name: str
    workspace_id: Id
    order: str = "Desc"
    page_size: int | None = None
    cursor: str | None = None
    start_time: str | None = None
    end_time: str | None = None


class TimingsRequest(RequestBody):
    """Which stretches of time: from ``start`` to ``end``, ISO-8601, about as many as ``buckets``; of one partition."""

    pipeline_id: Id
    start: str | None = None
    end: str | None = None
    buckets: Annotated[int, Field(ge=1, le=1000)] = 60
    partition: str | None = None


class Timings(TypedDict):
    """Stretches of ``bucket_seconds`` each, oldest first; they begin at multiples of that."""

    bucket_seconds: int
    buckets: list[TimeBucket]


@_plateau.post("/get_topic_name")
def get_topic_name(body: TopicRequest, state: State) -> TopicName:
    """Name a pipeline's log."""
    with state.sessions() as session:
        return TopicName(topic_name=topic_of(get_pipeline(session, body.pipeline_pk_id)))


@_topics.get("/{topic}")
async def get_topic(topic: str, state: State) -> Topic:
    """Say which partitions a log has; one that does not exist has none."""
    pipeline_id = await _find_and_flush(state, topic)
    if pipeline_id is None:
        return Topic(partitions={}, bytes=0)
    spans, size = await run_in_threadpool(state.logs.partitions, pipeline_id)
    return Topic(partitions={name: Span(start=start, end=end) for name, (start, end) in spans.items()}, bytes=size)


@_topics.post("/{topic}/records", response_class=Response)
async def read_records(topic: str, request: Request, state: State) -> Response:
    """Read a page of a log as an Arrow IPC file; the body is ``{}`` or the ``next`` object of the page before.

    The query takes ``page_size``, ``order`` (asc or desc), ``time.start`` and ``time.end``, ``partition[]``,
    ``dataset[]``, ``dataset.exclude[]`` and ``dataset.separator``.
    """
    body = await request.body()
    pipeline_id = await _find_and_flush(state, topic)
    return await run_in_threadpool(_records, state.logs, pipeline_id, request.url.query, body)


@_pipelines.post("/get_logs", response_class=Response)
async def get_logs(body: LogsRequest, request: Request, state: State) -> Response:
    """Read a page of a pipeline's log as nested JSON rows, or as an Arrow IPC file if the caller accepts that.

    The query takes ``dataset[]`` and ``dataset.exclude[]``.
    """

    def find() -> int | None:
        with state.sessions() as session:
            return find_pipeline_id(session, body.workspace_id, body.pipeline_name)

    pipeline_id = await run_in_threadpool(find)
    if pipeline_id is None:
        msg = f"There is no pipeline {body.pipeline_name!r} in workspace {body.workspace_id}: pipelines/list names all."
        raise EntityNotFoundError(msg)
    await state.deployments.flush(pipeline_id)
    selection = Selection.parse(request.url.query)._replace(separator=None)
    as_arrow = ARROW_FILE in request.headers.get("accept", "")
    return await run_in_threadpool(_logs, state.logs, pipeline_id, body, selection, as_arrow=as_arrow)


@_pipelines.post("/timings")
async def get_timings(body: TimingsRequest, state: State) -> Timings:
    """Tell how much a pipeline was asked and how long it took, in stretches of time; by default in the last hour."""
    from jupyter_edge.engine.log_answer import microseconds

    end = microseconds(body.end) // 1000 if body.end else time.time_ns() // 1_000_000
    start = microseconds(body.start) // 1000 if body.start else end - 3_600_000
    grid = grid_of(start, end, body.buckets)

    def find() -> None:
        with state.sessions() as session:
            get_pipeline(session, body.pipeline_id)

    await run_in_threadpool(find)
    await state.deployments.flush(body.pipeline_id)
    buckets = await run_in_threadpool(state.logs.timings, body.pipeline_id, body.partition, grid)
    return Timings(bucket_seconds=grid.width // 1000, buckets=buckets)


async def _find_and_flush(state: EngineState, topic: str) -> int | None:
    """Return the pipeline of a topic, once the rows that its replicas have answered are in its log."""

    def find() -> int | None:
        with state.sessions() as session:
            return find_topic(session, topic)

    pipeline_id = await run_in_threadpool(find)
    if pipeline_id is not None:
        await state.deployments.flush(pipeline_id)
    return pipeline_id


def _records(logs: LogStore, pipeline_id: int | None, query: str, body: bytes) -> Response:
    from jupyter_edge.engine import log_answer

    given = parse_qs(query)
    found = {key: values[-1] for key, values in given.items()}
    if found.get("order", "").lower() == "desc" and ("time.start" in found or "time.end" in found):
        raise InvalidInputError("order=desc cannot be combined with times: leave the order out, or the times.")
    selection = Selection.parse(query)
    asked = log_answer.Request(
        found.get("page_size"),
        found.get("order"),
        found.get("time.start"),
        found.get("time.end"),
        log_answer.read_positions(body),
        selection,
        given.get("partition[]"),
    )
    page = log_answer.read(logs, pipeline_id, asked)
    status = log_answer.iteration_status(page)
    content = log_answer.arrow_file(page, selection.separator, status)
    return Response(content, media_type=ARROW_FILE, headers={_STATUS: status})


def _logs(logs: LogStore, pipeline_id: int, body: LogsRequest, selection: Selection, *, as_arrow: bool) -> Response:
    from jupyter_edge.engine import log_answer

    positions = log_answer.decode_cursor(body.cursor)
    asked = log_answer.Request(body.page_size, body.order, body.start_time, body.end_time, positions, selection)
    page = log_answer.read(logs, pipeline_id, asked)
    headers: dict[str, str] = {_STATUS: page.status}
    if page.status != "All":
        headers[_CURSOR] = log_answer.encode_cursor(page.positions)
    if as_arrow:
        return Response(log_answer.arrow_file(page, None), media_type=ARROW_FILE, headers=headers)
    return Response(log_answer.json_rows(page), media_type=PANDAS_RECORDS, headers=headers)


router = APIRouter()
for _part in (_plateau, _pipelines, _topics):
    router.include_router(_part)

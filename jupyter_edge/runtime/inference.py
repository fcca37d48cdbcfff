"""Inference requests: read, run alone or several as one batch, logged, and answered."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import NamedTuple, Self

import orjson

from jupyter_edge.core.dataset import Path, Selection
from jupyter_edge.core.errors import AuthenticationError, EdgeError, InvalidInputError
from jupyter_edge.core.media_types import parse_media_type
from jupyter_edge.core.records import Column, InferenceRecord
from jupyter_edge.runtime.answer import Constant, Layout, Value, Values, Writer
from jupyter_edge.runtime.batch import Batch, bytes_per_row, joined
from jupyter_edge.runtime.codecs import legacy
from jupyter_edge.runtime.dispatch import Inference, Run
from jupyter_edge.runtime.exchange import MethodNotAllowedError, Request, Response, error_response
from jupyter_edge.runtime.metrics import Metrics
from jupyter_edge.runtime.negotiation import Format, answer_format, decode, require_plain
from jupyter_edge.runtime.pipeline import Outcome, Pipeline

LOGGED_BYTES_PER_ROW = 1024 * 1024
"""An input of more than this per row is left out of the log."""

# What answers a request holds the names of its columns several times over: megabytes, if they are long or many.
_REMEMBERED_BODY, _REMEMBERED_COLUMNS = 256 * 1024, 1024
_METADATA = ("last_model", "pipeline_version", "elapsed", "dropped", "partition")
_NOTHING, _EMPTY = Constant(None), Constant([])

_log = logging.getLogger(__name__)


class Reading(NamedTuple):
    """How a request is read and answered, as far as its head says: the media types of both, and the query."""

    kind: str
    form: Format
    query: str

    @classmethod
    def of(cls, headers: dict[str, str], query: str) -> Self:
        """Return what a head says.

        Raises:
            UnsupportedMediaTypeError: for a compressed body.
            NotAcceptableError: if it allows no answer that can be given.
        """
        require_plain(headers)
        kind, _ = parse_media_type(headers.get("content-type", ""))
        return cls(kind, answer_format(headers.get("accept", "")), query)


class _Answering(NamedTuple):
    """How requests of one layout are answered, made once for all of them; see ``Inference``."""

    key: Writer | None
    write: Callable[[Run], Response]
    write_rows: Callable[[Run], list[Response]] | None


class InferenceService:
    """Runs a pipeline on the rows of requests; safe to use from several threads.

    Args:
        pipeline: what to run.
        partition: the name under which this instance answers and logs.
        echo_limit: an input of more bytes per row than this is answered as null; ``None`` echoes all.
        metrics: count the runs.
    """

    def __init__(self, pipeline: Pipeline, partition: str, echo_limit: int | None, metrics: Metrics) -> None:
        self._pipeline = pipeline
        self._echo_limit = echo_limit
        self._metrics = metrics
        self._outputs = tuple(pipeline.output_names)
        self.may_join = True
        """Whether rows may run beside each other, as far as is known."""
        last = pipeline.spec.models[-1]
        self._last_model = orjson.dumps({"model_name": last.name, "model_sha": last.sha}).decode()
        self._fixed = {
            ("check_failures",): _EMPTY,
            ("metadata", "last_model"): Constant(self._last_model),
            ("metadata", "pipeline_version"): Constant(pipeline.spec.version),
            ("metadata", "partition"): Constant(partition),
        }
        self._kept_answering = functools.lru_cache(maxsize=16)(self._answering)

    def read(self, request: Request, reading: Reading) -> Inference:
        """Read a request's body and what it wants for an answer.

        Raises:
            EdgeError: if it cannot be read, or wants what no answer has.
        """
        started = time.perf_counter_ns()
        batch = decode(reading.kind, request.body, self._pipeline.threads)
        parsed = time.perf_counter_ns() - started
        form, query = reading.form, reading.query
        kept = len(request.body) <= _REMEMBERED_BODY and len(batch.columns) <= _REMEMBERED_COLUMNS
        find = self._kept_answering if kept else self._answering
        try:
            key, write, write_rows = find(form, query, tuple(batch.columns))
        except InvalidInputError:
            if batch.rows or batch.columns or form.writer is None:
                raise
            # The JSON [] does not say of which columns there is nothing.
            key, write, write_rows = self._answering_by(form, form.writer(Layout((), None)))
        return Inference(request.target, batch, parsed, write, key if self.may_join else None, write_rows)

    def _answering(self, form: Format, query: str, columns: tuple[str, ...]) -> _Answering:
        """Return what answers in a format, with the values that a query chooses."""
        selection = Selection.parse(query)
        leaves: list[Path] = [
            ("time",),
            *(("in", name) for name in columns),
            *(("out", name) for name in self._outputs),
            ("check_failures",),
            *(("metadata", name) for name in _METADATA),
        ]
        layout = Layout(tuple(selection.choose(leaves)), selection.separator, self._fixed)
        return self._answering_by(form, form.writer(layout) if form.writer else None)

    def _answering_by(self, form: Format, writer: Writer | None) -> _Answering:
        write_rows = functools.partial(self._write_rows, form, writer) if writer else None
        return _Answering(writer, functools.partial(self._write, form, writer), write_rows)

    def run(self, inferences: list[Inference]) -> tuple[list[Response], list[InferenceRecord]]:
        """Run inferences of one key as one batch, or each alone where they cannot run together.

        Return the answer to each, and a record of each run.
        """
        if len(inferences) > 1 and self.may_join:
            try:
                return self._run_joined(inferences)
            except Exception as error:  # noqa: BLE001  each gets its own answer below
                _log.debug("A batch of %d requests could not be run together: %s", len(inferences), error)
        records: list[InferenceRecord] = []
        return [self._run_alone(inference, records) for inference in inferences], records

    def _run_alone(self, inference: Inference, records: list[InferenceRecord]) -> Response:
        try:
            run = self._run(inference.batch, inference.parsed)
            response = inference.write(run)
        except Exception as error:  # noqa: BLE001  whatever goes wrong is an answer too
            return answer_to(error, inference.target)
        if run.batch.rows:
            records.append(run.record)
        return response

    def _run_joined(self, inferences: list[Inference]) -> tuple[list[Response], list[InferenceRecord]]:
        write_rows = inferences[0].write_rows
        batch = joined([inference.batch for inference in inferences])
        if not self._pipeline.keeps_rows_apart(batch):
            _log.warning("A row's result depends on the rows beside it: requests are run one by one from now on.")
            self.may_join = False
            return self.run(inferences)
        run = self._run(batch, sum(inference.parsed for inference in inferences) // len(inferences))
        if write_rows is not None:
            responses = write_rows(run)
        else:
            responses = [inference.write(run.row(number)) for number, inference in enumerate(inferences)]
        return responses, [run.record]

    def _run(self, batch: Batch, parsed: int) -> Run:
        if not batch.rows:
            outcome = self._pipeline.infer_nothing()
        else:
            outcome = self._pipeline.infer(batch)
            self._metrics.count_batch(batch.rows)
        return Run(batch, self._record(batch, outcome, parsed), outcome)

    def _write(self, form: Format, writer: Writer | None, run: Run) -> Response:
        if writer:
            body = writer.write(self._values(run))
        else:
            echoed, dropped = _within(run.batch.columns, self._echo_limit)
            body = legacy.encode(run.record, None if dropped else echoed, self._pipeline.spec)
        return Response(200, body, form.media_type)

    def _write_rows(self, form: Format, writer: Writer, run: Run) -> list[Response]:
        return [Response(200, body, form.media_type) for body in writer.write_rows(self._values(run))]

    def _record(self, batch: Batch, outcome: Outcome, parsed: int) -> InferenceRecord:
        kept, dropped = _within(batch.columns, LOGGED_BYTES_PER_ROW)
        return InferenceRecord(
            time=time.time_ns() // 1_000_000,
            rows=batch.rows,
            inputs=kept,
            outputs=outcome.outputs,
            check_failures=[],
            elapsed=[parsed, *outcome.elapsed],
            last_model=self._last_model,
            pipeline_version=self._pipeline.spec.version,
            dropped=dropped,
        )

    def _values(self, run: Run) -> Values:
        batch, record = run.batch, run.record
        echoed, dropped = _within(batch.columns, self._echo_limit)
        values: dict[Path, Value] = {
            ("time",): Constant(record.time),
            ("metadata", "elapsed"): Constant(record.elapsed),
            ("metadata", "dropped"): Constant(dropped) if dropped else _EMPTY,
        }
        for name in batch.columns:
            values["in", name] = echoed.get(name, _NOTHING)
        for name, column in record.outputs.items():
            values["out", name] = column
        return Values(batch.rows, values, batch.shapes)


def answer_to(error: Exception, target: str) -> Response:
    """Return the answer that says what went wrong; what nobody foresaw is logged, and not told."""
    if isinstance(error, MethodNotAllowedError):
        return error_response(error.status, str(error), {"Allow": error.allowed}, target=target)
    if isinstance(error, AuthenticationError):
        return error_response(error.status, str(error), {"WWW-Authenticate": "Bearer"}, target=target)
    if isinstance(error, EdgeError):
        return error_response(error.status, str(error), target=target)
    if isinstance(error, MemoryError):
        message = "There was not enough memory for this request: send fewer rows at once."
    else:
        _log.error("A request could not be answered", exc_info=error)
        message = "This request could not be answered: the log of this server says why."
    return error_response(500, message, target=target)


def _within(columns: dict[str, Column], limit: int | None) -> tuple[dict[str, Column], list[str]]:
    """Return the columns of at most ``limit`` bytes per row, and the paths of the others."""
    if limit is None:
        return columns, []
    kept = {name: column for name, column in columns.items() if bytes_per_row(column) <= limit}
    return kept, [f"in.{name}" for name in columns if name not in kept]

"""What a deployment or an edge answers to HTTP requests, whatever server carries them."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import orjson

from jupyter_edge.core.dataset import Path, Selection
from jupyter_edge.core.errors import AuthenticationError, EdgeError, EntityNotFoundError
from jupyter_edge.core.records import Column, InferenceRecord, LogSink
from jupyter_edge.core.secret import Secret
from jupyter_edge.runtime.answer import Answer, Constant, Value, arrange
from jupyter_edge.runtime.batch import Batch, bytes_per_row
from jupyter_edge.runtime.codecs import legacy
from jupyter_edge.runtime.exchange import MethodNotAllowedError, Request, Response, error_response, require_get
from jupyter_edge.runtime.metrics import Metrics
from jupyter_edge.runtime.negotiation import answer_format, decode
from jupyter_edge.runtime.pipeline import Outcome, Pipeline

LOGGED_BYTES_PER_ROW = 1024 * 1024
"""An input of more than this per row is left out of the log."""

_METADATA = ("last_model", "pipeline_version", "elapsed", "dropped", "partition")
_SMALL_BODY = 16 * 1024
_SHORT_WORK_NS = 5_000_000


class Handler:
    """Answers requests for one pipeline.

    Args:
        pipeline: what to run.
        sink: takes a record of each inference.
        partition: the name under which this instance answers and logs.
        token: bearer token that all routes but ``/ready`` ask for; ``None`` lets everybody in.
        echo_limit: an input of more bytes per row than this is answered as null; ``None`` echoes all.
    """

    def __init__(
        self, pipeline: Pipeline, sink: LogSink, partition: str, token: Secret | None, echo_limit: int | None
    ) -> None:
        self._pipeline = pipeline
        self._sink = sink
        self._partition = partition
        self._token = token
        self._echo_limit = echo_limit
        self._workers = ThreadPoolExecutor(pipeline.threads, thread_name_prefix="inference")
        self._works_long = False
        self.metrics = Metrics({"pipeline": pipeline.spec.name, "partition": partition}, sink)
        last = pipeline.spec.models[-1]
        self._last_model = orjson.dumps({"model_name": last.name, "model_sha": last.sha}).decode()

    async def handle(self, request: Request) -> Response:
        """Answer a request: a small one at once, others in a worker thread so that the event loop stays free."""
        started = time.perf_counter()
        small = len(request.body) <= _SMALL_BODY
        # Metrics import their library, and ask the log: not on the event loop.
        if small and not self._works_long and request.target != "/metrics":
            response = self._respond_timed(request)
        else:
            respond = self._respond_timed if small else self.respond
            response = await asyncio.get_running_loop().run_in_executor(self._workers, respond, request)
        self.metrics.count_answer(response.status)
        if request.method == "POST":
            self.metrics.count_inference(time.perf_counter() - started)
        return response

    def _respond_timed(self, request: Request) -> Response:
        started = time.perf_counter_ns()
        response = self.respond(request)
        self._works_long = time.perf_counter_ns() - started > _SHORT_WORK_NS
        return response

    def close(self) -> None:
        """Wait for running work, and end the worker threads."""
        self._workers.shutdown()

    def respond(self, request: Request) -> Response:
        """Answer a request in this thread; whatever goes wrong is an answer too."""
        try:
            return self._route(request)
        except MethodNotAllowedError as error:
            return error_response(error.status, str(error), {"Allow": error.allowed})
        except AuthenticationError as error:
            return error_response(error.status, str(error), {"WWW-Authenticate": "Bearer"})
        except EdgeError as error:
            return error_response(error.status, str(error))
        except MemoryError:
            return error_response(500, "There was not enough memory for this request: send fewer rows at once.")

    def _route(self, request: Request) -> Response:
        target, _, query = request.target.partition("?")
        path = unquote(target).rstrip("/") or "/"
        spec = self._pipeline.spec
        if path == "/ready":
            return self._get(request, path, {"status": "Running"})
        self._authenticate(request)
        if path == "/metrics":
            require_get(request, path)
            return Response(200, *self.metrics.expose(request.headers.get("accept", "")))
        if path == "/pipelines":
            return self._get(request, path, {"pipelines": [{"id": spec.name, "status": "Running"}]})
        if path == "/models":
            models = [{"name": m.name, "sha": m.sha, "status": "Running", "version": m.version} for m in spec.models]
            return self._get(request, path, {"models": models})
        if path not in ("/infer", f"/pipelines/{spec.name}"):
            if path.startswith("/pipelines/"):
                msg = f"There is no pipeline {path[11:]!r} here: this is {spec.name!r}, at /pipelines/{spec.name}."
            else:
                msg = f"There is nothing at {path}: send inferences to /pipelines/{spec.name}."
            raise EntityNotFoundError(msg)
        if request.method != "POST":
            raise MethodNotAllowedError(request.method, path, "POST")
        return self._infer(request, query)

    def _get(self, request: Request, path: str, content: dict[str, object]) -> Response:
        require_get(request, path)
        return Response(200, orjson.dumps(content))

    def _authenticate(self, request: Request) -> None:
        if self._token is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._token.matches(given.strip()):
            msg = "The token is missing or wrong: send the header 'Authorization: Bearer <token>' of this deployment."
            raise AuthenticationError(msg)

    def _infer(self, request: Request, query: str) -> Response:
        form = answer_format(request.headers.get("accept", ""))
        selection = Selection.parse(query)
        started = time.perf_counter_ns()
        batch = decode(request.headers, request.body)
        parsed = time.perf_counter_ns() - started
        if not batch.rows:
            return Response(200, form.encode(Answer(0, {})) if form.encode else b"[]", form.media_type)
        leaves = selection.choose(self._leaves(batch))
        outcome = self._pipeline.infer(batch)
        self.metrics.count_batch(batch.rows)
        record = self._record(batch, outcome, parsed)
        if form.encode:
            body = form.encode(self._answer(batch, record, leaves, selection.separator))
        else:
            echoed, dropped = _within(batch.columns, self._echo_limit)
            body = legacy.encode(record, None if dropped else echoed, self._pipeline.spec)
        self._sink.append(record)
        return Response(200, body, form.media_type)

    def _leaves(self, batch: Batch) -> list[Path]:
        return [
            ("time",),
            *(("in", name) for name in batch.columns),
            *(("out", name) for name in self._pipeline.output_names),
            ("check_failures",),
            *(("metadata", name) for name in _METADATA),
        ]

    def _record(self, batch: Batch, outcome: Outcome, parsed: int) -> InferenceRecord:
        kept, dropped = _within(batch.columns, LOGGED_BYTES_PER_ROW)
        return InferenceRecord(
            time=time.time_ns() // 1_000_000,
            rows=batch.rows,
            inputs=kept,
            outputs=outcome.outputs,
            check_failures=[[]] * batch.rows,
            elapsed=[parsed, *outcome.elapsed],
            last_model=self._last_model,
            pipeline_version=self._pipeline.spec.version,
            dropped=dropped,
        )

    def _answer(self, batch: Batch, record: InferenceRecord, leaves: list[Path], separator: str | None) -> Answer:
        tree = arrange(leaves, self._values(batch, record), separator)
        joint = separator or "."
        shapes = {joint.join(("in", name)): shape for name, shape in batch.shapes.items()}
        return Answer(batch.rows, tree, joint, shapes)

    def _values(self, batch: Batch, record: InferenceRecord) -> dict[Path, Value]:
        echoed, dropped = _within(batch.columns, self._echo_limit)
        metadata = (record.last_model, record.pipeline_version, record.elapsed, dropped, self._partition)
        return {
            ("time",): Constant(record.time),
            **{("in", name): echoed.get(name, Constant(None)) for name in batch.columns},
            **{("out", name): column for name, column in record.outputs.items()},
            ("check_failures",): Constant([]),
            **{("metadata", name): Constant(value) for name, value in zip(_METADATA, metadata, strict=True)},
        }


def _within(columns: dict[str, Column], limit: int | None) -> tuple[dict[str, Column], list[str]]:
    """Return the columns of at most ``limit`` bytes per row, and the paths of the others."""
    if limit is None:
        return columns, []
    kept = {name: column for name, column in columns.items() if bytes_per_row(column) <= limit}
    return kept, [f"in.{name}" for name in columns if name not in kept]

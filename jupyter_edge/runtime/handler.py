"""What a deployment or an edge answers to HTTP requests, whatever server carries them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import unquote

import orjson

from jupyter_edge.core.errors import AuthenticationError, EntityNotFoundError
from jupyter_edge.core.records import InferenceRecord, LogSink
from jupyter_edge.core.secret import Secret, bearer_token
from jupyter_edge.runtime.dispatch import QUEUE_LIMIT, Answer, Dispatcher, Inference
from jupyter_edge.runtime.exchange import Exchange, MethodNotAllowedError, Request, Response, require_get
from jupyter_edge.runtime.inference import InferenceService, Reading, answer_to
from jupyter_edge.runtime.metrics import Metrics
from jupyter_edge.runtime.open_inference import HEALTH, OpenInference
from jupyter_edge.runtime.pipeline import Pipeline

_PROBES: Mapping[str, Mapping[str, object]] = {"/ready": {"status": "Running"}, **HEALTH}


class Handler:
    """Answers requests for one pipeline.

    Args:
        pipeline: what to run.
        sink: takes a record of each inference.
        partition: the name under which this instance answers and logs.
        token: bearer token that all routes but probes ask for; ``None`` lets everybody in.
        echo_limit: an input of more bytes per row than this is answered as null; ``None`` echoes all.
        queue_limit: how many requests may wait; what comes on top is answered 503.
    """

    def __init__(  # noqa: PLR0913
        self,
        pipeline: Pipeline,
        sink: LogSink,
        partition: str,
        token: Secret | None,
        echo_limit: int | None,
        *,
        queue_limit: int = QUEUE_LIMIT,
    ) -> None:
        self._spec = pipeline.spec
        self._sink = sink
        self._token = token
        self._open_inference = OpenInference(pipeline)
        self.metrics = Metrics({"pipeline": pipeline.spec.name, "partition": partition}, sink)
        self._inferences = InferenceService(pipeline, partition, echo_limit, self.metrics)
        self._dispatcher = Dispatcher(self, pipeline.threads, pipeline.gathering, self._count, queue_limit)
        self.metrics.queue_length = self._dispatcher.queue_length

    def admit(self, request: Request) -> Response | None:
        """Tell from a request's head why its body need not be received; ``None`` if it may come."""
        try:
            self._authenticate(request)
            refusal = self._dispatcher.refusal(request)
        except AuthenticationError as error:
            refusal = answer_to(error, request.target)
        if refusal is not None:
            self._count([(Exchange(request, lambda _: None), refusal)])
        return refusal

    def handle(self, exchange: Exchange) -> None:
        """Answer an exchange, now or later, in the event loop's thread."""
        # Metrics import their library, and ask the log: not on the event loop, nor behind those that they count.
        self._dispatcher.handle(exchange, aside=exchange.request.target.startswith("/metrics"))

    def close(self) -> None:
        """Wait for running work, and end the worker threads."""
        self._dispatcher.close()

    def prepare(self, request: Request) -> Response | Inference:
        """Answer a request that asks for no inference; read one that does."""
        try:
            reading: Reading | None = request.findings.get("reading")
            return self._route(request) if reading is None else self._inferences.read(request, reading)
        except Exception as error:  # noqa: BLE001  whatever goes wrong is an answer too
            return answer_to(error, request.target)

    def run(self, inferences: list[Inference]) -> tuple[list[Response], list[InferenceRecord]]:
        """Run inferences of one key, answer each, and return what is to be logged."""
        return self._inferences.run(inferences)

    def log(self, records: list[InferenceRecord]) -> None:
        """Log what was run."""
        for record in records:
            self._sink.append(record)

    def _count(self, answers: list[Answer]) -> None:
        now = time.perf_counter()
        for exchange, response in answers:
            inference = exchange.request.method == "POST"
            self.metrics.count_answer(response.status, now - exchange.started if inference else None)

    def _route(self, request: Request) -> Response | Inference:
        target, _, query = request.target.partition("?")
        path = unquote(target).rstrip("/") or "/"
        spec = self._spec
        if path in _PROBES:
            return self._get(request, path, _PROBES[path])
        self._authenticate(request)
        if path == "/v2" or path.startswith("/v2/"):
            return self._read_tensors(request, path)
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
        reading = request.findings["reading"] = Reading.of(request.headers, query)
        return self._inferences.read(request, reading)

    def _get(self, request: Request, path: str, content: Mapping[str, object]) -> Response:
        require_get(request, path)
        return Response(200, orjson.dumps(content))

    def _authenticate(self, request: Request) -> None:
        if self._token is not None and not self._token.matches(bearer_token(request.headers.get("authorization", ""))):
            msg = "The token is missing or wrong: send the header 'Authorization: Bearer <token>' of this deployment."
            raise AuthenticationError(msg)

    def _read_tensors(self, request: Request, path: str) -> Response | Inference:
        started = time.perf_counter_ns()
        wanted = self._open_inference.read(request, path)
        if isinstance(wanted, Response):
            return wanted
        parsed = time.perf_counter_ns() - started
        inference = Inference(
            request.target, wanted.batch, parsed, lambda run: self._open_inference.write(wanted, run.outcome)
        )
        if self._inferences.may_join:
            inference.key = "v2"
        return inference

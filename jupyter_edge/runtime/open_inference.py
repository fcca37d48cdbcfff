"""A pipeline as a model of the Open Inference Protocol 2 (HTTP/REST part), below ``/v2``.

https://github.com/kserve/open-inference-protocol
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from jupyter_edge.core.errors import EntityNotFoundError, InferenceError, InvalidInputError
from jupyter_edge.core.media_types import JSON
from jupyter_edge.core.schema import TensorSpec
from jupyter_edge.core.version import VERSION
from jupyter_edge.runtime.codecs.open_inference_reader import DATATYPES, LENGTH_HEADER, TensorRequest, decode
from jupyter_edge.runtime.codecs.open_inference_writer import encode
from jupyter_edge.runtime.exchange import MethodNotAllowedError, Request, Response, require_get
from jupyter_edge.runtime.negotiation import require_plain
from jupyter_edge.runtime.pipeline import Outcome, Pipeline

HEALTH = {"/v2/health/live": {"live": True}, "/v2/health/ready": {"ready": True}}
"""What is answered to probes, which have no token."""

_BINARY = "application/octet-stream"
_SERVER = {"name": "jupyter-edge", "version": VERSION, "extensions": ["binary_tensor_data"]}


class OpenInference:
    """Reads requests below ``/v2`` and writes their answers; running what they ask for is the caller's."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._spec = pipeline.spec
        self._outputs = pipeline.row_schema.outputs
        self._metadata = {
            "name": pipeline.spec.name,
            "versions": [pipeline.spec.version],
            "platform": "onnxruntime_onnx",
            "inputs": [_described(spec) for spec in pipeline.row_schema.inputs],
            "outputs": [_described(spec) for spec in self._outputs],
        }

    def read(self, request: Request, path: str) -> Response | TensorRequest:
        """Answer a request for metadata, or return the one for an inference.

        Raises:
            EntityNotFoundError: for a path, model or version that is not here.
            MethodNotAllowedError: for another method than the path's.
            InvalidInputError: for a request that is no such thing, or wants an output that is not there.
        """
        if self._action(path) == "infer":
            if request.method != "POST":
                raise MethodNotAllowedError(request.method, path, "POST")
            require_plain(request.headers)
            wanted = decode(request.headers, request.body)
            self._check_outputs(wanted)
            return wanted
        require_get(request, path)
        return Response(200, orjson.dumps(self._content(path)))

    def write(self, request: TensorRequest, outcome: Outcome) -> Response:
        """Answer an inference with the outputs that it wants.

        Raises:
            InferenceError: if an output has values of another shape in each row, which no tensor can hold.
        """
        head = {"model_name": self._spec.name, "model_version": self._spec.version}
        if request.id is not None:
            head["id"] = request.id
        wanted = request.outputs or {spec.name: request.binary for spec in self._outputs}
        values = ((name, self._tensor(name, request.batch.rows, outcome), binary) for name, binary in wanted.items())
        body, length = encode(head, values)
        if length is None:
            return Response(200, body, JSON)
        return Response(200, body, _BINARY, {LENGTH_HEADER: str(length)})

    def _action(self, path: str) -> str:
        """Return what a path asks for: "" for metadata, "ready" or "infer" of the pipeline."""
        parts = path.split("/")[2:]
        if parts in ([], ["health", "live"], ["health", "ready"]):
            return ""
        model, rest = parts[1:2], parts[2:]
        if rest[:1] == ["versions"]:
            if rest[1:2] != [self._spec.version]:
                msg = f"Version {'/'.join(rest[1:2])!r} is not here: this is {self._spec.version!r}."
                raise EntityNotFoundError(msg)
            rest = rest[2:]
        if parts[0] != "models" or rest not in ([], ["ready"], ["infer"]):
            msg = f"There is nothing at {path}: send inferences to /v2/models/{self._spec.name}/infer."
            raise EntityNotFoundError(msg)
        if model != [self._spec.name]:
            msg = f"There is no model {'/'.join(model)!r} here: the pipeline {self._spec.name!r} is the model."
            raise EntityNotFoundError(msg)
        return "".join(rest)

    def _content(self, path: str) -> dict[str, Any]:
        if path == "/v2":
            return _SERVER
        if path.endswith("/ready") and path not in HEALTH:
            return {"name": self._spec.name, "ready": True}
        return HEALTH.get(path, self._metadata)

    def _check_outputs(self, request: TensorRequest) -> None:
        names = [spec.name for spec in self._outputs]
        unknown = [name for name in request.outputs or {} if name not in names]
        if unknown:
            msg = f"There is no output {unknown[0]!r}: pipeline {self._spec.name} gives {', '.join(names)}."
            raise InvalidInputError(msg)

    def _tensor(self, name: str, rows: int, outcome: Outcome) -> np.ndarray[Any, Any]:
        column = outcome.outputs[name]
        if name not in outcome.shapes:
            msg = f"Output {name!r} differs in shape from row to row, which no tensor can hold: send one row at a time."
            raise InferenceError(msg)
        values = column if isinstance(column, np.ndarray) else np.array(column, np.dtype(object))
        return values.reshape(rows, *outcome.shapes[name])


def _described(spec: TensorSpec) -> dict[str, Any]:
    shape = [-1, *(-1 if size is None else size for size in spec.shape)]
    return {"name": spec.name, "datatype": DATATYPES[spec.dtype], "shape": shape}

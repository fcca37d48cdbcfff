"""What the soak asks: prepared requests, each with a check of its answer against a run of the model alone."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from jupyter_edge.core.media_types import ARROW_FILE, PANDAS_RECORDS
from jupyter_edge.core.telemetry import import_onnxruntime

Array = np.ndarray[Any, np.dtype[np.float32]]
Check = Callable[[bytes], bool]
_LENGTH = "Inference-Header-Content-Length"


@dataclass(frozen=True)
class Question:
    """A request below ``path``; an answer is right if it has ``status`` and its body passes ``check``."""

    kind: str
    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    check: Check = field(default=lambda body: b"error" in body)
    method: str = "POST"


@dataclass(frozen=True)
class Target:
    """A deployed pipeline of one model, with one input and one output."""

    name: str
    model: Path
    url: str
    headers: dict[str, str]


def questions(target: Target, batches: list[int], seed: int) -> list[Question]:
    """Return what to ask a target: for each number of rows the formats that carry it, and what must be refused."""
    session = _session(target.model)
    source, result = session.get_inputs()[0], session.get_outputs()[0]
    rng = np.random.default_rng(seed)
    found: list[Question] = []
    for rows in batches:
        values = rng.random((rows, *source.shape[1:]), np.float32)
        (expected,) = session.run(None, {source.name: values})
        found += _right(target, values, expected, (source.name, result.name))
    return found + list(_wrong(target, source.name))


def _session(model: Path) -> Any:
    """Open a model as a deployment of one CPU does: ONNX Runtime adds in another order where it has more threads."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _right(target: Target, values: Array, expected: Array, names: tuple[str, str]) -> Iterator[Question]:
    source, _ = names
    pipeline, tensors = f"/pipelines/{target.name}", f"/v2/models/{target.name}/infer"
    arrow, head = _arrow_file(values, source), _head_of_tensor(values, source)
    to_arrow = {"Content-Type": ARROW_FILE, "Accept": ARROW_FILE}
    to_json = {"Content-Type": ARROW_FILE, "Accept": PANDAS_RECORDS}
    yield Question("arrow", pipeline, arrow, to_arrow, check=_in_arrow(values, expected, names))
    yield Question("tensor", tensors, head + values.tobytes(), {_LENGTH: str(len(head))}, check=_in_bytes(expected))
    records = _in_records(values, expected, names)
    if len(values) > 1:
        yield Question("arrow to json", pipeline, arrow, to_json, check=records)
        return
    body = b'[{"%b":%b}]' % (source.encode(), orjson.dumps(values[0], option=orjson.OPT_SERIALIZE_NUMPY))
    yield Question("json", pipeline, body, {"Accept": PANDAS_RECORDS}, check=records)


def _wrong(target: Target, source: str) -> Iterator[Question]:
    pipeline = f"/pipelines/{target.name}"
    yield Question("wrong", pipeline, b'[{"%b":[1,2,3]}]' % source.encode(), status=400)
    yield Question("wrong", pipeline, b'[{"%b":' % source.encode(), status=400)
    yield Question("wrong", pipeline, b"ARROW1\0\0" + bytes(range(256)), {"Content-Type": ARROW_FILE}, status=400)
    yield Question("wrong", f"/v2/models/{target.name}/infer", b'{"inputs":[{}]}', status=400)
    yield Question("wrong", "/pipelines/another", b"[]", status=404)
    yield Question("wrong", pipeline, b"", status=405, method="PUT")
    yield Question("wrong", pipeline, b"[]", {"Authorization": "Bearer another"}, status=401)
    yield Question("wrong", pipeline, b"[]", {"Accept": "image/png"}, status=406)


def _arrow_file(values: Array, name: str) -> bytes:
    row = values.shape[1:]
    column = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), int(np.prod(row)))
    field = pa.field(name, column.type, metadata={"tensor_type": json.dumps({"shape": row})})
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, pa.schema([field])) as writer:
        writer.write_table(pa.table([column], schema=pa.schema([field])))
    return sink.getvalue()


def _head_of_tensor(values: Array, name: str) -> bytes:
    size = {"binary_data_size": values.nbytes}
    tensor = {"name": name, "shape": values.shape, "datatype": "FP32", "parameters": size}
    return json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()


def _in_arrow(values: Array, expected: Array, names: tuple[str, str]) -> Check:
    def check(body: bytes) -> bool:
        table = pa.ipc.open_file(body).read_all()
        echoed = table["in"].combine_chunks().field(names[0])
        given = table["out"].combine_chunks().field(names[1])
        return _same(echoed.flatten().to_numpy(), values) and _same(given.flatten().to_numpy(), expected)

    return check


def _in_bytes(expected: Array) -> Check:
    return lambda body: _same(np.frombuffer(body[-expected.nbytes :], np.float32), expected)


def _in_records(values: Array, expected: Array, names: tuple[str, str]) -> Check:
    def check(body: bytes) -> bool:
        rows = orjson.loads(body)
        echoed = np.array([row["in"][names[0]] for row in rows], np.float32)
        given = np.array([row["out"][names[1]] for row in rows], np.float32)
        return _same(echoed, values) and _same(given, expected)

    return check


def _same(found: Array, expected: Array) -> bool:
    """Compare bit for bit; one row alone, which may have run beside others, to a relative 1e-5."""
    if found.size != expected.size:
        return False
    if len(expected) == 1:
        return bool(np.allclose(found.ravel(), expected.ravel(), rtol=1e-5, atol=1e-7))
    return found.tobytes() == expected.tobytes()

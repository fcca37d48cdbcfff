"""What is fuzzed: each target takes any bytes, as a client could send them, and fails only where the code does."""

from __future__ import annotations

import functools
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from jupyter_edge.core.media_types import ARROW_FILE
from jupyter_edge.core.records import NoLog
from jupyter_edge.runtime.exchange import Request, Response
from jupyter_edge.runtime.handler import Handler
from jupyter_edge.runtime.request_reader import Readers, RequestReader
from tests.runtime import models
from tests.runtime.answers import respond

_LIMIT = 1 << 20
_BUFFER = memoryview(bytearray(1 << 16))
_INFER = "/v2/models/line/infer"


@functools.cache
def handler() -> Handler:
    """Return what answers in all targets: a pipeline of two inputs, ``a [n, 2]`` and ``b [n]``, and two outputs."""
    path = models.adding(Path(tempfile.mkdtemp()) / "adding.onnx")
    return Handler(models.pipeline_of(path), NoLog(), "here", None, echo_limit=_LIMIT)


def _answer(request: Request) -> Response:
    """Answer a request; what nobody foresaw is answered 500, and is what is looked for here."""
    response = respond(handler(), request)
    assert response.status != 500, response.body
    if response.media_type.startswith("application/json"):
        orjson.loads(response.body)
    return response


def http(data: bytes) -> None:
    """Read a connection's bytes, in pieces as long as the first byte says, and answer what they ask for."""
    reader = RequestReader(_BUFFER, Readers(one=_LIMIT), lambda _: None)
    piece = data[0] * 16 if data else 1
    position = 1
    while position < len(data) and not reader.failed:
        buffer = reader.buffer()
        part = data[position : position + min(len(buffer), max(1, piece))]
        buffer[: len(part)] = part
        position += len(part)
        reader.take(len(part))
        while reader.ready:
            ready = reader.ready.popleft()
            if isinstance(ready, tuple):
                _answer(ready[0])
                reader.release(len(ready[0].body))
    reader.close()


def records(data: bytes) -> None:
    """Read JSON records, in the way of small bodies and in that of large ones, and answer in both formats."""
    _answer(Request("POST", "/infer", {}, data))
    _answer(Request("POST", "/infer", {"accept": ARROW_FILE}, data + b" " * (1 << 16)))


def arrow(data: bytes) -> None:
    """Read an Arrow file or stream, and answer in both formats."""
    _answer(Request("POST", "/infer", {"content-type": ARROW_FILE}, data))
    _answer(Request("POST", "/infer", {"content-type": ARROW_FILE, "accept": ARROW_FILE}, data))


def tensors(data: bytes) -> None:
    """Read a request of the Open Inference Protocol; the first two bytes tell how much of it is JSON."""
    length = int.from_bytes(data[:2], "little")
    _answer(Request("POST", _INFER, {"inference-header-content-length": str(length)}, data[2:]))
    _answer(Request("POST", _INFER, {}, data[2:]))


def _seeds_of_http() -> list[bytes]:
    body = _seeds_of_records()[0]
    head = b"POST /infer HTTP/1.1\r\nHost: e\r\n"
    return [
        b"\xffGET /models HTTP/1.1\r\nHost: e\r\n\r\nHEAD /v2 HTTP/1.0\r\n\r\n",
        b"\xff%sContent-Length: %d\r\nExpect: 100-continue\r\n\r\n%s" % (head, len(body), body),
        b"\x01%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (head, len(body), body),
        b"\xff%sContent-Length: 50000\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n%s" % (head, b" " * 50_000),
    ]


def _seeds_of_records() -> list[bytes]:
    rows = [{"a": [1.5, 2], "b": 3, "id": "ä"}, {"a": [0.1, None], "b": -4, "id": None}]
    odd = [{"a": [float("nan"), 2], "b": True, "c": {"d": [[1], [2, 3]]}}]
    bodies: list[object] = [rows, odd, [], [{}]]
    return [json.dumps(value).encode() for value in bodies]


def _seeds_of_arrow() -> list[bytes]:
    columns = {
        "a": pa.array([[1.5, 2], [0.1, 3]], pa.list_(pa.float32(), 2)),
        "b": pa.array([3, -4], pa.int64()),
        "n": pa.array([1.5, None]),
        "t": pa.array(["a", None]),
        "d": pa.array(["x", "y"]).dictionary_encode(),
        "s": pa.array([{"k": [1]}, None]),
        "e": pa.array([0, None], pa.date32()),
        "m": pa.array([0, None], pa.timestamp("us")),
    }
    seeds = []
    for names in (["a", "b"], list(columns)):
        table = pa.table({name: columns[name] for name in names})
        for write, codec in ((pa.ipc.new_file, None), (pa.ipc.new_file, "zstd"), (pa.ipc.new_stream, "lz4")):
            sink = io.BytesIO()
            with write(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
                writer.write_table(table)
            seeds.append(sink.getvalue())
    return seeds


def _seeds_of_tensors() -> list[bytes]:
    a = {"name": "a", "shape": [2, 2], "datatype": "FP32"}
    b = {"name": "b", "shape": [2], "datatype": "INT64"}
    plain = {"id": "7", "inputs": [a | {"data": [[1.5, 2], [0.1, None]]}, b | {"data": [3, -4]}]}
    wanted = [{"name": "total", "parameters": {"binary_data": True}}, {"name": "double"}]
    sized = [a | {"parameters": {"binary_data_size": 16}}, b | {"parameters": {"binary_data_size": 16}}]
    text = {"name": "t", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": 10}}
    data = np.ones(4, "<f4").tobytes() + np.ones(2, "<i8").tobytes()
    return [
        _with_length(plain, b""),
        _with_length(plain | {"outputs": wanted}, b""),
        _with_length({"inputs": sized, "outputs": wanted}, data),
        _with_length({"inputs": [*sized, text], "parameters": {"binary_data_output": True}}, data + b"\1\0\0\0a" * 2),
    ]


def _with_length(head: object, rest: bytes) -> bytes:
    text = json.dumps(head).encode()
    return len(text).to_bytes(2, "little") + text + rest


TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], list[bytes]]]] = {
    "http": (http, _seeds_of_http),
    "records": (records, _seeds_of_records),
    "arrow": (arrow, _seeds_of_arrow),
    "tensors": (tensors, _seeds_of_tensors),
}
"""Each target, with what gives good input for it."""

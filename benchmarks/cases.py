"""The requests that are measured, and the models that answer them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.image_model import write_image_model
from benchmarks.rounds import Array, bare_model
from benchmarks.tree_model import write_tree_model
from jupyter_edge.core.media_types import ARROW_FILE, PANDAS_RECORDS

ROWS, INPUTS = 1001, 29
NO_ECHO = "?dataset=out&dataset=time"


def http_request(path: str, body: bytes, content_type: str, accept: str = "*/*", *more: str) -> bytes:
    """Return a whole HTTP request."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {content_type}", f"Accept: {accept}", *more]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def arrow_file(values: Array) -> bytes:
    """Return an Arrow file of one column whose rows have the shape of ``values`` after its first dimension."""
    column = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values[0].size)
    if values.ndim > 2:
        kind = pa.fixed_shape_tensor(pa.from_numpy_dtype(values.dtype), values.shape[1:])
        column = pa.ExtensionArray.from_storage(kind, column)
    table = pa.table({"tensor": column})
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def json_records(values: Array, column: str = "tensor") -> bytes:
    """Return pandas-records."""
    return json.dumps([{column: row} for row in values.tolist()], separators=(",", ":")).encode()


@dataclass(frozen=True)
class Case:
    """Values for a model, as the input that it calls ``name``, which gets ``threads`` threads."""

    file: Path
    name: str
    values: Array
    threads: int

    def request(self, content_type: str = PANDAS_RECORDS, accept: str = PANDAS_RECORDS, query: str = "") -> bytes:
        """Return the request to this project's server."""
        body = arrow_file(self.values) if content_type == ARROW_FILE else json_records(self.values)
        return http_request(f"/pipelines/bench{query}", body, content_type, accept)


def rows(folder: Path, count: int = ROWS) -> Case:
    """Return rows for a tree ensemble on 29 inputs."""
    values = np.random.default_rng(0).random((count, INPUTS), np.float32)
    return Case(write_tree_model(folder / "trees.onnx"), "tensor", values, 1)


def image(folder: Path, threads: int = 2) -> Case:
    """Return an image for a network of YOLOv8n's size."""
    pixels = np.random.default_rng(0).random((1, 3, 640, 640)).astype(np.float32)
    return Case(write_image_model(folder / "image.onnx"), "images", pixels, threads)


def bare(case: Case) -> Callable[[], list[Array]]:
    """Return the call of a case's model in this process, on as many threads."""
    return bare_model(case.file, {case.name: case.values}, case.threads)

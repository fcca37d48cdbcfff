"""Print how long requests take through a real deployment, log included, beside the bare models on one thread.

Usage: python -m benchmarks.deployment [--rounds N]
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from benchmarks.image_model import write_image_model
from benchmarks.tree_model import write_tree_model
from jupyter_edge.client import Client, Pipeline
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.core.media_types import ARROW_FILE, PANDAS_RECORDS
from jupyter_edge.core.telemetry import import_onnxruntime

ROWS = 1001


def bare(file: Path, feeds: dict[str, Any]) -> Callable[[], object]:
    """Return a call of the model in this process, on one thread."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options)
    return lambda: session.run(None, feeds)


def request(client: Client, pipeline: Pipeline, body: bytes, media_type: str) -> Callable[[], object]:
    """Return a request to the pipeline's deployment, on one connection that is kept."""
    url = urlsplit(pipeline.url())
    connection = http.client.HTTPConnection(str(url.hostname), url.port)
    headers = {**client.auth.auth_header(), "Content-Type": media_type, "Accept": PANDAS_RECORDS}

    def send() -> None:
        connection.request("POST", url.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(content[:500])

    return send


def compare(name: str, whole: Callable[[], object], model: Callable[[], object], rounds: int, budget: str) -> None:
    """Print the medians of both, run in turn, and their ratio."""
    times: dict[Callable[[], object], list[float]] = {whole: [], model: []}
    for _ in range(rounds):
        for work, found in times.items():
            started = time.perf_counter()
            work()
            found.append((time.perf_counter() - started) * 1000)
    request_ms, model_ms = (statistics.median(found) for found in times.values())
    print(
        f"{name:<42} {request_ms:8.2f} ms, bare model {model_ms:8.2f} ms, ratio {request_ms / model_ms:6.2f}; {budget}"
    )


def main() -> None:
    """Deploy both models in a home of their own, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JUPYTER_EDGE_HOME"] = f"{folder}/home"
        client = Client()
        trees, image = write_tree_model(Path(folder) / "trees.onnx"), write_image_model(Path(folder) / "image.onnx")
        pipelines = {}
        for name, file in (("trees", trees), ("image", image)):
            pipelines[name] = client.build_pipeline(name).add_model_step(client.upload_model(name, file))
            pipelines[name].deploy()

        rows = rng.standard_normal((ROWS, 29)).astype(np.float32)
        column = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), 29)
        table = pa.table({"tensor": column})
        arrow = io.BytesIO()
        with pa.ipc.new_file(arrow, table.schema) as writer:
            writer.write_table(table)
        whole = request(client, pipelines["trees"], arrow.getvalue(), ARROW_FILE)
        compare("1,001 Arrow rows to JSON", whole, bare(trees, {"tensor": rows}), rounds, "budget 6 ms")

        row = json.dumps([{"tensor": rows[0].tolist()}]).encode()
        whole = request(client, pipelines["trees"], row, PANDAS_RECORDS)
        compare("1 JSON row", whole, bare(trees, {"tensor": rows[:1]}), rounds, "budget 1 ms")

        picture = rng.random((1, 3, 640, 640)).astype(np.float32)
        body = json.dumps([{"images": np.round(picture.astype(float), 10).tolist()}], separators=(",", ":")).encode()
        whole = request(client, pipelines["image"], body, PANDAS_RECORDS)
        name = f"an image of {len(body) / 1e6:.0f} MB JSON, echoed"
        compare(name, whole, bare(image, {"images": picture}), max(5, rounds // 10), "budget ratio 2.5")
        stop_engine()


if __name__ == "__main__":
    main()

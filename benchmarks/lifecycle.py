"""Print how long starting, connecting and publishing take, each beside a yardstick measured in the same run.

Usage: python -m benchmarks.lifecycle [--rounds N]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import requests
from onnx import TensorProto, helper, numpy_helper

from benchmarks.rounds import figure, median, table
from jupyter_edge.client import Client, Framework, Publish
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.samples import path

PORT = 8098
MODEL_BYTES = 12 << 20


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that ``work`` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def line(name: str, times: list[float], yardstick: str, measure: float, target: float) -> list[str]:
    """Return a line of the table; all times are seconds."""
    times_, ratio = figure(each * 1000 for each in times), median(times) / measure
    return [name, f"{times_:.0f}", f"<= {target * 1000:.0f}", f"{ratio:.1f} x {yardstick} ({measure * 1000:.1f} ms)"]


def write_model(file: Path, seed: int) -> Path:
    """Write a model of 12 MB: one matrix, different for each seed."""
    weights = np.random.default_rng(seed).standard_normal((1, MODEL_BYTES // 4)).astype(np.float32)
    nodes = [helper.make_node("Add", ["x", "weights"], ["sum"]), helper.make_node("ReduceMax", ["sum"], ["y"])]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1])]
    graph = helper.make_graph(nodes, "big", inputs, outputs, [numpy_helper.from_array(weights, "weights")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(file))
    return file


def start_edge(publish: Publish) -> None:
    """Run the printed command until the first answer to an inference, then end it."""
    process = subprocess.Popen(
        ["bash", "-c", publish.serve_command(PORT)], start_new_session=True, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            row = [{"tensor": [0.0] * 29}]
            requests.post(f"http://127.0.0.1:{PORT}/infer", json=row, timeout=5).raise_for_status()
            break
        except requests.ConnectionError:
            time.sleep(0.005)
    else:
        raise TimeoutError(publish.serve_command(PORT))
    os.killpg(process.pid, signal.SIGINT)
    process.wait(30)


def load_magics() -> float:
    """Return the seconds of ``%load_ext jupyter_edge`` in a new process that has a shell, as a kernel has."""
    program = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
started = time.perf_counter()
shell.run_line_magic("load_ext", "jupyter_edge")
print(time.perf_counter() - started)
"""
    return float(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout)


def digest(file: Path) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def cold_start(home: Path) -> None:
    """Start an engine in a new home, and end it."""
    shutil.rmtree(home, ignore_errors=True)
    Client()


def main() -> None:
    """Measure all, in a home of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = range(parser.parse_args().rounds)
    with tempfile.TemporaryDirectory() as folder:
        lines: list[list[str]] = []
        home = Path(folder) / "home"
        os.environ["JUPYTER_EDGE_HOME"] = str(home)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # see servers.ours
        python = median(timed(lambda: subprocess.run([sys.executable, "-c", ""], check=True)) for _ in rounds)
        lines.append(line("%load_ext jupyter_edge", [load_magics() for _ in rounds], "python's own start", python, 0.2))
        starts = []
        for _ in rounds:
            stop_engine()
            starts.append(timed(lambda: cold_start(home)))
        lines.append(line("engine, cold start to connected client", starts, "python's own start", python, 2))

        client = Client()
        health = median(timed(lambda: requests.get(f"{client.api_endpoint}/v1/api/health", timeout=5)) for _ in rounds)
        connects = [timed(Client) for _ in rounds]
        lines.append(line("Client() on a running engine", connects, "one bare request", health, 0.05))

        model = client.upload_model("ccfraud", path("ccfraud.onnx"), framework=Framework.ONNX)
        pipeline = client.build_pipeline("card-fraud").add_model_step(model.configure(tensor_fields=["tensor"]))
        publish = pipeline.publish()
        edges = f"{home}/edges"
        cold, warm = [], []
        for _ in rounds:
            shutil.rmtree(edges, ignore_errors=True)
            cold.append(timed(partial(start_edge, publish)))
            warm.append(timed(partial(start_edge, publish)))
        lines.append(line("edge, cold start with pull to first answer", cold, "python's own start", python, 1.5))
        lines.append(line("edge, restart to first answer", warm, "python's own start", python, 1.5))

        publishes, hashes = [], []
        for seed in rounds:
            file = write_model(Path(folder) / "big.onnx", seed)
            hashes.append(timed(partial(digest, file)))
            big = client.build_pipeline("big").clear().add_model_step(client.upload_model("big", file, Framework.ONNX))
            publishes.append(timed(big.publish))
        lines.append(line("publish of a 12 MB model", publishes, "hashing it once", median(hashes), 1))
        stop_engine()
    print(table(["starting and publishing", "ms", "target", "beside"], lines))


if __name__ == "__main__":
    main()

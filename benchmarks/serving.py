"""Print what serving costs over the bare model, in interleaved rounds on this machine.

Usage: python -m benchmarks.serving [--model FILE --rows FILE.arrow] [--image-model FILE] [--rounds N]
The image model defaults to a YOLOv8n-sized network with random weights, made here (needs the onnx package).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil

from benchmarks.image_model import write_image_model
from benchmarks.serving_process import load
from jupyter_edge import samples
from jupyter_edge.core.media_types import ARROW_FILE, PANDAS_RECORDS
from jupyter_edge.runtime.codecs import arrow_reader


class Client:
    """A keep-alive connection that sends prepared bytes, so that the client costs next to nothing."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = memoryview(bytearray(64 << 20))

    def send(self, request: bytes) -> memoryview:
        """Return the body of the answer, which must be a 200."""
        self.socket.sendall(request)
        filled = self.socket.recv_into(self.buffer)
        head, _, _ = bytes(self.buffer[: min(filled, 2048)]).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(bytes(self.buffer[:filled]))
        length = int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0])
        total = len(head) + 4 + length
        while filled < total:
            filled += self.socket.recv_into(self.buffer[filled:])
        return self.buffer[len(head) + 4 : total]


def request(body: bytes, content_type: str, accept: str, query: str = "") -> bytes:
    """Return a whole HTTP request."""
    head = (
        f"POST /pipelines/bench{query} HTTP/1.1\r\nHost: bench\r\nContent-Type: {content_type}\r\n"
        f"Accept: {accept}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@contextlib.contextmanager
def server(model: Path, threads: int, *more: str) -> Iterator[tuple[int, psutil.Process, float]]:
    """Start a server; yield its port, its process and the seconds until it answered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port, descriptor = listening.getsockname()[1], str(listening.fileno())
        command = [
            sys.executable,
            "-m",
            "benchmarks.serving_process",
            str(model),
            descriptor,
            str(threads),
            *more,
        ]
        started = time.perf_counter()
        process = subprocess.Popen(command, pass_fds=[listening.fileno()])
    try:
        with socket.create_connection(("127.0.0.1", port)) as probe:
            probe.sendall(b"GET /ready HTTP/1.1\r\nHost: bench\r\n\r\n")
            probe.recv(4096)
        yield port, psutil.Process(process.pid), time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


def cpu_time(pid: int) -> float:
    """Return the milliseconds that all threads of a process have run for, as the kernel's schedstat has it."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1e6


Taken = dict[str, list[tuple[float, float]]]


def compare(calls: dict[str, Callable[[], object]], rounds: int, pid: int) -> Taken:
    """Return the milliseconds of each call, taken in turns, and those that the server ``pid`` has run for it."""
    taken: Taken = {name: [] for name in calls}
    for number in range(rounds + 3):
        for name, call in calls.items():
            used, started = cpu_time(pid), time.perf_counter()
            call()
            if number >= 3:
                taken[name].append(((time.perf_counter() - started) * 1000, cpu_time(pid) - used))
    return taken


def report(title: str, taken: Taken) -> None:
    """Print best, median and 99th percentile of each, the bare model's share of the median, and the server's CPU."""
    bare = statistics.median(elapsed for elapsed, _ in next(iter(taken.values())))
    print(f"\n{title}\n{'':34}{'best':>9}{'p50':>9}{'p99':>9} ms   bare/ours   CPU p50 ms")
    for name, pairs in taken.items():
        values, used = zip(*pairs, strict=True)
        p50, p99 = np.percentile(values, [50, 99])
        print(f"{name:34}{min(values):9.3f}{p50:9.3f}{p99:9.3f}{bare / p50:12.2f}{statistics.median(used):13.3f}")


def measure_rows(model: Path, rows: Path, rounds: int) -> None:
    """Compare a table of rows, and one row, with the bare model."""
    body = rows.read_bytes()
    table = arrow_reader.decode(body)
    pipeline = load(model, 1)
    step = pipeline._steps[0]
    values = np.ascontiguousarray(table.columns["tensor"])
    one = json.dumps([{"tensor": values[0].tolist()}]).encode()
    records = json.dumps([{"tensor": row} for row in values.tolist()]).encode()
    with server(model, 1) as (port, process, ready):
        client = Client(port)
        calls: dict[str, Callable[[], object]] = {
            "bare model": lambda: step._call([values]),
            "Arrow to Arrow": lambda: client.send(request(body, ARROW_FILE, ARROW_FILE)),
            "Arrow to JSON with echo": lambda: client.send(request(body, ARROW_FILE, PANDAS_RECORDS)),
            "Arrow to JSON without": lambda: client.send(
                request(body, ARROW_FILE, PANDAS_RECORDS, "?dataset=out&dataset=time")
            ),
            "JSON to JSON": lambda: client.send(request(records, PANDAS_RECORDS, PANDAS_RECORDS)),
        }
        report(f"{len(values)} rows", compare(calls, rounds, process.pid))
        single = request(one, PANDAS_RECORDS, PANDAS_RECORDS)
        calls = {"bare model": lambda: step._call([values[:1]]), "JSON to JSON": lambda: client.send(single)}
        report("1 row", compare(calls, rounds * 10, process.pid))
        print(f"\nstart to first answer {ready:.2f} s, memory {process.memory_info().rss >> 20} MiB")


def measure_image(model: Path, rounds: int, threads: int) -> None:
    """Compare one image with the bare model."""
    pixels = np.random.default_rng(0).random((1, 3, 640, 640)).astype(np.float32)
    body = json.dumps([{"tensor": pixels[0].astype(float).round(10).tolist()}]).encode()
    step = load(model, threads)._steps[0]
    with server(model, threads) as (port, process, _):
        client = Client(port)
        whole = request(body, PANDAS_RECORDS, PANDAS_RECORDS)
        quiet = request(body, PANDAS_RECORDS, PANDAS_RECORDS, "?dataset=out&dataset=time")
        calls: dict[str, Callable[[], object]] = {
            "bare model": lambda: step._call([pixels]),
            "JSON to JSON with echo": lambda: client.send(whole),
            "JSON to JSON without": lambda: client.send(quiet),
        }
        title = f"1 image, {len(body) / 1e6:.1f} MB of JSON, {threads} threads"
        report(title, compare(calls, rounds, process.pid))
        print(f"\nmemory {process.memory_info().rss >> 20} MiB")


def main() -> None:
    """Measure rows, then images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=samples.path("ccfraud.onnx"))
    parser.add_argument("--rows", type=Path, default=samples.path("transactions.arrow"))
    parser.add_argument("--image-model", type=Path)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2, help="threads of the image model")
    options = parser.parse_args()
    measure_rows(options.model, options.rows, options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        image_model = options.image_model or write_image_model(Path(folder) / "image.onnx")
        measure_image(image_model, max(5, options.rounds // 6), options.threads)


if __name__ == "__main__":
    main()

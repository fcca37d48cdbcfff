"""Print what the log costs: the server's CPU per request with it and without, in interleaved bursts.

Usage: python -m benchmarks.log [--rounds N]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.arrow import table_of
from benchmarks.serving import Client, cpu_time, request, server
from benchmarks.tree_model import write_tree_model
from jupyter_edge.core.media_types import ARROW_FILE, PANDAS_RECORDS
from jupyter_edge.logs.spool_reader import SpoolReader

ROWS = 1001


def burst(client: Client, pid: int, whole: bytes, count: int, spool: SpoolReader | None) -> float:
    """Return the server's CPU per request in us over requests on one connection, until all of them are committed."""
    used, began = cpu_time(pid), spool.backlog()[0] if spool else 0
    rows = count * (ROWS if len(whole) > 10_000 else 1)
    for _ in range(count):
        client.send(whole)
    while spool and spool.backlog()[0] < began + rows:
        time.sleep(0.01)
    return (cpu_time(pid) - used) / count * 1000


def take_over(spool: SpoolReader) -> None:
    """Empty the spool, as an engine does in a process of its own."""
    while batches := spool.pending():
        spool.acknowledge(batches[-1].position)


def main() -> None:
    """Compare requests of 1,001 Arrow rows, and of one JSON row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    row = json.dumps([{"tensor": np.random.default_rng(0).random(29).tolist()}]).encode()
    kinds = {
        "1,001 Arrow rows": (request(table_of(ROWS), ARROW_FILE, ARROW_FILE), 60),
        "1 JSON row": (request(row, PANDAS_RECORDS, PANDAS_RECORDS), 1000),
    }
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model = write_tree_model(folder / "trees.onnx")
        quiet_port, quiet, _ = stack.enter_context(server(model, 1))
        port, logging, _ = stack.enter_context(server(model, 1, "--log", str(folder / "spool.db")))
        spool = stack.enter_context(SpoolReader(folder / "spool.db"))
        without, with_log = Client(quiet_port), Client(port)
        print(f"{'server CPU per request':24}{'no log':>10}{'log':>10} us   the log adds")
        for name, (whole, count) in kinds.items():
            taken: list[tuple[float, float]] = []
            for _ in range(rounds + 2):
                taken.append(
                    (
                        burst(without, quiet.pid, whole, count, None),
                        burst(with_log, logging.pid, whole, count, spool),
                    )
                )
                take_over(spool)
            off, on = (statistics.median(values) for values in zip(*taken[2:], strict=True))
            print(f"{name:24}{off:10.0f}{on:10.0f}{on / off - 1:15.1%}")


if __name__ == "__main__":
    main()

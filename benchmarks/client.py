"""Print what `pipeline.infer` costs beside the bare model and the making of a frame, in turns on this machine.

Usage: python -m benchmarks.client [--rounds N] [--rows N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.deployment import bare
from benchmarks.tree_model import write_tree_model
from jupyter_edge.client import Client
from jupyter_edge.client.discovery import stop_engine

BUDGET = 3.0
INPUTS = 29


def make_calls(folder: Path, rows: int) -> dict[str, Callable[[], object]]:
    """Return the yardstick, then each kind of rows through a new deployment of a tree ensemble."""
    values = np.random.default_rng(0).standard_normal((rows, INPUTS)).astype(np.float32)
    lists = pd.DataFrame({"tensor": values.tolist()})
    arrays = pd.DataFrame({"tensor": list(values)})
    table = pa.table({"tensor": pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), INPUTS)})
    file = write_tree_model(folder / "trees.onnx")
    client = Client()
    pipeline = client.build_pipeline("trees").add_model_step(client.upload_model("trees", file))
    pipeline.deploy()
    run: Callable[[], Any] = bare(file, {"tensor": values})
    (output,) = run()

    def frame() -> pd.DataFrame:
        return pd.DataFrame({"time": 0, "in.tensor": values.tolist(), "out.variable": output.tolist()})

    np.testing.assert_array_equal(np.array(pipeline.infer(lists)["out.variable"].tolist(), np.float32), output)
    return {
        "bare model and a frame": lambda: (run(), frame()),
        "bare model": run,
        "infer, a frame of lists": lambda: pipeline.infer(lists),
        "infer, a frame of arrays": lambda: pipeline.infer(arrays),
        "infer, an Arrow table": lambda: pipeline.infer(table),
    }


def in_turns(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each call; the first round does not count."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            taken[name].append((time.perf_counter() - started) * 1000)
    return {name: times[1:] for name, times in taken.items()}


def main() -> None:
    """Deploy in a home of its own, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--rows", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JUPYTER_EDGE_HOME"] = f"{folder}/home"
        try:
            taken = in_turns(make_calls(Path(folder), options.rows), options.rounds)
        finally:
            stop_engine()
    yardstick, *_ = taken.values()
    print(f"\n{options.rows:,} rows x {INPUTS}\n{'':28}{'best':>9}{'p50':>9} ms   x the model and a frame")
    for name, times in taken.items():
        ratio = statistics.median(times) / statistics.median(yardstick)
        budget = f"   budget {BUDGET:g}" if name.startswith("infer") else ""
        print(f"{name:28}{min(times):9.1f}{statistics.median(times):9.1f}{ratio:12.2f}{budget}")


if __name__ == "__main__":
    main()

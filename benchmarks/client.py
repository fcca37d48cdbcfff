"""Print what `pipeline.infer` costs beside the bare model and the making of a frame, in turns on this machine.

Usage: python -m benchmarks.client [--rounds N] [--rows N]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.rounds import bare_model, in_turns, median, ratio, repeat, table
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
    run = bare_model(file, {"tensor": values})
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


def main() -> None:
    """Deploy in a home of its own, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--rows", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JUPYTER_EDGE_HOME"] = f"{folder}/home"
        try:
            calls = make_calls(Path(folder), options.rows)
            taken = in_turns({name: repeat(call) for name, call in calls.items()}, options.rounds)
        finally:
            stop_engine()
    yardstick, *_ = taken.values()
    lines = [
        [name, f"{median(each.elapsed):.1f}", f"{ratio(each.elapsed, yardstick.elapsed):.2f}"]
        for name, each in taken.items()
    ]
    head = [f"pipeline.infer, {options.rows:,} rows x {INPUTS}", "ms", f"x the model and a frame (target {BUDGET:g})"]
    print(table(head, lines))


if __name__ == "__main__":
    main()

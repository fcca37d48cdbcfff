"""Print what the own Arrow reader is worth: its speed beside libraries', and what damaged files do to each of them.

Usage: python -m benchmarks.arrow [--rounds N] [--damaged N]
"""

from __future__ import annotations

import argparse
import io
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import arro3.io
import numpy as np
import pyarrow as pa

from jupyter_edge.runtime.codecs import arrow_reader

Reader = Callable[[bytes], Any]


def own(body: bytes) -> Any:
    """Read with the runtime's own reader."""
    return arrow_reader.decode(body).columns["tensor"]


def by_arro3(body: bytes) -> Any:
    """Read with arro3, which writes the answers."""
    column = arro3.io.read_ipc(io.BytesIO(body)).read_all()["tensor"].combine_chunks()
    return arro3.core.list_flatten(column).to_numpy().reshape(len(column), -1)


def by_pyarrow(body: bytes) -> Any:
    """Read with pyarrow, which is too large for a device."""
    column = pa.ipc.open_file(body).read_all()["tensor"].combine_chunks()
    return column.flatten().to_numpy().reshape(len(column), -1)


READERS: dict[str, Reader] = {"pyarrow": by_pyarrow, "arro3": by_arro3, "own reader": own}


def table_of(rows: int) -> bytes:
    """Return an Arrow file with one column of 29 numbers per row."""
    values = np.random.default_rng(0).random(rows * 29, np.float32)
    table = pa.table({"tensor": pa.FixedSizeListArray.from_arrays(pa.array(values), 29)})
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def show_speed(rows: int, rounds: int) -> None:
    """Read one file with each library in turns."""
    body = table_of(rows)
    taken: dict[str, list[float]] = {name: [] for name in READERS}
    for _ in range(rounds):
        for name, read in READERS.items():
            started = time.perf_counter()
            read(body)
            taken[name].append((time.perf_counter() - started) * 1e6)
    yardstick = statistics.median(taken["pyarrow"])
    print(f"\n{rows} rows, {len(body) // 1024} KiB")
    for name, times in taken.items():
        median = statistics.median(times)
        print(f"{name:12} {min(times):8.1f} us best {median:8.1f} us p50 {yardstick / median:8.2f} x pyarrow's speed")


def damaged(rng: random.Random, body: bytes) -> bytes:
    """Return the file cut short, or with a few bytes changed."""
    if rng.random() < 0.2:
        return body[: rng.randrange(len(body))]
    content = bytearray(body)
    for _ in range(rng.choice([1, 2, 8])):
        content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content)


def fate(read: Reader, body: bytes) -> str:
    """Read in a process of its own; return how it ended."""
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            read(body)
        except Exception:  # noqa: BLE001  each has errors of its own
            os._exit(1)
        except BaseException:  # noqa: BLE001  a panic that Python sees
            os._exit(2)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return ("read", "refused", "panic")[status] if status >= 0 else "process killed"


def show_damage(count: int) -> None:
    """Give the same damaged files to each reader."""
    rng, body = random.Random(0), table_of(3)
    files = [damaged(rng, body) for _ in range(count)]
    print(f"\n{count} damaged files")
    for name, read in READERS.items():
        print(f"{name:12} {dict(Counter(fate(read, file) for file in files))}", flush=True)


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--damaged", type=int, default=500)
    options = parser.parse_args()
    for rows in (1, 1001):
        show_speed(rows, options.rounds)
    show_damage(options.damaged)


if __name__ == "__main__":
    main()

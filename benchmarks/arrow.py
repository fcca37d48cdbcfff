"""Print what the own Arrow reader is worth: its speed beside pyarrow's, and what damaged files do to each of them.

Usage: python -m benchmarks.arrow [--rounds N] [--damaged N]
"""

from __future__ import annotations

import argparse
import os
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.cases import arrow_file
from benchmarks.rounds import in_turns, median, ratio, repeat, table
from jupyter_edge.runtime.codecs import arrow_reader

Reader = Callable[[bytes], Any]


def own(body: bytes) -> Any:
    """Read with the runtime's own reader."""
    return arrow_reader.decode(body).columns["tensor"]


def by_pyarrow(body: bytes) -> Any:
    """Read with pyarrow, which is too large for a device."""
    column = pa.ipc.open_file(body).read_all()["tensor"].combine_chunks()
    return column.flatten().to_numpy().reshape(len(column), -1)


READERS: dict[str, Reader] = {"pyarrow": by_pyarrow, "own reader": own}


def show_speed(count: int, rounds: int) -> None:
    """Read one file with each library in turns."""
    values = np.random.default_rng(0).random((count, 29), np.float32)
    body = arrow_file(values)
    for read in READERS.values():
        np.testing.assert_array_equal(read(body), values)
    taken = in_turns({name: repeat(partial(read, body), 100) for name, read in READERS.items()}, rounds)
    lines = [
        [name, f"{median(each.elapsed) * 1000:.1f}", f"{ratio(taken['pyarrow'].elapsed, each.elapsed):.2f}"]
        for name, each in taken.items()
    ]
    print(table([f"reading {count:,} rows of Arrow", "us", "x pyarrow's speed"], lines), end="\n\n")


ENDS = ("read", "refused", "panic", "process killed")  # by exit status


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
    return ENDS[status] if status >= 0 else ENDS[-1]


def show_damage(count: int) -> None:
    """Give the same damaged files to each reader."""
    rng, body = random.Random(0), arrow_file(np.random.default_rng(0).random((3, 29), np.float32))
    files = [damaged(rng, body) for _ in range(count)]
    fates = {name: Counter(fate(read, file) for file in files) for name, read in READERS.items()}
    lines = [[name, *(str(found[end]) for end in ENDS)] for name, found in fates.items()]
    print(table([f"{count} damaged files", *ENDS], lines))


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--damaged", type=int, default=500)
    options = parser.parse_args()
    for rows in (1, 1001):
        show_speed(rows, options.rounds)
    show_damage(options.damaged)


if __name__ == "__main__":
    main()

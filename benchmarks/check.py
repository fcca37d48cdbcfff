"""Fail if a request costs the server more CPU than it did, as a ratio to the bare model's in the same run.

Usage: python -m benchmarks.check [--store]
The ratios to keep are in ratios.json; --store writes them anew. Compared is the CPU of a turn that only a tenth of all
turns stay below: what other processes do to caches adds to it. Not the least of all, for where a host steals time, the
kernel may subtract from one turn what was stolen in others. Turns are short, that some be disturbed by nothing, and go
on for as long as a ratio is too high, up to a minute.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

from benchmarks.cases import bare, image, rows
from benchmarks.rounds import Work, in_turns, repeat, table
from benchmarks.servers import ours
from benchmarks.traffic import Client, asking, pipelined
from jupyter_edge.core.media_types import ARROW_FILE

STORED = Path(__file__).with_name("ratios.json")
ALLOWED = 1.25
SECONDS = 60
YARDSTICKS = {
    "1,001 Arrow rows to Arrow": "bare, 1,001 rows",
    "1,001 Arrow rows to JSON": "bare, 1,001 rows",
    "1 JSON row, pipelined": "bare, 1 row",
    "1 image in JSON": "bare, 1 image",
}


def low_cpu(folder: Path) -> Generator[dict[str, float]]:
    """Measure each class of request and the bare model on the same values, in turns.

    Yields:
        the low milliseconds of CPU per call so far, again and again.
    """
    many, one, picture = rows(folder), rows(folder, 1), image(folder, threads=1)
    with contextlib.ExitStack() as stack:
        trees = stack.enter_context(ours(many.file, 1, many.request()))
        detector = stack.enter_context(ours(picture.file, 1, picture.request()))
        client, cpu = Client(trees.port), trees.clock()
        of_rows = {
            "bare, 1,001 rows": repeat(bare(many), 8),
            "1,001 Arrow rows to Arrow": repeat(asking(client, many.request(ARROW_FILE, ARROW_FILE)), 4, cpu),
            "1,001 Arrow rows to JSON": repeat(asking(client, many.request(ARROW_FILE)), 4, cpu),
            "bare, 1 row": repeat(bare(one), 500),
            "1 JSON row, pipelined": Work(pipelined(client, one.request(), 32), cpu),
        }
        of_images = {
            "bare, 1 image": repeat(bare(picture)),
            "1 image in JSON": repeat(asking(Client(detector.port), picture.request()), 1, detector.clock()),
        }
        found: dict[str, list[float]] = {name: [] for name in of_rows | of_images}
        while True:
            for name, turns in (in_turns(of_rows, 150, seconds=8) | in_turns(of_images, 10, seconds=4)).items():
                found[name] += turns.cpu
            yield {name: sorted(cpu)[len(cpu) // 10] for name, cpu in found.items()}


def ratios(low: dict[str, float]) -> dict[str, float]:
    """Return the server's CPU over that of the bare model."""
    return {name: low[name] / low[yardstick] for name, yardstick in YARDSTICKS.items()}


def main() -> None:
    """Measure, and store or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", action="store_true", help="keep what is measured now, for a minute")
    store = parser.parse_args().store
    kept: dict[str, float] = json.loads(STORED.read_text()) if not store else {}
    with contextlib.suppress(PermissionError):
        os.nice(-15)  # where one may, so that turns are interrupted less
    end = time.monotonic() + SECONDS
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(low_cpu(Path(folder))) as measured:
        for low in measured:
            found = ratios(low)
            worse = [name for name, value in found.items() if value > kept.get(name, 0) * ALLOWED]
            if not worse or time.monotonic() > end:
                break
    if store:
        STORED.write_text(json.dumps({name: round(value, 2) for name, value in found.items()}, indent=2) + "\n")
        kept, worse = found, []
    lines = [
        [name, f"{low[name]:.3f}", f"{value:.2f}", f"{kept[name]:.2f}", f"{value / kept[name] - 1:+.0%}"]
        for name, value in found.items()
    ]
    print(table(["server CPU per request", "ms", "x bare model", "stored", "changed"], lines))
    if worse:
        sys.exit(f"More than {ALLOWED - 1:.0%} worse: {'; '.join(worse)}. `make flame` shows where the time goes.")


if __name__ == "__main__":
    main()

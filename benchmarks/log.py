"""Print what the log costs: the server's CPU per request with it and without.

Usage: python -m benchmarks.log [--rounds N]
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.cases import ROWS, rows
from benchmarks.rounds import Array, Figure, Work, figure, in_turns, median, repeat, table
from benchmarks.servers import ours
from benchmarks.traffic import Client, asking
from jupyter_edge.core.media_types import ARROW_FILE
from jupyter_edge.logs.spool_reader import SpoolReader

_DEADLINE = 60
_PAIRS = 6


def until_committed(burst: Callable[[], Array], spool: SpoolReader, count: int) -> Callable[[], Array]:
    """Return a burst that lasts until its rows are committed; the spool is then emptied, as an engine does."""

    def turn() -> Array:
        deadline = time.monotonic() + _DEADLINE
        times = burst()
        while spool.backlog()[0] < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{spool.backlog()[0]} of {count} rows are in the log")
            time.sleep(0.01)
        while batches := spool.pending():
            spool.acknowledge(batches[-1].position)
        return times

    return turn


def added_by_log(folder: Path, rounds: int) -> dict[str, tuple[list[float], list[float]]]:
    """Return the server's milliseconds of CPU per request in each round, without a log and with it.

    Several pairs of servers share the rounds: a process may have luck with its memory as long as it lives.
    """
    found: dict[str, tuple[list[float], list[float]]] = {}
    for number in range(_PAIRS):
        for name, (off, on) in _in_turns(folder, folder / f"{number}.db", -(-rounds // _PAIRS)).items():
            found.setdefault(name, ([], []))[0].extend(off)
            found[name][1].extend(on)
    return found


def _in_turns(folder: Path, log: Path, rounds: int) -> dict[str, tuple[list[float], list[float]]]:
    many, one = rows(folder), rows(folder, 1)
    with contextlib.ExitStack() as stack:
        quiet = stack.enter_context(ours(many.file, 1, many.request()))
        logging = stack.enter_context(ours(many.file, 1, many.request(), log))
        spool = stack.enter_context(SpoolReader(log))
        without, with_log = Client(quiet.port), Client(logging.port)
        while spool.backlog()[0] < ROWS:
            time.sleep(0.01)
        while batches := spool.pending():
            spool.acknowledge(batches[-1].position)
        works = {}
        for name, request, count, size in (
            ("1,001 Arrow rows", many.request(ARROW_FILE, ARROW_FILE), 60, ROWS),
            ("1 JSON row", one.request(), 1000, 1),
        ):
            burst = repeat(asking(with_log, request), count).turn
            works[name] = repeat(asking(without, request), count, quiet.clock())
            works[f"{name}, logged"] = Work(until_committed(burst, spool, count * size), logging.clock())
        taken = in_turns(works, rounds)
    return {name: (taken[name].cpu, taken[f"{name}, logged"].cpu) for name in works if "logged" not in name}


def added(off: list[float], on: list[float]) -> Figure:
    """Return by which share the log adds to the CPU."""
    return figure(value / before - 1 for before, value in zip(off, on, strict=True))


def main() -> None:
    """Compare requests of 1,001 Arrow rows, and of one JSON row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        found = added_by_log(Path(folder), rounds)
    lines = [
        [name, f"{median(off):.3f}", f"{median(on):.3f}", f"{added(off, on):+.0%}"] for name, (off, on) in found.items()
    ]
    print(table(["server CPU per request, ms", "no log", "log", "the log adds"], lines))


if __name__ == "__main__":
    main()

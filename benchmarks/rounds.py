"""The one way to measure: calls in turns, round after round, so that a noisy machine disturbs all of them alike."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from jupyter_edge.core.telemetry import import_onnxruntime  # before any other module imports it

Array = np.ndarray[Any, Any]
Clock = Callable[[], float]  # milliseconds of CPU

onnxruntime = import_onnxruntime()
WARM_UP = 2


@dataclass(frozen=True)
class Work:
    """What is done in one turn: ``turn`` returns the milliseconds of each call, ``cpu`` is the clock of who works.

    What ``around`` does before and after the turn is not measured.
    """

    turn: Callable[[], Array]
    cpu: Clock = lambda: time.process_time() * 1000
    around: Callable[[], AbstractContextManager[object]] = nullcontext


def repeat(call: Callable[[], object], count: int = 1, cpu: Clock | None = None) -> Work:
    """Return the work of making a call ``count`` times in each turn."""

    def turn() -> Array:
        times = np.empty(count)
        for number in range(count):
            started = time.perf_counter()
            call()
            times[number] = time.perf_counter() - started
        return times * 1000

    return Work(turn, cpu) if cpu else Work(turn)


@dataclass(frozen=True)
class Taken:
    """What the turns of one work took, a value for each round: calls and milliseconds per call."""

    calls: list[Array] = field(default_factory=list)
    elapsed: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def percentile(self, percent: float) -> list[float]:
        """Return that percentile of the calls of each round."""
        return [float(np.percentile(times, percent)) for times in self.calls]


def in_turns(works: Mapping[str, Work], rounds: int, seconds: float = math.inf) -> dict[str, Taken]:
    """Do all works in turns, ``rounds`` times, or five times and until ``seconds`` have passed; two rounds warm up."""
    taken = {name: Taken() for name in works}
    end = time.monotonic() + seconds
    for number in range(rounds + WARM_UP):
        if number >= 5 + WARM_UP and time.monotonic() > end:
            break
        for name, work in works.items():
            with work.around():
                used, started = work.cpu(), time.perf_counter()
                times = work.turn()
                elapsed, used = (time.perf_counter() - started) * 1000, work.cpu() - used
            if number >= WARM_UP:
                taken[name].calls.append(times)
                taken[name].elapsed.append(elapsed / len(times))
                taken[name].cpu.append(used / len(times))
    return taken


class Figure(NamedTuple):
    """A median over rounds, and between which values half of the rounds lie."""

    median: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        if self.low == self.high:
            return format(self.median, spec)
        return f"{self.median:{spec}} ({self.low:{spec}} to {self.high:{spec}})"


def figure(values: Iterable[float]) -> Figure:
    """Return the median and quartiles."""
    return Figure(*(float(value) for value in np.percentile(list(values), [50, 25, 75])))


def ratio(dividends: Sequence[float], divisors: Sequence[float]) -> Figure:
    """Return the ratio of values that were taken in the same rounds."""
    return figure(dividend / divisor for dividend, divisor in zip(dividends, divisors, strict=True))


def bare_model(file: object, feeds: Mapping[str, Array], threads: int = 1) -> Callable[[], list[Array]]:
    """Return a call of a model in this process: the limit of what a server can reach."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, feeds)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown whose columns are also straight on a terminal."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def median(values: Iterable[float]) -> float:
    """Return the median."""
    return statistics.median(values)

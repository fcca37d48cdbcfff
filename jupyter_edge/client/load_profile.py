"""How a pipeline answers under load: throughput and latency over concurrency."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jupyter_edge.client.inference import Request, request_of, request_of_file
from jupyter_edge.client.load_generator import Load, Measured, Target
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.display import Dots, Listing
from jupyter_edge.display.charts import SERIES, Chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_AT_ONCE = 1000
_MOST_SECONDS = 3600
_BUSY = 0.8
_NOTE_WIDTH = 110
_PERCENTILES = {"p50_ms": 50, "p95_ms": 95, "p99_ms": 99}


def _is_number(value: object, *types: type) -> bool:
    return isinstance(value, (*types, np.integer)) and not isinstance(value, bool)


@dataclass(frozen=True)
class Bounds:
    """Of a load: for each concurrency, how long it sends, and how many requests at most.

    Raises:
        InvalidInputError: if they bound nothing.
    """

    concurrency: Sequence[int]
    seconds: float
    requests: int

    def __post_init__(self) -> None:
        counts = list(self.concurrency) if isinstance(self.concurrency, Iterable) else []
        if not counts or not all(_is_number(count, int) and 1 <= count <= _MOST_AT_ONCE for count in counts):
            msg = (
                f"concurrency is {self.concurrency!r}: give a list of whole numbers from 1 to {_MOST_AT_ONCE}, such as "
                "[1, 4, 16]."
            )
            raise InvalidInputError(msg)
        seconds_fit = _is_number(self.seconds, int, float) and 0 < self.seconds <= _MOST_SECONDS
        if not seconds_fit or not _is_number(self.requests, int) or self.requests < 1:
            msg = (
                f"seconds is {self.seconds!r} and requests is {self.requests!r}: give up to {_MOST_SECONDS} seconds, "
                "and at least one request."
            )
            raise InvalidInputError(msg)


@dataclass(frozen=True)
class Level:
    """What so many requests at once came to; latencies in milliseconds, of good answers."""

    concurrency: int
    requests: int
    errors: int
    requests_per_second: float
    rows_per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    client_busy: float
    """CPU time that sending took, as a share of the time."""

    @property
    def limited_by_client(self) -> bool:
        """Say whether the sender may have been slower than what it measured."""
        return self.client_busy > _BUSY


class Profile(Chart):
    """Throughput and latency of a pipeline over concurrency; shows as a picture with a table."""

    def __init__(self, name: str, rows: int, levels: Sequence[Level], errors: Counter[str], *, complete: bool) -> None:
        self.levels = Listing(levels, list(Level.__dataclass_fields__), _shown)
        self.errors = errors
        """How often each error came."""
        self.complete = complete
        """Whether it was measured to its end, and not interrupted."""
        self._rows = rows
        self._name = name
        text = "\n".join([self._heading(), repr(self.levels), *self._notes()])
        super().__init__(self._draw_levels, text, (8.0, 3.8 + 0.2 * len(self._notes())))

    def to_pandas(self) -> pd.DataFrame:
        """Return a row for each concurrency."""
        return pd.DataFrame([asdict(level) for level in self.levels], columns=list(Level.__dataclass_fields__))

    def __repr__(self) -> str:
        return self._heading()

    def __str__(self) -> str:
        return super().__repr__()

    def _repr_html_(self) -> str:
        return f"{super()._repr_html_()}{self.levels._repr_html_()}"

    def _heading(self) -> str:
        rows = "1 row" if self._rows == 1 else f"{self._rows:,} rows"
        heading = f"Profile of {self._name}, {rows} per request"
        measured = [level for level in self.levels if level.requests > level.errors]
        if measured:
            best = max(measured, key=lambda level: level.requests_per_second)
            heading += (
                f": at most {best.requests_per_second:,.0f} requests/s ({best.concurrency} at once), "
                f"p50 {measured[0].p50_ms:.3g} ms at {measured[0].concurrency}"
            )
        return heading if self.complete else f"{heading} (interrupted)"

    def _notes(self) -> list[str]:
        notes = [f"{count} x {error}" for error, count in self.errors.most_common(3)]
        limited = [str(level.concurrency) for level in self.levels if level.limited_by_client]
        if limited:
            notes.append(f"At {', '.join(limited)} this client was the limit: the pipeline may be faster than it says.")
        return notes

    def _draw_levels(self, figure: Figure) -> None:
        figure.suptitle(self._heading().replace(": ", "\n", 1), fontsize=10, x=0.01, horizontalalignment="left")
        if self._notes():
            notes = "\n".join(shorten(note, _NOTE_WIDTH) for note in self._notes())
            figure.supxlabel(notes, fontsize=9, x=0.01, horizontalalignment="left")
        left, right = figure.subplots(1, 2)
        frame = self.to_pandas()
        places = range(len(frame))  # as far apart whatever the counts are
        left.set(title="Throughput", xlabel="requests at once", ylabel="requests / s")
        left.plot(places, frame["requests_per_second"], marker="o", color=SERIES[0], clip_on=False)
        left.set_ylim(bottom=0)
        right.set(title="Latency", xlabel="requests at once", ylabel="milliseconds")
        for name, colour in zip(_PERCENTILES, SERIES, strict=False):
            right.plot(places, frame[name], marker="o", color=colour, clip_on=False, label=name.removesuffix("_ms"))
        right.set_ylim(bottom=0)
        right.legend(fontsize=9)
        left.yaxis.set_major_formatter("{x:,g}")
        for axes in (left, right):
            axes.grid(axis="y", alpha=0.3)
            axes.set_xticks(places, [str(count) for count in frame["concurrency"]])


def request_to_repeat(data: Any) -> Request:
    """Return the request of rows, or of the file of a path."""
    return request_of_file(data) if isinstance(data, str | Path) else request_of(data)


def measure_load(name: str, target: Target, rows: int, bounds: Bounds) -> Profile:
    """Send a request again and again, at each concurrency in turn; an interrupt returns what was measured.

    Args:
        name: what is measured, in words.
        target: the request.
        rows: how many the request has.
        bounds: of the load.
    """
    levels: list[Level] = []
    errors: Counter[str] = Counter()
    dots = Dots(f"Profiling {name}, at most {len(bounds.concurrency) * bounds.seconds:g} s ")
    complete = True
    for count in bounds.concurrency:
        load = Load(target, count, bounds.seconds, bounds.requests)
        complete = _finished(load, dots)
        errors.update(load.measured.errors)
        if complete or load.measured.latencies:
            levels.append(_level(count, rows, load.measured))
        if not complete:
            break
    dots.end(None if complete else " interrupted")
    return Profile(name, rows, levels, errors, complete=complete)


def _finished(load: Load, dots: Dots) -> bool:
    """Run a load beside this thread, which shows progress; return ``False`` if it was interrupted."""
    thread = threading.Thread(target=load.run, name="edge-load", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.1)
            dots.tick()
    except KeyboardInterrupt:
        load.stop()
        thread.join()
        return False
    return True


def _level(count: int, rows: int, measured: Measured) -> Level:
    milliseconds = np.array(measured.latencies) * 1000
    percentiles = np.percentile(milliseconds, list(_PERCENTILES.values())) if milliseconds.size else [np.nan] * 3
    seconds = max(measured.seconds, 1e-9)
    return Level(
        concurrency=count,
        requests=milliseconds.size + len(measured.errors),
        errors=len(measured.errors),
        requests_per_second=milliseconds.size / seconds,
        rows_per_second=milliseconds.size * rows / seconds,
        client_busy=measured.client_seconds / seconds,
        **dict(zip(_PERCENTILES, map(float, percentiles), strict=True)),
    )


def _shown(level: Level) -> list[object]:
    return [
        level.concurrency,
        f"{level.requests:,}",
        f"{level.errors:,}",
        *(f"{value:,.0f}" for value in (level.requests_per_second, level.rows_per_second)),
        *(f"{value:.3g}" for value in (level.p50_ms, level.p95_ms, level.p99_ms)),
        f"{level.client_busy:.0%}",
    ]

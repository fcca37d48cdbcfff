"""Stretches of time that a log is summed up in."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import TypedDict

from jupyter_edge.core.errors import InvalidInputError

_DAY_MS = 86_400_000
_WIDTHS_MS = [
    seconds * 1000 for seconds in (10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10800, 21600, 43200)
]


class TimeBucket(TypedDict):
    """What happened from ``time`` (ms since the epoch) on; milliseconds that rows took are null without rows.

    ``requests``, and the ``errors`` among them, are null where nobody counted: replicas here do, edges do not.
    """

    time: int
    rows: int
    rows_per_second: float
    p50: float | None
    p95: float | None
    p99: float | None
    check_failures: int
    requests: int | None
    errors: int | None


@dataclass(frozen=True)
class Grid:
    """Stretches of ``width`` milliseconds; they begin at multiples of it, so that one that is over never changes."""

    first: int
    width: int
    count: int

    @property
    def end(self) -> int:
        """Return the moment after the last stretch."""
        return self.first + self.width * self.count


def grid_of(start: int, end: int, most: int) -> Grid:
    """Return at most ``most`` stretches, and one more, that hold all from ``start`` to ``end`` (ms since the epoch).

    Raises:
        InvalidInputError: if there is nothing between them.
    """
    if start >= end:
        raise InvalidInputError("The start of the timings is not before their end: give an earlier start.")
    least = (end - start) / most
    width = next((width for width in _WIDTHS_MS if width >= least), int(-(-least // _DAY_MS)) * _DAY_MS)
    first = start // width * width
    return Grid(first, width, int(-(-(end - first) // width)))

"""What the log of a pipeline says as pictures: how fast it answers, how often, and how values are spread."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from jupyter_edge.client.log_pages import Spread, written_time
from jupyter_edge.client.logs import LogQuery, read_page, topic_of
from jupyter_edge.client.transport import Transport
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.display.charts import SERIES, Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array: TypeAlias = npt.NDArray[Any]

DEFAULT_ROWS = 10_000
_MOST_ROWS = 100_000
_BINS = 40
_DAY = 86_400_000  # matplotlib counts days since the epoch, the log milliseconds
_MOST_PARTITIONS = 6
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def read_timings(transport: Transport, pipeline_id: int, query: LogQuery) -> pd.DataFrame:
    """Return ``time``, ``partition``, and in milliseconds ``parse``, one column for each step, and ``total``.

    Each row of a request took as long as the request: they are answered together.
    """
    limit = query.limit or DEFAULT_ROWS
    if limit > _MOST_ROWS:
        msg = f"limit is {limit}: at most {_MOST_ROWS} rows are drawn at once, so give no more."
        raise InvalidInputError(msg)
    query = replace(query, dataset=["time", "metadata.elapsed", "metadata.partition"])
    page = read_page(transport, topic_of(transport, pipeline_id), query.parameters(limit), None)
    if not page.rows.num_rows:
        return pd.DataFrame({"time": pd.DatetimeIndex([]), "partition": [], "parse": [], "total": []})
    parts = pd.DataFrame(page.rows["metadata.elapsed"].to_pylist(), dtype=float) / 1e6
    names = ["parse", *(f"step {number}" for number in range(1, parts.shape[1]))]
    frame = pd.DataFrame(
        {
            "time": pd.to_datetime(page.rows["time"].to_numpy(), unit="ms", utc=True),
            "partition": page.rows["metadata.partition"].to_pylist(),
            **{name: parts[number].to_numpy() for number, name in enumerate(names)},
            "total": parts.sum(axis=1, min_count=1).to_numpy(),
        }
    )
    return frame.sort_values("time", kind="stable", ignore_index=True)


class Latency(Chart):
    """How long the rows of a pipeline took, from the input's bytes to the last step's output."""

    def __init__(self, name: str, timings: pd.DataFrame) -> None:
        self._timings = timings
        heading = f"Latency of pipeline {name}: {_rows_of(timings)}"
        super().__init__(self._draw_histogram, _with_table(heading, self.percentiles()))

    def to_pandas(self) -> pd.DataFrame:
        """Return a row for each logged row: ``time``, ``partition``, and in milliseconds its parts and ``total``."""
        return self._timings.copy()

    def percentiles(self) -> pd.DataFrame:
        """Return rows, percentiles and the greatest value in milliseconds, by who answered and of all."""
        groups = [*self._timings.groupby("partition", sort=True), ("all", self._timings)]
        rows = {
            name: {"rows": len(group), **{label: group["total"].quantile(at) for label, at in _QUANTILES.items()}}
            for name, group in groups
            if len(group)
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=["rows", *_QUANTILES])

    def _draw_histogram(self, figure: Figure) -> None:
        axes = figure.subplots()
        axes.set(title="Latency", xlabel="milliseconds", ylabel="rows")
        values = self._timings["total"][self._timings["total"] > 0]
        if values.empty:
            _say_empty(axes)
            return
        edges = np.geomspace(values.min() / 1.05, values.max() * 1.05, _BINS + 1)
        _stack(axes, edges, [(name, group["total"].to_numpy()) for name, group in _by_partition(self._timings)])
        from matplotlib.ticker import LogLocator, NullFormatter

        axes.set_ylim(top=1.3 * axes.get_ylim()[1])  # room for the words above the bars
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        for label, at, height in (("p50", 0.5, 1.0), ("p99", 0.99, 0.88)):
            value = float(values.quantile(at))
            axes.axvline(value, color="#7f7f7f", linestyle="--", linewidth=1)
            side = "right" if value**2 > edges[0] * edges[-1] else "left"
            text = f" {label} {value:.3g} ms "
            axes.text(value, height, text, transform=axes.get_xaxis_transform(), va="top", ha=side, fontsize=9)


def plot_timings(name: str, timings: pd.DataFrame) -> Chart:
    """Return a chart of how many rows came and how long they took, over time."""
    heading = f"Rows and latency of pipeline {name} over time: {_rows_of(timings)}"
    moments = _milliseconds(timings)
    first, last = (int(moments.min()), int(moments.max())) if len(moments) else (0, 0)
    bins = int(np.clip((last - first) // 1000, 1, _BINS))  # of less than a second, a rate would say too much
    edges = np.linspace(first, max(last, first + 1000), bins + 1)
    totals = timings["total"].groupby(np.clip(np.searchsorted(edges, moments, side="right") - 1, 0, bins - 1))
    spans = pd.DataFrame({"rows": totals.size(), "p50": totals.quantile(0.5), "p99": totals.quantile(0.99)})
    table = spans.set_axis([written_time(edges[number]) for number in spans.index])
    return Chart(lambda figure: _draw_timings(figure, timings, edges, spans), _with_table(heading, table), (8, 4.6))


def _draw_timings(figure: Figure, timings: pd.DataFrame, edges: Array, spans: pd.DataFrame) -> None:
    above, below = figure.subplots(2, sharex=True)
    above.set(title="Rows per second", ylabel="rows / s")
    below.set(title="Latency", ylabel="milliseconds")
    if timings.empty:
        _say_empty(above)
        return
    moments = [(name, _milliseconds(group) / _DAY) for name, group in _by_partition(timings)]
    _stack(above, edges / _DAY, moments, scale=1000 / (edges[1] - edges[0]))
    middles = (edges[:-1] + edges[1:]) / 2 / _DAY
    spans = spans.reindex(range(len(middles)))  # no line leads over a time without rows
    for label, colour in (("p50", SERIES[0]), ("p99", SERIES[1])):
        below.plot(middles, spans[label], marker="o", markersize=3, color=colour, label=label)
    below.set_ylim(bottom=0)
    below.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=9)
    _date(below)


def spread_chart(spread: Spread) -> Chart:
    """Return the values of a column as bars."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_title(spread.column)
        if not spread.counts:
            _say_empty(axes)
        elif spread.words:
            axes.barh(range(len(spread.words)), spread.counts, color=SERIES[0])
            axes.set_yticks(range(len(spread.words)), [textwrap.shorten(word, 40) for word in spread.words])
            axes.invert_yaxis()
            axes.set_xlabel("values")
        else:
            edges = np.array(spread.edges) / (_DAY if spread.column == "time" else 1)
            axes.bar(edges[:-1], spread.counts, np.diff(edges), align="edge", color=SERIES[0])
            axes.set_ylabel("values")
            if spread.column == "time":
                _date(axes)

    return Chart(draw, str(spread), (8, max(2.4, 0.35 * len(spread.words))))


def _stack(axes: Axes, edges: Array, groups: Sequence[tuple[str, Array]], scale: float = 1.0) -> None:
    """Draw a histogram of each group on top of those before."""
    bottom = np.zeros(len(edges) - 1)
    for (name, values), colour in zip(groups, SERIES, strict=False):
        counts = np.histogram(values[np.isfinite(values)], bins=edges)[0] * scale
        axes.bar(edges[:-1], counts, np.diff(edges), bottom=bottom, align="edge", color=colour, label=name)
        bottom += counts
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=9)


def _by_partition(timings: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the rows of each partition; of many, the ones with fewer rows together."""
    shown = timings["partition"].value_counts().index[: _MOST_PARTITIONS - 1]
    names = timings["partition"].where(timings["partition"].isin(shown), "others")
    return [(str(name), group) for name, group in timings.groupby(names, sort=True)]


def _milliseconds(timings: pd.DataFrame) -> Array:
    moments: Array = timings["time"].dt.tz_localize(None).to_numpy().astype("datetime64[ms]").astype(np.int64)
    return moments


def _date(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.set_xlabel("time (UTC)")


def _say_empty(axes: Axes) -> None:
    axes.text(0.5, 0.5, "no rows", transform=axes.transAxes, ha="center", va="center")
    axes.set(xticks=[], yticks=[])


def _rows_of(timings: pd.DataFrame) -> str:
    if timings.empty:
        return "no rows"
    first, last = (written_time(moment.timestamp() * 1000) for moment in timings["time"].iloc[[0, -1]])
    rows = "1 row" if len(timings) == 1 else f"{len(timings):,} rows"
    return f"{rows} from {first} to {last} UTC"


def _with_table(heading: str, table: pd.DataFrame) -> str:
    if table.empty:
        return heading
    words = table.to_string(float_format=lambda value: f"{value:.3g}")
    return f"{heading}; times in milliseconds\n{words}"

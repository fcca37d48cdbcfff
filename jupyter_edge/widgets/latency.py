"""How quickly a pipeline answered lately, by its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets
import numpy as np

from jupyter_edge.widgets.base import hint
from jupyter_edge.widgets.charts import Sparkline

if TYPE_CHECKING:
    from jupyter_edge.client import Client

_ROWS = 200


class Latency:
    """A line from the oldest row to the newest, and words on the middle and the slow end."""

    def __init__(self) -> None:
        self.line = Sparkline(label="Latency", unit="ms")
        self.words = widgets.HTML()
        self.parts = [self.line, self.words]
        self.show(None)

    def show(self, milliseconds: tuple[float, ...] | None) -> None:
        """Show the rows of a pipeline that runs, oldest first; of one that does not, nothing."""
        few = milliseconds is None or len(milliseconds) < 2
        self.line.layout.display = "none" if few else None
        self.line.values = [] if few else list(milliseconds or ())
        self.words.value = "" if milliseconds is None else hint(_words(milliseconds))


def read_latency(client: Client, pipeline_id: int) -> tuple[float, ...]:
    """Return how many milliseconds each of a pipeline's newest rows took, oldest first."""
    from jupyter_edge.client.log_charts import read_timings  # with pandas, which takes its time to load
    from jupyter_edge.client.logs import LogQuery

    timings = read_timings(client.transport, pipeline_id, LogQuery(limit=_ROWS))
    return tuple(timings["total"].dropna().tolist())


def _words(milliseconds: tuple[float, ...]) -> str:
    if not milliseconds:
        return "No inference yet: try one below, or send one to the pipeline's address."
    middle, slow = np.quantile(milliseconds, [0.5, 0.99])
    rows = f"the last {len(milliseconds)} rows" if len(milliseconds) > 1 else "one row so far"
    return f"Median {middle:.3g} ms, 99th percentile {slow:.3g} ms, of {rows}."

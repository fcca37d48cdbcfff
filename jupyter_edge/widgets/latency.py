"""How quickly a pipeline answered lately, by its log."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from jupyter_edge.widgets.base import hint

if TYPE_CHECKING:
    from jupyter_edge.client import Client

_ROWS = 200
_WIDTH, _HEIGHT = 240, 32


@dataclass(frozen=True)
class Latency:
    """Milliseconds of a pipeline's newest rows, oldest first."""

    milliseconds: tuple[float, ...]

    def words(self) -> str:
        """Return the middle and the slow end, in words."""
        if not self.milliseconds:
            return "No inference yet: try one below, or send one to the pipeline's address."
        ordered = sorted(self.milliseconds)
        middle, slow = ordered[len(ordered) // 2], ordered[int(0.95 * (len(ordered) - 1))]
        count = f"{len(ordered)} rows" if len(ordered) > 1 else "row"
        return f"Latency of the last {count}: median {middle:.2f} ms, 95th percentile {slow:.2f} ms."

    def html(self) -> str:
        """Return a line from the oldest row to the newest, from zero up, and the words."""
        words, count = self.words(), len(self.milliseconds)
        if count < 2:
            return hint(words)
        top = max(self.milliseconds) or 1.0
        points = " ".join(
            f"{_WIDTH * i / (count - 1):.1f},{_HEIGHT - (_HEIGHT - 2) * value / top - 1:.1f}"
            for i, value in enumerate(self.milliseconds)
        )
        line = f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.5"/>'
        size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        return (
            f'<svg class="jupyter-edge-spark" role="img" aria-label="{escape(words)}" {size}>{line}</svg>{hint(words)}'
        )


def read_latency(client: Client, pipeline_id: int) -> Latency:
    """Read how quickly a pipeline answered lately."""
    from jupyter_edge.client.logs import read_latencies  # with pyarrow, which takes its time to load

    return Latency(tuple(read_latencies(client.transport, pipeline_id, _ROWS)))

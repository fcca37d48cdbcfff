"""How quickly a pipeline answered, by its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_edge.client import Client

_ROWS = 200


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


def read_latency(client: Client, pipeline_id: int) -> Latency:
    """Read how quickly a pipeline answered lately."""
    from jupyter_edge.client.logs import read_latencies  # with pyarrow, which takes its time to load

    return Latency(tuple(read_latencies(client.transport, pipeline_id, _ROWS)))

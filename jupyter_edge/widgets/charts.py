"""Small charts that live: what they show follows from the kernel while it changes."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from jupyter_edge.display.charts import SERIES, Chart
from jupyter_edge.widgets.front_end import script, stylesheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BLOCKS = "▁▂▃▄▅▆▇█"
_WRITTEN = 60


class Sparkline(anywidget.AnyWidget):
    """A line of numbers as small as a word, which follows when ``values`` is set anew.

    Args:
        values: the numbers, oldest first; what is no finite number leaves a gap.
        label: what they are.
        unit: what stands behind a number, such as ``ms``.
    """

    _esm = script("sparkline")
    _css = stylesheet("sparkline")
    values: traitlets.List[Any] = traitlets.List(traitlets.Float(allow_none=True)).tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    unit = traitlets.Unicode().tag(sync=True)

    def __init__(self, values: Sequence[float | None] = (), *, label: str = "", unit: str = "") -> None:
        super().__init__(values=list(values), label=label, unit=unit)

    @traitlets.validate("values")
    def _without_what_json_cannot_say(self, proposal: dict[str, Any]) -> list[float | None]:
        return [value if value is not None and math.isfinite(value) else None for value in proposal["value"]]

    def __repr__(self) -> str:
        known = [value for value in self.values if value is not None]
        if not known:
            return f"{self._named()}no values"
        low, high = min(known), max(known)
        scale = (len(_BLOCKS) - 1) / (high - low) if high > low else 0.0
        recent = self.values[-_WRITTEN:]
        line = "".join(" " if value is None else _BLOCKS[round((value - low) * scale)] for value in recent)
        return f"{self._named()}{line} {self._written(known[-1])} (from {low:.4g} to {self._written(high)})"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        data, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        png = base64.b64encode(self._repr_png_()).decode()
        return {**data, "image/png": png, "text/plain": repr(self)}, metadata

    def _repr_png_(self) -> bytes:
        return Chart(self._draw, repr(self), (4.0, 1.0))._repr_png_()

    def _draw(self, figure: Figure) -> None:
        axes = figure.subplots()
        known = [value for value in self.values if value is not None]
        numbers = [math.nan if value is None else value for value in self.values]
        axes.plot(numbers, color=SERIES[0], marker="o" if len(known) == 1 else "", linewidth=1.5)
        axes.set_xticks([])
        axes.set_title(f"{self._named()}{self._written(known[-1]) if known else 'no values'}", fontsize=9)

    def _named(self) -> str:
        return f"{self.label}: " if self.label else ""

    def _written(self, value: float) -> str:
        return f"{value:.4g} {self.unit}".rstrip()

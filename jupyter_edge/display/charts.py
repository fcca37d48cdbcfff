"""Drawings that read the same everywhere: in the notebook's own colours, as a PNG picture, and as words."""

from __future__ import annotations

import io
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Told apart by most colour-blind readers, and on white as well as on black.
SERIES = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")
_INK = "#1a1b1c"  # stands for the page's own colour of text in what a notebook shows
_STYLE: Any = {
    "font.size": 10,
    "axes.facecolor": "none",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "legend.frameon": False,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK),
}


class Chart:
    """A drawing and the words that say the same.

    Args:
        draw: draws on an empty figure, when it is first asked for.
        text: what the drawing says.
        size: width and height in inches.
    """

    def __init__(self, draw: Callable[[Figure], None], text: str, size: tuple[float, float] = (8.0, 3.2)) -> None:
        self._draw = draw
        self._text = text
        self._size = size

    def save(self, path: str | Path) -> None:
        """Write the drawing to a file; its suffix says the format: ``.png``, ``.svg`` or ``.pdf``."""
        path = Path(path).expanduser()
        path.write_bytes(self._render(path.suffix.removeprefix(".") or "png", facecolor="white"))

    def __repr__(self) -> str:
        return self._text

    def _repr_png_(self) -> bytes:
        return self._render("png", facecolor="white")

    def _repr_html_(self) -> str:
        drawing = self._render("svg", facecolor="none").decode()
        drawing = drawing[drawing.index("<svg") :].replace(_INK, "currentColor")
        heading = escape(self._text.partition("\n")[0], quote=True)
        drawing = drawing.replace("<svg", f'<svg role="img" aria-label="{heading}" style="max-width:100%"', 1)
        words = f"<details><summary>As text</summary><pre>{escape(self._text)}</pre></details>"
        return f"<div>{drawing}{words}</div>"

    def _render(self, kind: str, facecolor: str) -> bytes:
        import matplotlib as mpl
        from matplotlib.figure import Figure

        with mpl.rc_context(_STYLE):
            figure = Figure(figsize=self._size, layout="constrained")
            self._draw(figure)
            out = io.BytesIO()
            figure.savefig(out, format=kind, dpi=110, facecolor=facecolor)
        return out.getvalue()

"""What widgets with a front end of their own share: the notebook's colours, buttons and focus, and small functions."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static"


def stylesheet(name: str) -> str:
    """Return a widget's style sheet, after the rules that all of them share."""
    return _joined("controls.css", f"{name}.css")


def script(name: str) -> str:
    """Return a widget's script, after the functions that all of them share; a browser loads it as one module."""
    return _joined("elements.js", f"{name}.js")


def _joined(*names: str) -> str:
    return "".join((STATIC / name).read_text() for name in names)

"""How widgets with a front end of their own look: in the notebook's colours, with the same buttons and focus."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static"


def stylesheet(name: str) -> str:
    """Return a widget's style sheet, after the rules that all of them share."""
    return "".join((STATIC / f"{part}.css").read_text() for part in ("controls", name))

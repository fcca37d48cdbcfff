"""The way from an object to its panel: found by name when it is asked for, so that no client loads widgets."""

from __future__ import annotations

import importlib
from typing import Any


def load_panel(name: str) -> Any:
    """Return a class of ``jupyter_edge.widgets`` by its name."""
    return getattr(importlib.import_module("jupyter_edge.widgets"), name)

"""Results of verbs as JSON and as text."""

from __future__ import annotations

import json
from typing import Any

from jupyter_edge.display import Details, Listing


def to_json(result: Any) -> str:
    """Return a result as JSON: a list's rows by their columns, an object's table, a frame's records."""
    if hasattr(result, "to_pandas"):
        result = result.to_pandas()
    if hasattr(result, "to_json"):
        return str(result.to_json(orient="records", date_format="iso"))
    if isinstance(result, Details):
        result = result.details()
    return json.dumps(result, default=str)


def to_text(result: Any) -> str:
    """Return a result as a terminal shows it."""
    if isinstance(result, Listing):
        return repr(result) if result else "(none)"
    return str(result.to_string()) if hasattr(result, "to_string") else str(result)

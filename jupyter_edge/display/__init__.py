"""What every object shows itself with: tables as HTML and as text, and progress as text."""

from __future__ import annotations

from jupyter_edge.display.progress import Dots
from jupyter_edge.display.tables import Details, Link, Listing, list_time, table_time

__all__ = ["Details", "Dots", "Link", "Listing", "list_time", "table_time"]

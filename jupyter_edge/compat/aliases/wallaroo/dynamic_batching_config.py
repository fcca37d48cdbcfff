"""How requests of one row are gathered."""

from __future__ import annotations

from jupyter_edge.core.batching import DynamicBatchingConfig

__all__ = ["DynamicBatchingConfig"]

"""Model frameworks."""

from __future__ import annotations

from jupyter_edge.core.framework import Framework

__all__ = ["Framework"]

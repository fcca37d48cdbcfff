"""Errors of the SDK's entities."""

from __future__ import annotations

from jupyter_edge.core.errors import EntityNotFoundError

__all__ = ["EntityNotFoundError"]

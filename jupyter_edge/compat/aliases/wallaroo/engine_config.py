"""Processor architectures."""

from __future__ import annotations

from jupyter_edge.core.framework import Architecture

__all__ = ["Architecture"]

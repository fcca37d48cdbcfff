"""Upload, deploy, publish and watch ONNX pipelines from a notebook, and run them on the edge."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version
from typing import Any

if sys.platform == "win32":
    msg = "jupyter_edge runs on Linux and macOS; on Windows, use it inside WSL."
    raise ImportError(msg)

__version__ = version("jupyter-edge")

_CLIENT_NAMES = ("Architecture", "Client", "DeploymentConfigBuilder", "EntityNotFoundError", "Framework")
__all__ = ["__version__", *_CLIENT_NAMES]


def __getattr__(name: str) -> Any:
    if name in _CLIENT_NAMES:
        return getattr(importlib.import_module("jupyter_edge.client"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)

"""Upload, deploy, publish and watch ONNX pipelines from a notebook, and run them on the edge."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from jupyter_edge.core.version import VERSION

if TYPE_CHECKING:
    from jupyter_edge.client import (
        Acceleration,
        Architecture,
        Client,
        DeploymentConfigBuilder,
        DynamicBatchingConfig,
        EntityNotFoundError,
        Framework,
    )

if sys.platform == "win32":
    msg = "jupyter_edge runs on Linux and macOS; on Windows, use it inside WSL."
    raise ImportError(msg)

__version__ = VERSION
__all__ = [
    "Acceleration",
    "Architecture",
    "Client",
    "DeploymentConfigBuilder",
    "DynamicBatchingConfig",
    "EntityNotFoundError",
    "Framework",
]


def __getattr__(name: str) -> Any:
    """Load the client only when one of its names is asked for: an edge imports this package too."""
    if name in __all__:
        return getattr(importlib.import_module("jupyter_edge.client"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell ``jupyter-builder develop`` where the built front end is, and what it is called."""
    return [{"src": "labextension", "dest": "jupyter-edge"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter Server which extension this is; it is enabled by a file that the wheel installs."""
    from jupyter_edge.server.app import EdgeServerApp

    return [{"module": "jupyter_edge", "app": EdgeServerApp}]


def load_ipython_extension(ipython: Any) -> None:
    """Answer ``%load_ext jupyter_edge``: register ``%edge`` and ``%%edge``."""
    from jupyter_edge.magics.extension import load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Answer ``%unload_ext jupyter_edge``."""
    from jupyter_edge.magics.extension import unload

    unload(ipython)

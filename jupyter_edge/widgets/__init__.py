"""Panels to click through the whole story: each a form on the engine's state, for every host of Jupyter widgets."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_edge.widgets.charts import Sparkline
    from jupyter_edge.widgets.copy_text import CopyText
    from jupyter_edge.widgets.detection_view import DetectionView
    from jupyter_edge.widgets.edge_app import EdgeApp
    from jupyter_edge.widgets.edge_panel import EdgePanel
    from jupyter_edge.widgets.file_drop import FileDrop
    from jupyter_edge.widgets.job_progress import JobProgress, follow
    from jupyter_edge.widgets.log_explorer import LogExplorer
    from jupyter_edge.widgets.pipeline_panel import PipelinePanel
    from jupyter_edge.widgets.publish_panel import PublishPanel
    from jupyter_edge.widgets.upload_panel import UploadPanel

_MODULES = {
    "CopyText": "copy_text",
    "DetectionView": "detection_view",
    "EdgeApp": "edge_app",
    "EdgePanel": "edge_panel",
    "FileDrop": "file_drop",
    "JobProgress": "job_progress",
    "LogExplorer": "log_explorer",
    "PipelinePanel": "pipeline_panel",
    "PublishPanel": "publish_panel",
    "Sparkline": "charts",
    "UploadPanel": "upload_panel",
    "follow": "job_progress",
}
__all__ = [
    "CopyText",
    "DetectionView",
    "EdgeApp",
    "EdgePanel",
    "FileDrop",
    "JobProgress",
    "LogExplorer",
    "PipelinePanel",
    "PublishPanel",
    "Sparkline",
    "UploadPanel",
    "follow",
]


def __getattr__(name: str) -> Any:
    """Load a widget's module when it is asked for."""
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)

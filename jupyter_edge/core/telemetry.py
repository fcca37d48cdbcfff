"""Import ONNX Runtime with its usage events off: its wheels report to their vendor by default."""

from __future__ import annotations

import importlib
import os
from typing import Any


def import_onnxruntime() -> Any:
    """Return the ``onnxruntime`` module, imported with telemetry disabled."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    module = importlib.import_module("onnxruntime")
    disable = getattr(module, "disable_telemetry_events", None)
    if disable is not None:
        disable()
    return module

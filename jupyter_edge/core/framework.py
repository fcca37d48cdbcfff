"""The frameworks and processor architectures that a model can be uploaded for."""

from __future__ import annotations

from enum import StrEnum


class Framework(StrEnum):
    """What a model file is; the engine runs ONNX, and says so clearly for the others."""

    ONNX = "onnx"
    TENSORFLOW = "tensorflow"
    PYTHON = "python"
    PYTORCH = "pytorch"
    SKLEARN = "sklearn"
    XGBOOST = "xgboost"
    KERAS = "keras"
    MLFLOW = "mlflow"
    CUSTOM = "custom"


class Architecture(StrEnum):
    """Processor architecture of the machine that is to run a pipeline."""

    X86 = "x86"
    ARM = "arm"

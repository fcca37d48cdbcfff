"""The frameworks, processor architectures and accelerators that a model can be uploaded or deployed for."""

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


class Acceleration(StrEnum):
    """What runs a pipeline's models in place of the CPU, where the machine and its ONNX Runtime have it."""

    NONE = "none"
    CUDA = "cuda"
    OPENVINO = "openvino"

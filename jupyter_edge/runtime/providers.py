"""Which part of ONNX Runtime runs a model: the CPU's, or that of an accelerator."""

from __future__ import annotations

from typing import Any

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.framework import Acceleration

CPU = "CPUExecutionProvider"
_PROVIDERS = {
    Acceleration.CUDA: ("CUDAExecutionProvider", "onnxruntime-gpu"),
    Acceleration.OPENVINO: ("OpenVINOExecutionProvider", "onnxruntime-openvino"),
}


def providers_for(acceleration: Acceleration, available: list[str]) -> list[str]:
    """Return the execution providers that ONNX Runtime is to try, the CPU's last: it takes what the others cannot.

    Raises:
        InvalidInputError: if this ONNX Runtime was built without the accelerator's.
    """
    if acceleration == Acceleration.NONE:
        return [CPU]
    provider, package = _PROVIDERS[acceleration]
    if provider not in available:
        msg = (
            f"accel={acceleration.value} needs ONNX Runtime's {provider}, and the one installed here has only "
            f"{', '.join(available)}: install {package} in place of onnxruntime, or deploy with accel=none."
        )
        raise InvalidInputError(msg)
    return [provider, CPU]


def require_started(acceleration: Acceleration, session: Any) -> None:
    """Refuse a session that fell back to the CPU, as ONNX Runtime does without a word where a device is missing.

    Raises:
        InvalidInputError: saying so.
    """
    if acceleration != Acceleration.NONE and _PROVIDERS[acceleration][0] not in session.get_providers():
        msg = (
            f"accel={acceleration.value} cannot be used on this machine: ONNX Runtime's {_PROVIDERS[acceleration][0]} "
            "did not find its device or its libraries. Install its driver, or deploy with accel=none."
        )
        raise InvalidInputError(msg)

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jupyter_edge.core.deployment import DeploymentConfigBuilder
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.framework import Acceleration
from jupyter_edge.core.telemetry import import_onnxruntime
from jupyter_edge.runtime.batch import Batch
from jupyter_edge.runtime.pipeline import Pipeline
from jupyter_edge.runtime.providers import CPU, providers_for, require_started
from tests.runtime import models


def accelerated(path: Path, acceleration: Acceleration) -> Pipeline:
    spec = models.pipeline_of(path).spec
    config = DeploymentConfigBuilder().accel(acceleration).build()
    return Pipeline.load(replace(spec, engine_config=config), lambda _: path, threads=1)


@pytest.mark.parametrize(
    ("acceleration", "provider", "package"),
    [
        (Acceleration.CUDA, "CUDAExecutionProvider", "onnxruntime-gpu"),
        (Acceleration.OPENVINO, "OpenVINOExecutionProvider", "onnxruntime-openvino"),
    ],
)
def test_an_accelerator_runs_the_models_or_is_refused_with_what_to_install(
    tmp_path: Path, acceleration: Acceleration, provider: str, package: str
) -> None:
    path = models.doubling(tmp_path / "doubling.onnx")
    available = import_onnxruntime().get_available_providers()
    if provider in available:
        outputs = accelerated(path, acceleration).infer(Batch(1, {"x": np.array([[1.0, 2, 3]])})).outputs
        assert np.asarray(outputs["y"]).tolist() == [[2, 4, 6]]
        return
    with pytest.raises(InvalidInputError, match=f"accel={acceleration.value} needs .*{provider}.*install {package}"):
        accelerated(path, acceleration)


def test_the_cpu_takes_what_an_accelerator_cannot() -> None:
    assert providers_for(Acceleration.NONE, ["CUDAExecutionProvider", CPU]) == [CPU]
    found = providers_for(Acceleration.CUDA, ["CUDAExecutionProvider", CPU])
    assert found == ["CUDAExecutionProvider", CPU]


def test_a_silent_fall_back_to_the_cpu_is_refused(tmp_path: Path) -> None:
    path = models.doubling(tmp_path / "doubling.onnx")
    session = import_onnxruntime().InferenceSession(str(path), providers=[CPU])
    require_started(Acceleration.NONE, session)
    with pytest.raises(InvalidInputError, match="accel=cuda cannot be used on this machine"):
        require_started(Acceleration.CUDA, session)

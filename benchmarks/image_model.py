"""A network of YOLOv8n's size and shape with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_CHANNELS = (16, 32, 64, 128, 256)
_REPEATS = (1, 2, 4, 4, 4)


def write_image_model(path: Path) -> Path:
    """Write a model from images [1, 3, 640, 640] to boxes [1, 84, 8400] of about 9 billion operations."""
    rng = np.random.default_rng(0)
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []

    def convolve(source: str, inputs: int, outputs: int, size: int, stride: int) -> str:
        name = f"conv{len(weights)}"
        scale = (2 / (inputs * size * size)) ** 0.5
        kernel = (rng.standard_normal((outputs, inputs, size, size)) * scale).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"{name}.weight"))
        pads = [size // 2] * 4
        nodes.append(helper.make_node("Conv", [source, f"{name}.weight"], [name], pads=pads, strides=[stride, stride]))
        nodes.append(helper.make_node("Relu", [name], [f"{name}.out"]))
        return f"{name}.out"

    heads, source, inputs = [], "images", 3
    for channels, repeats in zip(_CHANNELS, _REPEATS, strict=True):
        source, inputs = convolve(source, inputs, channels, 3, 2), channels
        for _ in range(repeats - 1):
            source = convolve(source, channels, channels, 3, 1)
        if channels >= 64:
            head = convolve(source, channels, 84, 3, 1)
            nodes.append(helper.make_node("Reshape", [head, "flat"], [f"{head}.flat"]))
            heads.append(f"{head}.flat")
    weights.append(numpy_helper.from_array(np.array([1, 84, -1]), "flat"))
    nodes.append(helper.make_node("Concat", heads, ["output0"], axis=2))
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 640, 640])
    boxes = helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 84, 8400])
    graph = helper.make_graph(nodes, "image", [image], [boxes], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path

"""Small ONNX models, each with one peculiarity, and the pipelines that run them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from jupyter_edge.core.pipeline import ModelSpec, PipelineSpec
from jupyter_edge.core.schema import ModelSchema
from jupyter_edge.runtime.pipeline import Pipeline

Shape = Sequence[int | str | None] | None
Value = tuple[str, int, Shape]


def save(path: Path, nodes: list[Any], inputs: list[Value], outputs: list[Value], weights: dict[str, Any]) -> Path:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


def doubling(path: Path, shape: Shape = ("n", 3), *, source: str = "x", target: str = "y") -> Path:
    """A float model that doubles values of any shape."""
    nodes = [helper.make_node("Mul", [source, "two"], [target])]
    inputs: list[Value] = [(source, TensorProto.FLOAT, shape)]
    outputs: list[Value] = [(target, TensorProto.FLOAT, shape)]
    return save(path, nodes, inputs, outputs, {"two": np.float32(2)})


def echo(path: Path, element: int, shape: Shape = ("n", 2)) -> Path:
    """A model that returns its input, of any element type."""
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return save(path, nodes, [("x", element, shape)], [("y", element, shape)], {})


def adding(path: Path) -> Path:
    """A model of two inputs, a [n, 2] float32 and b [n] int64, with their sum and b's double as outputs."""
    nodes = [
        helper.make_node("Cast", ["b"], ["b_float"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["b_float", "axis"], ["column"]),
        helper.make_node("Add", ["a", "column"], ["total"]),
        helper.make_node("Add", ["b", "b"], ["double"]),
    ]
    inputs: list[Value] = [("a", TensorProto.FLOAT, ("n", 2)), ("b", TensorProto.INT64, ("n",))]
    outputs: list[Value] = [("total", TensorProto.FLOAT, ("n", 2)), ("double", TensorProto.INT64, ("n",))]
    return save(path, nodes, inputs, outputs, {"axis": np.array([1])})


def finding(path: Path) -> Path:
    """A model that returns the positions of non-zero values: as many as there are."""
    nodes = [helper.make_node("NonZero", ["x"], ["found"])]
    return save(path, nodes, [("x", TensorProto.FLOAT, ("n", 3))], [("found", TensorProto.INT64, (2, "k"))], {})


def listing(path: Path) -> Path:
    """A model that lists the positions of non-zero values: as many as there are, of all rows."""
    nodes = [helper.make_node("NonZero", ["x"], ["places"]), helper.make_node("Transpose", ["places"], ["found"])]
    return save(path, nodes, [("x", TensorProto.FLOAT, ("n", 3))], [("found", TensorProto.INT64, ("k", 2))], {})


def failing(path: Path) -> Path:
    """A model that reshapes to [7, 7], whatever it gets."""
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    weights = {"shape": np.array([7, 7])}
    return save(path, nodes, [("x", TensorProto.FLOAT, ("n", 3))], [("y", TensorProto.FLOAT, (7, 7))], weights)


def centring(path: Path) -> Path:
    """A model that takes from each row the mean of all rows."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["x", "mean"], ["y"]),
    ]
    return save(path, nodes, [("x", TensorProto.FLOAT, ("n", 3))], [("y", TensorProto.FLOAT, ("n", 3))], {})


def reaching(path: Path, element: int) -> Path:
    """A model that adds to each row the largest values of all rows."""
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["largest"], axes=[0], keepdims=1),
        helper.make_node("Add", ["x", "largest"], ["y"]),
    ]
    return save(path, nodes, [("x", element, ("n", 2))], [("y", element, ("n", 2))], {})


def multiplying(path: Path, size: int) -> Path:
    """A model that multiplies rows with a matrix of random numbers."""
    matrix = np.random.default_rng(size).standard_normal((size, size)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "matrix"], ["y"])]
    values: list[Value] = [(name, TensorProto.FLOAT, ("n", size)) for name in ("x", "y")]
    return save(path, nodes, values[:1], values[1:], {"matrix": matrix})


def pipeline_of(
    *paths: Path,
    tensor_fields: tuple[str, ...] | None = None,
    batch_config: str | None = None,
) -> Pipeline:
    """A pipeline named "line" of these models; the keywords are the first one's."""
    files = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in paths}
    models = [
        ModelSpec(path.stem, f"version-of-{path.stem}", sha, path.stat().st_size, ModelSchema((), ()))
        for sha, path in files.items()
    ]
    first = models[0]
    models[0] = ModelSpec(first.name, first.version, first.sha, first.size, first.schema, tensor_fields, batch_config)
    return Pipeline.load(PipelineSpec("line", "line-version", 1, tuple(models)), files.__getitem__, threads=1)

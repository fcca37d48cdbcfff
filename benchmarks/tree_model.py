"""A tree ensemble on 29 inputs, such as a card-fraud model, with random splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

_TREES, _DEPTH, _INPUTS = 60, 5, 29


def write_tree_model(path: Path) -> Path:
    """Write a model from tensor [rows, 29] to variable [rows, 1] of 60 complete trees, five splits deep."""
    rng = np.random.default_rng(0)
    inner, nodes = 2**_DEPTH - 1, 2 ** (_DEPTH + 1) - 1
    node = np.arange(nodes)
    is_leaf = node >= inner
    count = _TREES * nodes
    leaves = np.tile(node[is_leaf], _TREES)
    trees = np.repeat(np.arange(_TREES), nodes)
    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        ["tensor"],
        ["variable"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=trees.tolist(),
        nodes_nodeids=np.tile(node, _TREES).tolist(),
        nodes_modes=["LEAF" if leaf else "BRANCH_LT" for leaf in np.tile(is_leaf, _TREES)],
        nodes_featureids=rng.integers(0, _INPUTS, count).tolist(),
        nodes_values=rng.standard_normal(count).tolist(),
        nodes_truenodeids=np.tile(np.where(is_leaf, 0, 2 * node + 1), _TREES).tolist(),
        nodes_falsenodeids=np.tile(np.where(is_leaf, 0, 2 * node + 2), _TREES).tolist(),
        target_treeids=np.repeat(np.arange(_TREES), is_leaf.sum()).tolist(),
        target_nodeids=leaves.tolist(),
        target_ids=[0] * len(leaves),
        target_weights=rng.standard_normal(len(leaves)).tolist(),
    )
    inputs = [helper.make_tensor_value_info("tensor", TensorProto.FLOAT, [None, _INPUTS])]
    outputs = [helper.make_tensor_value_info("variable", TensorProto.FLOAT, [None, 1])]
    graph = helper.make_graph([ensemble], "trees", inputs, outputs)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), str(path))
    return path

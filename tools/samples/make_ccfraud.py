"""Make the card-fraud samples: ccfraud.onnx and transactions.arrow."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
from onnx import TensorProto, helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort  # after the line above: telemetry is read on import

FEATURES = 29
SAMPLES = Path(__file__).resolve().parents[2] / "jupyter_edge" / "samples"
OPSETS = {"": 15, "ai.onnx.ml": 3}
IR_VERSION = 8

# Each fraud pattern moves some of the features by so many of their standard deviations.
FRAUD_PATTERNS = (
    {0: -1.6, 2: -1.9, 6: -1.2, 13: -1.4, 28: 0.9},  # many small purchases in a row
    {1: 1.5, 3: 1.8, 9: -1.3, 10: 1.2, 28: 1.6},  # one large purchase abroad
    {4: 1.3, 11: -1.7, 13: -1.1, 16: -1.5, 17: -0.9},  # stolen card, changed address
)


def draw_transactions(rng: np.random.Generator, count: int, frauds: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (features [count, 29] float32, labels [count] int8) of made-up card transactions.

    A share `frauds` of the rows is fraud. The first 28 features look like principal components
    (uncorrelated, falling variance, heavy tails), the last one like the logarithm of the amount.
    """
    labels = (rng.random(count) < frauds).astype(np.int8)
    values = 0.8 * rng.standard_t(df=6, size=(count, FEATURES))
    pattern_of = rng.integers(len(FRAUD_PATTERNS), size=count)
    for number, pattern in enumerate(FRAUD_PATTERNS):
        rows = (labels == 1) & (pattern_of == number)
        strength = rng.uniform(0.6, 1.6, size=rows.sum())
        for feature, shift in pattern.items():
            values[rows, feature] += shift * strength
    scale = np.append(np.geomspace(1.9, 0.35, FEATURES - 1), 1.0)
    mislabelled = rng.random(count) < 0.001
    return (values * scale).astype(np.float32), np.where(mislabelled, 1 - labels, labels).astype(np.int8)


def to_onnx(classifier: GradientBoostingClassifier) -> onnx.ModelProto:
    """Convert the classifier to a graph whose only output is the probability of fraud, [None, 1]."""
    model = convert_sklearn(
        classifier,
        name="ccfraud",
        initial_types=[("transaction", FloatTensorType([None, FEATURES]))],
        options={id(classifier): {"zipmap": False}},
        target_opset=OPSETS,
    )
    graph = model.graph
    graph.initializer.append(helper.make_tensor("fraud_column", TensorProto.INT64, [1], [1]))
    column = helper.make_node("Gather", ["probabilities", "fraud_column"], ["fraud_probability"], axis=1)
    graph.node.append(column)
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("fraud_probability", TensorProto.FLOAT, [None, 1]))
    imports = sorted(model.opset_import, key=lambda opset: opset.domain)  # skl2onnx takes them from a set
    del model.opset_import[:]
    model.opset_import.extend(imports)
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "jupyter_edge samples", ""
    onnx.checker.check_model(model, full_check=True)
    return model


def write_transactions(path: Path, features: np.ndarray, labels: np.ndarray) -> None:
    """Write an Arrow IPC file with the columns tensor (fixed_size_list<float>[29]) and label (int8)."""
    tensor_type = {"tensor_type": json.dumps({"shape": [FEATURES]})}
    schema = pa.schema(
        [
            pa.field("tensor", pa.list_(pa.float32(), FEATURES), metadata=tensor_type),
            pa.field("label", pa.int8()),
        ]
    )
    tensors = pa.FixedSizeListArray.from_arrays(pa.array(features.ravel()), FEATURES)
    with pa.ipc.new_file(path, schema) as writer:
        writer.write_table(pa.table([tensors, pa.array(labels)], schema=schema))


def main() -> None:
    """Train on one set of rows, write model and unseen rows, and print the model's AUC on those."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SAMPLES, help="folder to write to")
    out = parser.parse_args().out

    features, labels = draw_transactions(np.random.default_rng(1), count=60_000, frauds=0.02)
    classifier = GradientBoostingClassifier(
        n_estimators=120, max_depth=4, learning_rate=0.1, subsample=0.7, min_samples_leaf=30, random_state=1
    )
    classifier.fit(features, labels)
    onnx.save(to_onnx(classifier), out / "ccfraud.onnx")

    unseen, truth = draw_transactions(np.random.default_rng(2), count=1_000, frauds=0.05)
    write_transactions(out / "transactions.arrow", unseen, truth)
    session = ort.InferenceSession(out / "ccfraud.onnx", providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"transaction": unseen})
    difference = np.abs(scores[:, 0] - classifier.predict_proba(unseen)[:, 1]).max()
    flagged = scores[:, 0] > 0.5
    auc = roc_auc_score(truth, scores[:, 0])
    print(f"AUC {auc:.4f} on {len(truth)} unseen rows, {truth.sum()} of them fraud")
    print(f"flagged at 0.5: {flagged.sum()}, of them fraud: {(flagged & (truth == 1)).sum()}")
    print(f"largest difference from scikit-learn: {difference:.1e}")
    print(f"ccfraud.onnx: {(out / 'ccfraud.onnx').stat().st_size} bytes")


if __name__ == "__main__":
    main()

from __future__ import annotations

import json
import os

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from jupyter_edge import samples

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort  # noqa: E402 - telemetry is read on import


def session_of(name: str) -> ort.InferenceSession:
    return ort.InferenceSession(samples.path(name), providers=["CPUExecutionProvider"])


def area_under_roc(labels: NDArray[np.int8], scores: NDArray[np.float32]) -> float:
    """Return the probability that a fraud scores higher than a good transaction; ties count half."""
    above = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    return float((above > 0).mean() + 0.5 * (above == 0).mean())


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match="ccfraud.onnx"):
        samples.path("../__init__.py")


def test_fraud_model_has_one_plain_float_output() -> None:
    session = session_of("ccfraud.onnx")
    (tensor,), (output,) = session.get_inputs(), session.get_outputs()
    assert (tensor.name, tensor.type, tensor.shape[1:]) == ("transaction", "tensor(float)", [29])
    assert (output.name, output.type, output.shape[1:]) == ("fraud_probability", "tensor(float)", [1])


def test_fraud_model_ranks_unseen_frauds_above_good_transactions() -> None:
    with pa.ipc.open_file(samples.path("transactions.arrow")) as reader:
        table = reader.read_all()
    field = table.schema.field("tensor")
    assert field.type == pa.list_(pa.float32(), 29)
    assert json.loads(field.metadata[b"tensor_type"]) == {"shape": [29]}
    assert table.schema.field("label").type == pa.int8()

    features = table["tensor"].combine_chunks().flatten().to_numpy().reshape(-1, 29)
    (probability,) = session_of("ccfraud.onnx").run(None, {"transaction": features})
    assert probability.shape == (1000, 1)
    assert 0 <= probability.min() and probability.max() <= 1
    assert area_under_roc(table["label"].to_numpy(), probability[:, 0]) > 0.93

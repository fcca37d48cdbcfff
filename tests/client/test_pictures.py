from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_edge.client import Client, ModelVersion, picture_rows, picture_tensor
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.samples import path


def test_a_picture_becomes_what_the_models_input_says(client: Client) -> None:
    model = client.upload_model("shapes", path("shapes.onnx")).configure(tensor_fields=["images"])
    tensor = picture_tensor(model, path("shapes.png"), "letterbox")
    (spec,) = model.schema().inputs
    assert tensor.tensor.shape[1:] == spec.shape[1:]
    assert tensor.tensor.dtype.name == spec.dtype
    assert tensor.layout == "NCHW"
    rows = picture_rows(model, tensor)
    assert (rows.column_names, rows.num_rows) == (["images"], 1)


def test_a_model_that_takes_no_picture_says_so(model: ModelVersion) -> None:
    with pytest.raises(InvalidInputError, match="no RGB picture"):
        picture_tensor(model, path("shapes.png"))


def test_a_picture_that_is_not_there_is_named(client: Client, tmp_path: Path) -> None:
    model = client.upload_model("shapes", path("shapes.onnx"))
    with pytest.raises(InvalidInputError, match="no picture"):
        picture_tensor(model, tmp_path / "nosuch.png")

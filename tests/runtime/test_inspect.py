from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.schema import ModelSchema, TensorSpec
from jupyter_edge.runtime.inspect import inspect
from jupyter_edge.runtime.model_file import check_model_file
from tests.runtime import models


def run(path: Path) -> tuple[int, Any]:
    command = [sys.executable, "-m", "jupyter_edge.runtime.inspect", str(path)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return done.returncode, json.loads(done.stdout)


def test_inputs_and_outputs_are_printed(tmp_path: Path) -> None:
    code, printed = run(models.adding(tmp_path / "adding.onnx"))
    assert code == 0
    assert ModelSchema.from_json(printed) == ModelSchema(
        (TensorSpec("a", "float32", (None, 2)), TensorSpec("b", "int64", (None,))),
        (TensorSpec("total", "float32", (None, 2)), TensorSpec("double", "int64", (None,))),
    )


def test_a_refusal_is_printed(tmp_path: Path) -> None:
    (tmp_path / "picture.onnx").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    code, printed = run(tmp_path / "picture.onnx")
    assert code == 1
    assert printed["error"].startswith("picture.onnx is not an ONNX model")


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"PK\x03\x04" + bytes(50), b"\x80\x04\x95.", bytes(1000), b"\x3a\x00"]
)
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"model\.onnx"):
        inspect(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot be read: No such file"):
        inspect(tmp_path / "none.onnx")


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    whole = models.doubling(tmp_path / "model.onnx").read_bytes()
    for size in range(0, len(whole) - 1, 7):
        (tmp_path / "part.onnx").write_bytes(whole[:size])
        with pytest.raises(InvalidInputError):
            inspect(tmp_path / "part.onnx")


@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "/etc/passwd"])
def test_weights_in_another_file_are_refused_wherever_they_are(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(bytes(64))
    (tmp_path / "weights.bin").write_bytes(bytes(64))
    path = models.doubling(folder / "model.onnx")
    model = onnx.load(str(path))
    (weight,) = model.graph.initializer
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "length": "4"}.items():
        weight.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InvalidInputError, match="keeps its weights in other files"):
        inspect(path)


@pytest.mark.parametrize(
    ("key", "words"), [("location", "keeps its weights in other files"), ("offset", "ONNX Runtime cannot load branch")]
)
def test_weights_in_another_file_are_found_within_a_branch(tmp_path: Path, key: str, words: str) -> None:
    outside = numpy_helper.from_array(np.array(2, np.float32), "two")
    outside.ClearField("raw_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key=key, value="0")
    constant = helper.make_node("Constant", [], ["y"], value=outside)
    result = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ())]
    branch = helper.make_graph([constant], "branch", [], result)
    node = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    path = models.save(
        tmp_path / "branch.onnx", [node], [("x", TensorProto.BOOL, ())], [("y", TensorProto.FLOAT, ())], {}
    )
    (tmp_path / "0").write_bytes(bytes(4))
    with pytest.raises(InvalidInputError, match=words):
        inspect(path)


def test_the_numbers_of_a_tree_ensemble_are_not_looked_at_one_by_one(tmp_path: Path) -> None:
    numbers = [helper.make_node("Constant", [], ["y"], value_floats=[0.5] * 10_000)]
    output: models.Value = ("y", TensorProto.FLOAT, (10_000,))
    path = models.save(tmp_path / "long.onnx", numbers, [("x", TensorProto.FLOAT, ())], [output], {})
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    check_model_file(path)
    sys.setprofile(None)
    assert 0 < calls < 500


def test_an_element_type_that_no_request_can_carry_is_refused(tmp_path: Path) -> None:
    path = models.echo(tmp_path / "brain.onnx", TensorProto.BFLOAT16)
    with pytest.raises(InvalidInputError, match=r"input 'x' is a tensor\(bfloat16\)"):
        inspect(path)


def test_an_operator_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Frobnicate", ["x"], ["y"])]
    value: models.Value = ("x", TensorProto.FLOAT, ("n",))
    path = models.save(tmp_path / "odd.onnx", nodes, [value], [("y", TensorProto.FLOAT, ("n",))], {})
    with pytest.raises(InvalidInputError, match=r"cannot load odd\.onnx: .*Frobnicate"):
        inspect(path)


@pytest.mark.fuzz
@given(content=st.binary(max_size=300))
def test_any_file_is_checked_without_harm(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    path.write_bytes(content)
    with contextlib.suppress(InvalidInputError):
        check_model_file(path)


@pytest.mark.parametrize(
    ("metadata", "names"),
    [
        ("{0: 'cat', 1: \"dog's\"}", ("cat", "dog's")),
        ("['cat', 'dog']", ("cat", "dog")),
        ("{1: 'cat', 2: 'dog'}", None),
        ("{0: 'cat', 9999999999: 'dog'}", None),
        ("{0: 1}", None),
        ("[]", None),
        ("__import__('os').abort()", None),
        ("(" * 100_000, None),
        ("cat, dog", None),
    ],
)
def test_class_names_are_read_from_the_metadata_and_never_run(
    tmp_path: Path, metadata: str, names: tuple[str, ...] | None
) -> None:
    path = models.doubling(tmp_path / "model.onnx")
    model = onnx.load(str(path))
    model.metadata_props.add(key="names", value=metadata)
    path.write_bytes(model.SerializeToString())
    assert inspect(path).class_names == names
    assert ModelSchema.from_json(run(path)[1]).class_names == names

"""Every element type and shape that ONNX Runtime takes, through every codec, against ONNX Runtime itself."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import TensorProto, helper

from jupyter_edge.core.media_types import ARROW_FILE
from jupyter_edge.core.telemetry import import_onnxruntime
from jupyter_edge.runtime.codecs.open_inference_reader import DATATYPES
from jupyter_edge.runtime.exchange import Request
from jupyter_edge.runtime.handler import Handler
from tests.runtime import models
from tests.runtime.answers import respond
from tests.runtime.conftest import HandlerMaker

Array = np.ndarray[Any, Any]

VALUES: dict[str, list[Any]] = {
    "float16": [0.1, -65504.0, 6e-8, np.nan, np.inf, -np.inf, -0.0],
    "float32": [0.1, -3.4028235e38, 1e-45, np.nan, np.inf, -np.inf, -0.0],
    "float64": [0.1, 1.7976931348623157e308, 5e-324, np.nan, np.inf, -np.inf, -0.0],
    **{f"int{bits}": [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0, -1] for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": [2**bits - 1, 0, 1] for bits in (8, 16, 32, 64)},
    "bool": [True, False, False],
    "str": ["süß", "", 'a"\\\n', "日本"],
}
ELEMENTS = {
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "bool": TensorProto.BOOL,
    "str": TensorProto.STRING,
    **{name: getattr(TensorProto, name.upper()) for name in VALUES if "int" in name},
}
SHAPES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "scalar": ((), ()),
    "column": (("n",), ()),
    "vector": (("n", 2), (2,)),
    "sequence": (("n", "length"), (3,)),
    "one at a time": ((1, 2, 2), (2, 2)),
    "no batch": ((4, 2), (4, 2)),
    "image": (("n", 3, 4, 5), (3, 4, 5)),
    "any image": (("n", 3, "h", "w"), (3, 2, 4)),
}


def values_of(dtype: str, shape: tuple[int, ...], rows: int) -> Array:
    size = (rows, *shape)
    flat = np.resize(np.array(VALUES[dtype], object if dtype == "str" else dtype), int(np.prod(size)))
    return flat.reshape(size)


def direct(path: Path, values: Array) -> Array:
    """What ONNX Runtime alone makes of a batch: at once where the model takes it so, else row by row."""
    session = import_onnxruntime().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape
    if shape and isinstance(shape[0], str):
        return np.asarray(session.run(None, {"x": values})[0])
    rows = [np.asarray(row)[np.newaxis] if shape[:1] == [1] else np.asarray(row) for row in values]
    outputs = [session.run(None, {"x": row})[0] for row in rows]
    return np.concatenate(outputs) if shape[:1] == [1] else np.stack(outputs)


def exchange(handler: Handler, target: str, body: bytes, **headers: str) -> bytes:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    response = respond(handler, Request("POST", target, names, body))
    assert response.status == 200, response.body
    if length := response.headers.get("Inference-Header-Content-Length"):
        return response.body[int(length) :]
    return response.body


def tokens(text: str) -> list[str]:
    """The values of a JSON list of any nesting, each as its text."""
    return re.findall(r'"(?:[^"\\]|\\.)*"|[^\[\]{},\s]+', text)


def through_records(handler: Handler, values: Array) -> list[str]:
    body = json.dumps([{"x": row} for row in values.tolist()]).encode()
    answer = exchange(handler, "/infer?dataset=out.y&dataset.separator=.", body).decode()
    return tokens(answer.replace('{"out.y":', ""))


def through_arrow(handler: Handler, values: Array) -> list[Any]:
    flat = pa.array(values.ravel().tolist()) if values.dtype == object else pa.array(values.ravel())
    size = int(np.prod(values.shape[1:]))
    column = pa.FixedSizeListArray.from_arrays(flat, size) if values.ndim > 1 else flat
    shape = {"tensor_type": json.dumps({"shape": values.shape[1:]})} if values.ndim > 1 else None
    schema = pa.schema([pa.field("x", column.type, metadata=shape)])
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(pa.table([column], schema=schema))
    table = pa.ipc.open_file(exchange(handler, "/infer", sink.getvalue(), accept=ARROW_FILE)).read_all()
    sent, given = table["in"].combine_chunks().field("x"), table["out"].combine_chunks().field("y")
    echoed = sent.flatten() if values.ndim > 1 else sent
    assert as_bytes(np.array(echoed.to_numpy(zero_copy_only=False), values.dtype)) == as_bytes(values.ravel())
    return list(given.flatten().to_numpy(zero_copy_only=False))


def tensor(values: Array) -> dict[str, Any]:
    dtype = "str" if values.dtype == object else values.dtype.name
    return {"name": "x", "shape": values.shape, "datatype": DATATYPES[dtype]}


def through_open_inference(handler: Handler, values: Array) -> list[str]:
    body = json.dumps({"inputs": [tensor(values) | {"data": values.ravel().tolist()}]}).encode()
    answer = exchange(handler, "/v2/models/line/infer", body).decode()
    assert json.loads(answer)["outputs"][0]["shape"] == list(values.shape)
    return tokens(answer.partition('"data":')[2])


def through_bytes(handler: Handler, values: Array) -> bytes:
    data = as_bytes(values)
    head = {
        "inputs": [tensor(values) | {"parameters": {"binary_data_size": len(data)}}],
        "parameters": {"binary_data_output": True},
    }
    text = json.dumps(head).encode()
    return exchange(handler, "/v2/models/line/infer", text + data, inference_header_content_length=str(len(text)))


def as_bytes(values: Array) -> bytes:
    if values.dtype != object:
        return values.tobytes()
    return b"".join(len(text.encode()).to_bytes(4, "little") + text.encode() for text in values.flat)


def is_shortest_and_exact(token: str, value: Any) -> bool:
    if isinstance(value, str):
        return bool(json.loads(token) == value)
    if value.dtype.kind == "f":
        if not np.isfinite(value):
            return token == "null"
        return Decimal(token) == Decimal(str(value)) and value.dtype.type(token).tobytes() == value.tobytes()
    return token == str(value).lower()


Maker = Callable[[Path], Handler]


@pytest.fixture
def serve(make_handler: HandlerMaker) -> Maker:
    return lambda path: make_handler(models.pipeline_of(path))


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", VALUES)
def test_all_codecs_answer_what_the_model_gives(
    tmp_path: Path, serve: Maker, dtype: str, shape: str, rows: int
) -> None:
    model_shape, row_shape = SHAPES[shape]
    path = models.echo(tmp_path / "echo.onnx", ELEMENTS[dtype], model_shape)
    handler, values = serve(path), values_of(dtype, row_shape, rows)
    expected = direct(path, values)
    assert as_bytes(through_arrow_array(handler, values)) == as_bytes(expected)
    assert through_bytes(handler, values) == as_bytes(expected)
    finite = values if values.dtype.kind != "f" else np.nan_to_num(values, posinf=1, neginf=-1)
    wanted = list(direct(path, finite).flat)
    for through in (through_records, through_open_inference):
        written = through(handler, finite)
        assert len(written) == len(wanted)
        assert all(map(is_shortest_and_exact, written, wanted)), (through, written, wanted)


def through_arrow_array(handler: Handler, values: Array) -> Array:
    found = through_arrow(handler, values)
    return np.array(found, values.dtype)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_what_json_cannot_say_is_null_both_ways(tmp_path: Path, serve: Maker, dtype: str) -> None:
    handler = serve(models.echo(tmp_path / "echo.onnx", ELEMENTS[dtype]))
    values = np.array([[np.nan, 1], [np.inf, -np.inf]], dtype)
    assert through_records(handler, values) == ["null", "1.0", "null", "null"]
    assert through_open_inference(handler, values) == ["null", "1.0", "null", "null"]
    (first, _) = json.loads(exchange(handler, "/infer?dataset=out", b'[{"x":[null,1]},{"x":[2,3]}]'))
    assert first == {"out": {"y": [None, 1]}}


@pytest.mark.parametrize("dtype", [name for name in VALUES if not name.startswith("float")])
def test_null_is_refused_where_the_model_has_no_place_for_it(tmp_path: Path, serve: Maker, dtype: str) -> None:
    handler = serve(models.echo(tmp_path / "echo.onnx", ELEMENTS[dtype]))
    good = values_of(dtype, (2,), 1).tolist()
    for bad in (None, [None, None], [good[0][0], None]):
        body = json.dumps([{"x": good[0]}, {"x": bad}]).encode()
        response = respond(handler, Request("POST", "/infer", {}, body))
        assert response.status == 400
        assert f"Column 'x' should hold {dtype} of shape [2] per row".encode() in response.body


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("spaces", [0, 1 << 16])  # large bodies are read in another way
def test_a_number_is_rounded_to_what_the_model_takes_but_never_made_infinite(
    tmp_path: Path, serve: Maker, dtype: str, spaces: int
) -> None:
    fits, too_large = {"float16": ("65505", "65520"), "float32": ("3.4028235e38", "-3.5e38")}[dtype]
    handler = serve(models.echo(tmp_path / "echo.onnx", ELEMENTS[dtype]))
    for number, status in ((fits, 200), ("1e-60", 200), (too_large, 400)):
        body = f'[{{"x":[{number},null]}}]'.encode() + b" " * spaces
        response = respond(handler, Request("POST", "/infer", {}, body))
        assert response.status == status
        assert (b"Column 'x' should hold" in response.body) == (status == 400)


def test_infinity_of_a_wider_type_stays_infinity(tmp_path: Path, serve: Maker) -> None:
    handler = serve(models.echo(tmp_path / "echo.onnx", TensorProto.FLOAT16))
    sent = np.array([[np.inf, -np.inf]], np.float64)
    table = pa.table({"x": pa.FixedSizeListArray.from_arrays(pa.array(sent.ravel()), 2)})
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    given = pa.ipc.open_file(exchange(handler, "/infer", sink.getvalue(), accept=ARROW_FILE)).read_all()["out"]
    assert given.combine_chunks().field("y").flatten().to_pylist() == [np.inf, -np.inf]


@pytest.mark.parametrize("dtype", VALUES)
def test_no_rows_are_answered_with_no_rows(tmp_path: Path, serve: Maker, dtype: str) -> None:
    handler = serve(models.echo(tmp_path / "echo.onnx", ELEMENTS[dtype], ("n", 3, 4)))
    values = values_of(dtype, (3, 4), 0)
    assert through_bytes(handler, values) == b""
    assert through_open_inference(handler, values) == []
    flat = pa.array([], pa.string()) if dtype == "str" else pa.array(values.ravel())
    sink = io.BytesIO()
    table = pa.table({"x": pa.FixedSizeListArray.from_arrays(flat, 12)})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    answer = pa.ipc.open_file(exchange(handler, "/infer", sink.getvalue(), accept=ARROW_FILE)).read_all()
    assert answer.num_rows == 0
    assert exchange(handler, "/infer", b"[]") == b"[]"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), size=st.tuples(st.integers(1, 5), st.integers(1, 6)), dtype=st.sampled_from(sorted(VALUES)))
def test_any_values_come_back_as_they_are(
    tmp_path: Path, serve: Maker, data: st.DataObject, size: tuple[int, int], dtype: str
) -> None:
    path = tmp_path / f"{dtype}.onnx"
    if not path.exists():
        models.echo(path, ELEMENTS[dtype], ("n", "length"))
    handler = serve(path)
    if dtype == "str":
        values = data.draw(hnp.arrays(object, size, elements=st.text(max_size=5)))
    else:
        values = data.draw(hnp.arrays(dtype, size))
    assert through_bytes(handler, values) == as_bytes(values)
    assert as_bytes(through_arrow_array(handler, values)) == as_bytes(values)
    if values.dtype.kind != "f" or np.isfinite(values).all():
        for through in (through_records, through_open_inference):
            assert all(map(is_shortest_and_exact, through(handler, values), values.flat))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    a=hnp.arrays(np.float32, (4, 2), elements=st.floats(-(2.0**99), 2.0**99, width=32)),
    b=hnp.arrays(np.int64, (4,), elements=st.integers(-(2**40), 2**40)),
)
def test_several_inputs_and_outputs_equal_a_run_of_the_model_alone(
    tmp_path: Path, serve: Maker, a: Array, b: Array
) -> None:
    path = tmp_path / "adding.onnx"
    if not path.exists():
        models.adding(path)
    session = import_onnxruntime().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    total, double = session.run(None, {"a": a, "b": b})
    sink = io.BytesIO()
    table = pa.table({"b": b, "a": pa.FixedSizeListArray.from_arrays(pa.array(a.ravel()), 2)})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    out = pa.ipc.open_file(exchange(serve(path), "/infer", sink.getvalue(), accept=ARROW_FILE)).read_all()["out"]
    found = out.combine_chunks()
    assert found.field("total").flatten().to_numpy().tobytes() == total.tobytes()
    assert found.field("double").flatten().to_numpy().tobytes() == double.tobytes()


def test_a_batch_answers_as_its_rows_alone(tmp_path: Path, serve: Maker) -> None:
    weights = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Softmax", ["z"], ["y"], axis=-1)]
    inputs: list[models.Value] = [("x", TensorProto.FLOAT, ("n", 16))]
    outputs: list[models.Value] = [("y", TensorProto.FLOAT, ("n", 4))]
    handler = serve(models.save(tmp_path / "net.onnx", nodes, inputs, outputs, {"w": weights}))
    values = np.random.default_rng(1).normal(size=(33, 16)).astype(np.float32)
    together = through_arrow_array(handler, values)
    alone = np.concatenate([through_arrow_array(handler, values[row : row + 1]) for row in range(33)])
    assert np.allclose(together, alone, rtol=1e-5)

from __future__ import annotations

import contextlib
import http.client
import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto
from tritonclient import http as triton
from tritonclient.utils import InferenceServerException

from jupyter_edge.runtime.exchange import Request, Response
from jupyter_edge.runtime.handler import Handler
from jupyter_edge.runtime.pipeline import Pipeline
from tests.runtime import models
from tests.runtime.answers import respond
from tests.runtime.conftest import HandlerMaker, Memory, ServerMaker

INFER = "/v2/models/line/infer"
INPUT: dict[str, Any] = {"name": "x", "shape": [2, 3], "datatype": "FP32", "data": [1, 2, 3, 4, 5, 6.5]}


def infer(handler: Handler, body: Any, target: str = INFER, **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return respond(handler, Request("POST", target, names, content))


def get(handler: Handler, target: str, method: str = "GET", **headers: str) -> Any:
    response = respond(handler, Request(method, target, headers))
    return response.status, json.loads(response.body)


def error_of(response: Response) -> str:
    content = json.loads(response.body)
    assert list(content) == ["error"]
    return str(content["error"])


@pytest.fixture
def handler(make_handler: HandlerMaker, doubling: Pipeline) -> Handler:
    return make_handler(doubling)


def test_the_server_says_what_it_is_and_that_it_lives(handler: Handler) -> None:
    status, server = get(handler, "/v2")
    assert status == 200
    assert server["name"] == "jupyter-edge"
    assert server["extensions"] == ["binary_tensor_data"]
    assert get(handler, "/v2/health/live") == (200, {"live": True})
    assert get(handler, "/v2/health/ready") == (200, {"ready": True})


@pytest.mark.parametrize("version", ["", "/versions/line-version"])
def test_a_pipeline_is_a_model(handler: Handler, version: str) -> None:
    assert get(handler, f"/v2/models/line{version}/ready") == (200, {"name": "line", "ready": True})
    assert get(handler, f"/v2/models/line{version}") == (
        200,
        {
            "name": "line",
            "versions": ["line-version"],
            "platform": "onnxruntime_onnx",
            "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}],
            "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 3]}],
        },
    )
    assert infer(handler, {"inputs": [INPUT]}, f"/v2/models/line{version}/infer").status == 200


def test_inputs_carry_the_names_of_the_first_steps_columns_and_outputs_those_of_the_last_model(
    tmp_path: Path, make_handler: HandlerMaker
) -> None:
    pipeline = models.pipeline_of(
        models.doubling(tmp_path / "image.onnx", (1, 3, "h", "w")),
        models.finding(tmp_path / "finding.onnx"),
        tensor_fields=("picture",),
    )
    _, metadata = get(make_handler(pipeline), "/v2/models/line")
    assert metadata["inputs"] == [{"name": "picture", "datatype": "FP32", "shape": [-1, 3, -1, -1]}]
    assert metadata["outputs"] == [{"name": "found", "datatype": "INT64", "shape": [-1, 2, -1]}]


def test_rows_are_run_logged_and_answered(handler: Handler, log: Memory) -> None:
    response = infer(handler, {"id": "a-7", "inputs": [INPUT], "parameters": {"priority": 1}})
    assert (response.status, response.media_type) == (200, "application/json")
    assert json.loads(response.body) == {
        "model_name": "line",
        "model_version": "line-version",
        "id": "a-7",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 3], "data": [2, 4, 6, 8, 10, 13]}],
    }
    (record,) = log.records
    assert record.rows == 2
    assert np.asarray(record.inputs["x"]).tolist() == [[1, 2, 3], [4, 5, 6.5]]
    assert np.asarray(record.outputs["y"]).tolist() == [[2, 4, 6], [8, 10, 13]]


@pytest.mark.parametrize("size", [1, 40_000], ids=["small", "large"])
def test_data_may_be_nested_and_hold_null_and_nan(handler: Handler, size: int) -> None:
    rows = [[1.5, None, float("nan")], [0.1, 2, float("inf")]] * size
    response = infer(handler, {"inputs": [INPUT | {"shape": [2 * size, 3], "data": rows}]})
    (output,) = json.loads(response.body)["outputs"]
    assert output["data"] == [3, None, None, 0.2, 4, None] * size


def test_values_may_come_and_go_as_bytes(handler: Handler) -> None:
    values = np.array([[1, 2, np.nan]], "<f4")
    head = {
        "inputs": [INPUT | {"shape": [1, 3], "parameters": {"binary_data_size": 12}}],
        "outputs": [{"name": "y", "parameters": {"binary_data": True}}],
    }
    del head["inputs"][0]["data"]
    text = json.dumps(head).encode()
    response = infer(handler, text + values.tobytes(), inference_header_content_length=str(len(text)))
    assert response.media_type == "application/octet-stream"
    length = int(response.headers["Inference-Header-Content-Length"])
    (output,) = json.loads(response.body[:length])["outputs"]
    assert output == {"name": "y", "datatype": "FP32", "shape": [1, 3], "parameters": {"binary_data_size": 12}}
    assert np.array_equal(np.frombuffer(response.body[length:], "<f4"), [2, 4, np.nan], equal_nan=True)


def test_no_rows_give_no_rows(handler: Handler, log: Memory) -> None:
    response = infer(handler, {"inputs": [INPUT | {"shape": [0, 3], "data": []}]})
    (output,) = json.loads(response.body)["outputs"]
    assert output == {"name": "y", "datatype": "FP32", "shape": [0, 3], "data": []}
    assert log.records == []


def test_a_missing_input_is_named(handler: Handler) -> None:
    response = infer(handler, {"inputs": [INPUT | {"name": "z"}]})
    assert response.status == 400
    assert "Column 'x' is missing" in error_of(response)


@pytest.mark.parametrize("padding", ["", " " * 100_000])
def test_whole_numbers_stay_what_they_are_beside_floats(
    tmp_path: Path, make_handler: HandlerMaker, padding: str
) -> None:
    handler = make_handler(models.pipeline_of(models.echo(tmp_path / "echo.onnx", TensorProto.INT64)))
    wanted = {"name": "x", "shape": [1, 2], "datatype": "INT64", "data": [2**53 + 1, 1.0]}
    answer = infer(handler, json.dumps({"inputs": [wanted]}).encode() + padding.encode())
    assert json.loads(answer.body)["outputs"][0]["data"] == [2**53 + 1, 1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data": [1, 2, 3]}, "Input 'x' .* holds 3 values, and its shape .2, 3. needs 6"),
        ({"data": [1, 2, 3, 4, 5, "a"]}, "Input 'x' .* holds 'a'"),
        ({"data": [1, 2, 3, 4, 5, True]}, "Input 'x' .* holds True"),
        ({"data": 1}, "Input 'x' .* needs its values as data"),
        ({"data": [1, 2, 3, 4, 5, 256], "datatype": "UINT8"}, "Input 'x' .UINT8. holds values between 1 and 256"),
        ({"data": [1, 2, 3, 4, 5, 1e39]}, "Input 'x' .FP32. holds values between 1.0 and 1e.39 that it cannot hold"),
        ({"data": [1, 2, 3, 4, None, 65520], "datatype": "FP16"}, "Input 'x' .FP16. .* between 1.0 and 65520.0"),
        ({"data": [1, 2, 3, 4, 5, None], "datatype": "INT64"}, "Input 'x' .INT64. holds null"),
        ({"data": [1, 2, 3, 4, 5, 0.5], "datatype": "INT8"}, "Input 'x' .INT8. holds values .* exactly"),
        ({"data": [1, 0, 1, 0, 1, 0], "datatype": "BOOL"}, "Input 'x' .BOOL. holds 1"),
        ({"data": ["a", "b", "c", "d", "e", 1], "datatype": "BYTES"}, "A value of input 'x' is no text"),
        ({"datatype": "BF16"}, "Input 'x' .BF16. has a datatype that is not offered here"),
        ({"datatype": None}, "Input 'x' .* has a datatype that is not offered here"),
        ({"shape": None}, "Input 'x' .* needs a shape"),
        ({"shape": []}, "Input 'x' .* needs a shape"),
        ({"shape": [-2, -3]}, "Input 'x' .* needs a shape"),
        ({"shape": [10**12, 0], "data": []}, "Input 'x' .* too large"),
        ({"shape": [6] + [1] * 40}, "Input 'x' .* too large"),
        ({"shape": [6]}, "Column 'x' should hold float32 of shape .3. per row, and holds shape"),
        ({"name": 7}, "The name of an input is no text"),
        ({"parameters": {"binary_data_size": 24}}, "Input 'x' .* does not fit into the 0 bytes"),
        ({"parameters": {"binary_data_size": -1}}, "Input 'x' .* does not fit"),
        ({"data": [1, 2, 3, 4, 5, 10**30], "datatype": "INT64"}, "Input 'x' .*"),
    ],
)
def test_an_input_that_is_not_what_it_says_is_named(
    handler: Handler, log: Memory, change: dict[str, Any], reason: str
) -> None:
    for padding in ("", " " * 100_000):
        response = infer(handler, json.dumps({"inputs": [INPUT | change]}).encode() + padding.encode())
        assert response.status == 400
        assert re.search(reason, error_of(response)), error_of(response)
    assert log.records == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "is not JSON"),
        (b"[{", "is not JSON"),
        ([], "no JSON object"),
        ({}, "inputs are no list of objects"),
        ({"inputs": [1]}, "inputs are no list of objects"),
        ({"inputs": []}, "there is none"),
        ({"inputs": [INPUT, INPUT]}, "'x' is there twice"),
        ({"inputs": [INPUT, INPUT | {"name": "z", "shape": [3, 2]}]}, "x has 2, z has 3"),
        ({"inputs": [INPUT], "id": 7}, "id is no text"),
        (json.dumps({"inputs": [INPUT]}).encode()[:-1] + b', "id": "\\ud800"}', "is not JSON|id is no text"),
        (json.dumps({"inputs": [INPUT], "a": float("nan")}).encode()[:-1] + b', "id": "\\ud800"}', "id is no text"),
        ({"inputs": [INPUT], "outputs": [{"name": "z"}]}, "no output 'z': pipeline line gives y"),
        ({"inputs": [INPUT], "outputs": "y"}, "outputs are no list"),
        ({"inputs": [INPUT], "outputs": [{"name": "y", "parameters": {"classification": 2}}]}, "classification"),
    ],
)
def test_a_request_that_is_none_is_refused(handler: Handler, body: Any, reason: str) -> None:
    response = infer(handler, body)
    assert response.status == 400
    assert re.search(reason, error_of(response)), error_of(response)


@pytest.mark.parametrize("length", ["", "-1", "x", "1000", "9" * 30, "²"])
def test_a_length_that_is_not_within_the_body_is_refused(handler: Handler, length: str) -> None:
    response = infer(handler, b"{}", inference_header_content_length=length)
    assert response.status == 400
    assert "Inference-Header-Content-Length" in error_of(response)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/line/versions/3", 404),
        ("GET", "/v2/models/line/versions", 404),
        ("GET", "/v2/models", 404),
        ("GET", "/v2/models/line/config", 404),
        ("GET", "/v2/nothing/line/ready", 404),
        ("GET", "/v2/health", 404),
        ("GET", INFER, 405),
        ("POST", "/v2", 405),
        ("DELETE", "/v2/models/line", 405),
    ],
)
def test_other_paths_and_methods_are_refused(handler: Handler, method: str, target: str, status: int) -> None:
    found, content = get(handler, target, method)
    assert found == status
    assert list(content) == ["error"]


def test_a_compressed_body_is_refused(handler: Handler) -> None:
    assert infer(handler, b"...", content_encoding="gzip").status == 415


def test_probes_need_no_token_and_all_else_does(make_handler: HandlerMaker, doubling: Pipeline) -> None:
    handler = make_handler(doubling, token="t0ken")
    assert get(handler, "/v2/health/ready")[0] == get(handler, "/v2/health/live")[0] == 200
    for target in ("/v2", "/v2/models/line", "/v2/models/line/ready", INFER):
        status, content = get(handler, target)
        assert (status, list(content)) == (401, ["error"])
        assert get(handler, target, authorization="Bearer t0ken")[0] in (200, 405)


def test_values_that_differ_in_shape_are_answered_one_row_at_a_time(tmp_path: Path, make_handler: HandlerMaker) -> None:
    handler = make_handler(models.pipeline_of(models.finding(tmp_path / "finding.onnx")))
    one = infer(handler, {"inputs": [INPUT | {"shape": [1, 3], "data": [1, 0, 2]}]})
    assert json.loads(one.body)["outputs"][0] == {
        "name": "found",
        "datatype": "INT64",
        "shape": [1, 2, 2],
        "data": [0, 0, 0, 2],
    }
    two = infer(handler, {"inputs": [INPUT | {"data": [1, 0, 2, 0, 0, 1]}]})
    assert two.status == 400
    assert "'found' differs in shape" in error_of(two)


@pytest.mark.parametrize("data", [b"\x01", b"\x05\0\0\0abc", b"\xff\xff\xff\xff", struct.pack("<I", 1) + b"\xff"])
def test_bytes_that_are_no_texts_are_refused(tmp_path: Path, make_handler: HandlerMaker, data: bytes) -> None:
    handler = make_handler(models.pipeline_of(models.echo(tmp_path / "echo.onnx", TensorProto.STRING, ("n",))))
    parameters = {"binary_data_size": len(data)}
    tensor = {"name": "x", "shape": [1], "datatype": "BYTES", "parameters": parameters}
    text = json.dumps({"inputs": [tensor]}).encode()
    response = infer(handler, text + data, inference_header_content_length=str(len(text)))
    assert "no sequence of lengths and texts" in error_of(response)


def test_what_the_server_itself_refuses_has_the_form_of_the_protocol(
    start_server: ServerMaker, make_handler: HandlerMaker, doubling: Pipeline
) -> None:
    port = start_server(make_handler(doubling), max_body=1000)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("POST", INFER, b" " * 1001)
        response = connection.getresponse()
        assert response.status == 413
        assert list(json.loads(response.read())) == ["error"]


@pytest.fixture
def client(start_server: ServerMaker, make_handler: HandlerMaker, doubling: Pipeline) -> Any:
    port = start_server(make_handler(doubling, token="t0ken"))
    with triton.InferenceServerClient(f"127.0.0.1:{port}") as client:
        yield client


def token() -> dict[str, str]:
    """Return headers anew: the client adds its own to those it is given."""
    return {"authorization": "Bearer t0ken"}


class TestTritonClient:
    """NVIDIA's own client against a deployment."""

    def test_it_finds_the_model(self, client: Any) -> None:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("line", headers=token())
        assert not client.is_model_ready("other", headers=token())
        assert client.get_server_metadata(headers=token())["name"] == "jupyter-edge"
        assert client.get_model_metadata("line", headers=token())["inputs"][0]["shape"] == [-1, 3]

    @pytest.mark.parametrize("binary_in", [False, True])
    @pytest.mark.parametrize("binary_out", [None, False, True])
    def test_it_infers(self, client: Any, binary_in: bool, binary_out: bool | None) -> None:
        values = np.array([[1, 2, 3], [4, 5, 6.5]], np.float32)
        sent = triton.InferInput("x", [2, 3], "FP32")
        sent.set_data_from_numpy(values, binary_data=binary_in)
        wanted = None if binary_out is None else [triton.InferRequestedOutput("y", binary_data=binary_out)]
        result = client.infer("line", [sent], outputs=wanted, request_id="7", headers=token())
        assert np.array_equal(result.as_numpy("y"), values * 2)
        assert result.get_response()["id"] == "7"

    def test_it_reads_errors(self, client: Any) -> None:
        sent = triton.InferInput("x", [1, 2], "FP32")
        sent.set_data_from_numpy(np.zeros((1, 2), np.float32))
        with pytest.raises(InferenceServerException, match="Column 'x' should hold float32"):
            client.infer("line", [sent], headers=token())
        with pytest.raises(InferenceServerException, match="The token is missing or wrong"):
            client.infer("line", [sent])
        with pytest.raises(InferenceServerException, match="no model 'other'"):
            client.get_model_metadata("other", headers=token())

from __future__ import annotations

import gc
import io
import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from onnx import TensorProto

from jupyter_edge.core.media_types import ARROW_FILE, LEGACY, PANDAS_RECORDS
from jupyter_edge.runtime.exchange import Request, Response
from jupyter_edge.runtime.handler import Handler
from jupyter_edge.runtime.inference import LOGGED_BYTES_PER_ROW
from jupyter_edge.runtime.pipeline import Pipeline
from tests.runtime import models
from tests.runtime.answers import respond
from tests.runtime.conftest import HandlerMaker, Memory, arrow_file

ROWS = [{"x": [1.5, 2, 3], "id": "a"}, {"x": [4, 5, 6], "id": "b"}]
SDK_QUERY = "?dataset%5B%5D=%2A&dataset.exclude%5B%5D=metadata&dataset.separator=."


def post(handler: Handler, body: Any, query: str = "", path: str = "/pipelines/line", **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return respond(handler, Request("POST", path + query, names, content))


def get(handler: Handler, path: str, method: str = "GET", **headers: str) -> Response:
    return respond(handler, Request(method, path, headers))


def error_of(response: Response) -> str:
    (first,) = json.loads(response.body)
    assert list(first) == ["error"]
    return str(first["error"])


@pytest.fixture
def handler(make_handler: HandlerMaker, doubling: Pipeline) -> Handler:
    return make_handler(doubling)


@pytest.mark.parametrize(
    "rest",
    [
        b'"e": %s1%s' % (b"[" * 300, b"]" * 300),
        b'"e": %s1%s' % (b"[" * 900, b"]" * 900),
        b'"e": %s%s1%s' % (b"[" * 300, b"1," * 40_000, b"]" * 300),
        b'"e": "\\ud800", "f": NaN',
        b'"\\ud800": NaN',
        b'"e": [NaN, 1%s]' % (b"0" * 400),
    ],
    ids=["deep", "deeper", "deep and large", "half a pair", "half a pair as name", "a huge number"],
)
@pytest.mark.parametrize("accept", [PANDAS_RECORDS, ARROW_FILE])
def test_what_no_answer_could_repeat_is_refused_before_the_model_runs(
    handler: Handler, log: Memory, rest: bytes, accept: str
) -> None:
    response = post(handler, b'[{"x": [1, 2, 3], %s}]' % rest, accept=accept)
    assert response.status == 400
    assert "no answer could repeat" in error_of(response)
    assert not log.records


def test_a_number_too_large_for_a_model_is_refused(handler: Handler) -> None:
    response = post(handler, b'[{"x": [NaN, 1%s, 3]}]' % (b"0" * 400))
    assert response.status == 400


def test_an_answer_is_nested_with_its_keys_in_order(handler: Handler, doubling: Pipeline) -> None:
    response = post(handler, ROWS)
    assert (response.status, response.media_type) == (200, PANDAS_RECORDS)
    first, second = json.loads(response.body)
    assert list(first) == ["time", "in", "out", "check_failures", "metadata"]
    assert first["in"] == ROWS[0]
    assert second["in"] == ROWS[1]
    assert first["out"] == {"y": [3, 4, 6]}
    assert first["check_failures"] == []
    assert list(first["metadata"]) == ["last_model", "pipeline_version", "elapsed", "dropped", "partition"]
    sha = doubling.spec.models[0].sha
    assert first["metadata"]["last_model"] == f'{{"model_name":"doubling","model_sha":"{sha}"}}'
    assert first["metadata"]["pipeline_version"] == "line-version"
    assert (first["metadata"]["dropped"], first["metadata"]["partition"]) == ([], "here")
    assert len(first["metadata"]["elapsed"]) == 2
    assert first["time"] == second["time"] > 1_600_000_000_000


def test_the_parameters_of_the_sdk_flatten_the_answer(handler: Handler) -> None:
    (row,) = json.loads(post(handler, ROWS[:1], SDK_QUERY).body)
    assert {name: value for name, value in row.items() if name != "time"} == {
        "in.x": [1.5, 2, 3],
        "in.id": "a",
        "out.y": [3, 4, 6],
        "check_failures": [],
    }
    assert next(iter(row)) == "time"


def test_the_fields_of_the_tutorials_text_are_answered_where_they_are_asked_for(
    make_handler: HandlerMaker, doubling: Pipeline
) -> None:
    response = post(make_handler(doubling), ROWS, accept=LEGACY)
    assert (response.status, response.media_type) == (200, LEGACY)
    first, second = json.loads(response.body)
    assert len(first.pop("elapsed")) == 2
    assert first.pop("time") == second["time"] > 1_600_000_000_000
    assert first == {
        "check_failures": [],
        "model_name": "doubling",
        "model_version": doubling.spec.models[0].version,
        "original_data": ROWS[0],
        "outputs": [{"Float": {"data": [3, 4, 6], "dim": [1, 3], "v": 1}}],
        "pipeline_name": "line",
        "shadow_data": {},
    }
    (row,) = json.loads(post(make_handler(doubling, echo_limit=8), ROWS[:1], accept=LEGACY).body)
    assert row["original_data"] is None
    assert json.loads(post(make_handler(doubling), [], accept=LEGACY).body) == []


def test_half_floats_have_their_own_shortest_text(tmp_path: Path, make_handler: HandlerMaker) -> None:
    handler = make_handler(models.pipeline_of(models.echo(tmp_path / "echo.onnx", TensorProto.FLOAT16)))
    ragged = pa.array([[np.array([0.1], np.float16), np.array([], np.float16)]], pa.list_(pa.list_(pa.float16())))
    body = arrow_file(pa.table({"x": [np.array([0.1, 2], np.float16)], "ragged": ragged}))
    for accept in (LEGACY, PANDAS_RECORDS):
        answer = respond(handler, Request("POST", "/infer", {"accept": accept}, body)).body
        (row,) = json.loads(answer)
        assert row.get("original_data", row.get("in")) == {"x": [0.1, 2], "ragged": [[0.1], []]}
        assert b"0.0999" not in answer


def test_nested_paths_can_be_chosen(handler: Handler) -> None:
    (row,) = json.loads(post(handler, ROWS[:1], "?dataset[]=out.y&dataset[]=metadata.partition").body)
    assert row == {"out": {"y": [3, 4, 6]}, "metadata": {"partition": "here"}}


def test_an_unknown_path_is_a_bad_request_and_runs_nothing(handler: Handler, log: Memory) -> None:
    response = post(handler, ROWS, "?dataset=out.z")
    assert response.status == 400
    assert "'out.z'" in error_of(response)
    assert log.records == []


def test_arrow_in_gives_json_out_unless_asked_otherwise(handler: Handler) -> None:
    body = arrow_file(pa.table({"x": pa.array([[0.1, 2, 3]], pa.list_(pa.float32(), 3)), "id": ["a"]}))
    response = post(handler, body, content_type=ARROW_FILE)
    assert response.media_type == PANDAS_RECORDS
    assert b'"in":{"x":[0.1,2.0,3.0],"id":"a"},"out":{"y":[0.2,4.0,6.0]}' in response.body


@pytest.mark.parametrize("accept", [ARROW_FILE, f"{ARROW_FILE}, */*;q=0.5", f"application/json;q=0.1,{ARROW_FILE}"])
def test_arrow_is_answered_where_it_is_preferred(handler: Handler, accept: str) -> None:
    response = post(handler, ROWS, SDK_QUERY, accept=accept)
    assert response.media_type == ARROW_FILE
    table = pa.ipc.open_file(response.body).read_all()
    assert table.column_names == ["time", "in.x", "in.id", "out.y", "check_failures"]
    assert table["out.y"].to_pylist() == [[3, 4, 6], [8, 10, 12]]
    assert table["check_failures"].to_pylist() == [[], []]


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "application/json;format=pandas-records",
        "application/json; format=pandas-records",
        "text/html, application/*",
    ],
)
def test_records_are_answered_otherwise(handler: Handler, accept: str) -> None:
    assert post(handler, ROWS, accept=accept).media_type == PANDAS_RECORDS


@pytest.mark.parametrize("accept", ["text/html", "application/json;format=pandas-split", "*/*;q=0", "image/png;q=x"])
def test_what_cannot_be_answered_is_not_acceptable(handler: Handler, accept: str) -> None:
    response = post(handler, ROWS, accept=accept)
    assert response.status == 406
    assert accept in error_of(response)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "Content-Type: application/json; format=pandas-records",
        "application/x-www-form-urlencoded",
        "text/plain",
        "APPLICATION/JSON",
    ],
)
def test_json_is_read_under_many_names(handler: Handler, content_type: str) -> None:
    assert post(handler, ROWS, content_type=content_type).status == 200


def test_arrow_is_recognised_whatever_it_is_called(handler: Handler) -> None:
    body = arrow_file(pa.table({"x": [[1.0, 2.0, 3.0]]}))
    assert post(handler, body, content_type="application/x-www-form-urlencoded").status == 200


@pytest.mark.parametrize(
    "headers", [{"content_type": "image/png"}, {"content_type": "multipart/form-data"}, {"content_encoding": "gzip"}]
)
def test_other_types_are_unsupported(handler: Handler, headers: dict[str, str]) -> None:
    assert post(handler, b"\x89PNG", **headers).status == 415


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"[{", "not JSON"),
        ({"x": [1]}, "list of records"),
        ([{"y": [1, 2, 3]}], "Column 'x' is missing"),
        ([{"x": [1, 2]}], "holds shape [2]"),
        ([{"x": "abc"}], "holds text"),
        ([{"x": [1, 2, 3]}, {}], "Column 'x'"),
    ],
)
def test_bad_input_is_a_bad_request_with_one_sentence(handler: Handler, log: Memory, body: Any, reason: str) -> None:
    response = post(handler, body)
    assert response.status == 400
    assert reason in error_of(response)
    assert log.records == []


def test_bad_arrow_is_a_bad_request(handler: Handler) -> None:
    assert post(handler, b"ARROW1 and no more").status == 400
    assert post(handler, b"[]", content_type=ARROW_FILE).status == 400


def test_a_name_may_hold_the_character_0(make_handler: HandlerMaker, log: Memory, tmp_path: Path) -> None:
    path = models.doubling(tmp_path / "m.onnx", source="x\0", target="y\0")
    handler = make_handler(models.pipeline_of(path))
    row = {"x\0": [1.0, 2.0, 3.0], "a\0b": "c\0"}
    for body in ([row], arrow_file(pa.Table.from_pylist([row]))):
        (answer,) = json.loads(post(handler, body, accept=PANDAS_RECORDS).body)
        table = pa.ipc.open_file(post(handler, body, accept=ARROW_FILE).body).read_all()
        (same,) = table.select(["in", "out"]).to_pylist()
        assert same == {"in": answer["in"], "out": answer["out"]} == {"in": row, "out": {"y\0": [2.0, 4.0, 6.0]}}
    tensor = {"name": "x\0", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}
    (output,) = json.loads(post(handler, {"inputs": [tensor]}, path="/v2/models/line/infer").body)["outputs"]
    assert (output["name"], output["data"]) == ("y\0", [2, 4, 6])
    assert [list(record.inputs) for record in log.records] == [["x\0", "a\0b"]] * 4 + [["x\0"]]


def test_no_rows_give_no_rows(handler: Handler, log: Memory) -> None:
    assert post(handler, []).body == b"[]"
    assert post(handler, [], "?dataset=in.x").body == b"[]"
    assert log.records == []


@pytest.mark.parametrize("values", [pa.array([], pa.list_(pa.float32())), pa.array([], pa.list_(pa.float64(), 3))])
@pytest.mark.parametrize("batches", [0, 1])
def test_no_arrow_rows_give_columns_with_their_types(handler: Handler, values: Any, batches: int) -> None:
    table = pa.table({"x": values, "id": pa.array([], pa.string()), "n": pa.array([], pa.int16())})
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        for _ in range(batches):
            writer.write_batch(pa.RecordBatch.from_pylist([], schema=table.schema))
    answer = pa.ipc.open_file(post(handler, sink.getvalue(), SDK_QUERY, accept=ARROW_FILE).body).read_all()
    assert answer.num_rows == 0
    assert {field.name: str(field.type) for field in answer.schema} == {
        "time": "int64",
        "in.x": f"list<item: {values.type.value_type}>",
        "in.id": "string",
        "in.n": "int16",
        "out.y": "list<inner: float not null>",
        "check_failures": "list<item: string>",
    }
    assert post(handler, sink.getvalue()).body == b"[]"


def test_every_inference_is_logged(handler: Handler, log: Memory) -> None:
    (row, _) = json.loads(post(handler, ROWS, SDK_QUERY).body)
    (record,) = log.records
    assert record.rows == 2
    assert record.time == row["time"]
    assert list(record.inputs) == ["x", "id"]
    assert np.asarray(record.outputs["y"]).tolist() == [[3, 4, 6], [8, 10, 12]]
    assert record.check_failures == []
    assert record.pipeline_version == "line-version"
    assert len(record.elapsed) == 2
    assert record.dropped == []


@pytest.mark.parametrize("echo_limit", [None, LOGGED_BYTES_PER_ROW])
def test_a_large_input_is_left_out_of_the_log_and_of_an_edges_answer(
    tmp_path: Path, make_handler: HandlerMaker, log: Memory, echo_limit: int | None
) -> None:
    size = LOGGED_BYTES_PER_ROW // 8 + 1
    pipeline = models.pipeline_of(models.doubling(tmp_path / "large.onnx", ("n", size)))
    (row,) = json.loads(post(make_handler(pipeline, echo_limit=echo_limit), [{"x": [0.5] * size, "id": "a"}]).body)
    (record,) = log.records
    assert list(record.inputs) == ["id"]
    assert record.dropped == ["in.x"]
    assert row["metadata"]["dropped"] == ([] if echo_limit is None else ["in.x"])
    assert row["in"] == {"x": [0.5] * size if echo_limit is None else None, "id": "a"}
    assert len(row["out"]["y"]) == size


def test_pipelines_and_models_are_listed(handler: Handler, doubling: Pipeline) -> None:
    model = doubling.spec.models[0]
    assert get(handler, "/pipelines").body == b'{"pipelines":[{"id":"line","status":"Running"}]}'
    assert get(handler, "/models/").body == (
        f'{{"models":[{{"name":"doubling","sha":"{model.sha}","status":"Running","version":"{model.version}"}}]}}'.encode()
    )
    assert get(handler, "/ready").status == 200
    assert get(handler, "/pipelines", method="HEAD").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/pipelines/line", 405),
        ("POST", "/pipelines", 405),
        ("DELETE", "/models", 405),
        ("POST", "/pipelines/other", 404),
        ("POST", "/pipelines/line/more", 404),
        ("GET", "/", 404),
        ("GET", "", 404),
        ("GET", "*", 404),
        ("GET", "/../models", 404),
    ],
)
def test_other_paths_and_methods_are_refused(handler: Handler, method: str, path: str, status: int) -> None:
    response = get(handler, path, method=method)
    assert response.status == status
    assert error_of(response)
    assert ("Allow" in response.headers) == (status == 405)


def test_an_encoded_name_and_the_short_path_reach_the_pipeline(handler: Handler) -> None:
    assert post(handler, ROWS, path="/pipelines/l%69ne").status == 200
    assert post(handler, ROWS, path="/infer").status == 200


def test_a_token_is_asked_for_everywhere_but_when_asking_for_readiness(
    make_handler: HandlerMaker, doubling: Pipeline
) -> None:
    handler = make_handler(doubling, token="t0ken")
    for headers in (
        {},
        {"authorization": "Bearer gu3ss"},
        {"authorization": "Basic t0ken"},
        {"authorization": "Bearer"},
    ):
        response = post(handler, ROWS, **headers)
        assert response.status == 401
        assert response.headers == {"WWW-Authenticate": "Bearer"}
        assert not re.search("t0ken|gu3ss", error_of(response))
        assert get(handler, "/models", **headers).status == 401
    assert post(handler, ROWS, authorization="Bearer t0ken").status == 200
    assert get(handler, "/pipelines", authorization="bearer  t0ken").status == 200
    assert get(handler, "/ready").status == 200


def test_a_failing_model_is_an_answer(tmp_path: Path, make_handler: HandlerMaker, log: Memory) -> None:
    handler = make_handler(models.pipeline_of(models.failing(tmp_path / "failing.onnx")))
    response = post(handler, [{"x": [1, 2, 3]}])
    assert response.status == 400
    assert error_of(response).startswith("Model failing failed on this input")
    assert log.records == []


@pytest.mark.parametrize(("columns", "length"), [(2000, 10), (1, 300_000)], ids=["many", "long"])
def test_large_names_of_columns_are_not_kept(handler: Handler, columns: int, length: int) -> None:
    post(handler, ROWS)
    tracemalloc.start()
    for request in range(16):
        post(handler, [{f"{request}-{number}".ljust(length): 0 for number in range(columns)}])
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1_000_000

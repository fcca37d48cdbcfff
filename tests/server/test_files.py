from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest
from jupyter_server.auth import Authorizer
from jupyter_server.auth.identity import User
from jupyter_server.base.handlers import JupyterHandler
from tornado.httpclient import HTTPResponse

from jupyter_edge.samples import path as sample
from jupyter_edge.server.glance import glance
from tests.engine.process import MODEL, EngineProcess
from tests.engine.scenes import ROW, Scene, make_scene
from tests.server.conftest import Fetch, eventually, fetch


async def post(jp_fetch: Fetch, route: str, **body: Any) -> HTTPResponse:
    return await fetch(jp_fetch, route, method="POST", body=json.dumps(body), request_timeout=300)


@pytest.fixture(scope="module")
def scene(running: EngineProcess) -> Iterator[tuple[Scene, int]]:
    scene = make_scene(running)
    deployment = scene.deploy()
    yield scene, deployment
    scene.undeploy(deployment)


async def test_a_file_of_the_server_becomes_a_model(engine: EngineProcess, jp_fetch: Fetch, jp_root_dir: Path) -> None:
    (jp_root_dir / "models").mkdir()
    (jp_root_dir / "models" / "my model.onnx").write_bytes(MODEL.read_bytes())
    workspace_id = engine.post("workspaces/create", workspace_name="from-a-file")["workspace_id"]
    answer = await post(jp_fetch, "upload", path="models/my model.onnx", name="m", workspace_id=workspace_id)
    assert answer.code == 200, answer.body
    job = json.loads(answer.body)["job"]
    await eventually(lambda: engine.post("jobs/get", id=job)["state"] == "succeeded")
    assert [model["name"] for model in engine.post("models/list", workspace_id=workspace_id)["models"]] == ["m"]


async def test_the_engine_says_what_is_wrong_with_an_upload(
    engine: EngineProcess, jp_fetch: Fetch, jp_root_dir: Path
) -> None:
    (jp_root_dir / "m.onnx").write_bytes(MODEL.read_bytes())
    answer = await post(jp_fetch, "upload", path="m.onnx", name="No Name!", workspace_id=1)
    assert answer.code == 400
    assert "No Name!" in json.loads(answer.body)["msg"]
    assert engine.token.encode() not in answer.body


async def test_a_large_file_is_uploaded_in_little_memory(
    engine: EngineProcess, jp_fetch: Fetch, jp_root_dir: Path
) -> None:
    with (jp_root_dir / "large.onnx").open("wb") as file:
        file.truncate(640 << 20)
    workspace_id = engine.post("workspaces/create", workspace_name="from-a-large-file")["workspace_id"]
    body = {"path": "large.onnx", "name": "large", "workspace_id": workspace_id}
    process = psutil.Process(os.getpid())
    before = peak = process.memory_info().rss
    uploading = asyncio.ensure_future(post(jp_fetch, "upload", **body))
    while not uploading.done():
        peak = max(peak, process.memory_info().rss)
        await asyncio.sleep(0.01)
    job = json.loads((await uploading).body)["job"]
    await eventually(lambda: engine.post("jobs/get", id=job)["state"] == "failed")  # all of it came; it is no model
    assert "ONNX" in engine.post("jobs/get", id=job)["error"]
    assert peak - before < 64 << 20


@pytest.mark.parametrize(
    "case",
    [
        ("../secret.onnx", 404),
        ("a/../../secret.onnx", 404),
        ("/../secret.onnx", 404),
        (".hidden/secret.onnx", 404),
        ("nothing.onnx", 404),
        ("a", 400),
        ("pipe.onnx", 400),
        ("", 400),
        (7, 400),
    ],
)
@pytest.mark.parametrize("route", ["upload", "infer"])
async def test_only_what_the_contents_manager_shows_is_read(
    engine: EngineProcess, jp_fetch: Fetch, jp_root_dir: Path, route: str, case: tuple[object, int]
) -> None:
    path, code = case
    (jp_root_dir / "a").mkdir()
    (jp_root_dir / ".hidden").mkdir()
    for place in (jp_root_dir.parent, jp_root_dir / ".hidden"):
        (place / "secret.onnx").write_bytes(MODEL.read_bytes())
        (place / "secret.json").write_bytes(b"[]")
    os.mkfifo(jp_root_dir / "pipe.onnx")
    os.mkfifo(jp_root_dir / "pipe.json")
    if route == "infer" and isinstance(path, str):
        path = path.replace(".onnx", ".json")
    body = {"path": path, "name": "m", "workspace_id": 1, "pipeline": "p", "deployment": 1}
    answer = await post(jp_fetch, route, **body)
    assert answer.code == code, answer.body
    assert "outside" not in json.loads(answer.body).get("msg", "")


class NoContents(Authorizer):
    """Lets everybody do everything but touch the server's files."""

    def is_authorized(self, handler: JupyterHandler, user: User, action: str, resource: str) -> bool:
        return resource != "contents"


@pytest.mark.parametrize("jp_argv", [[f"--ServerApp.authorizer_class={NoContents.__module__}.NoContents"]])
@pytest.mark.parametrize("route", ["upload", "infer"])
async def test_files_that_may_not_be_read_are_not_sent(
    engine: EngineProcess, jp_fetch: Fetch, jp_root_dir: Path, route: str
) -> None:
    (jp_root_dir / "m.arrow").write_bytes(MODEL.read_bytes())
    body = {"path": "m.arrow", "name": "m", "workspace_id": 1, "pipeline": "p", "deployment": 1}
    assert (await post(jp_fetch, route, **body)).code == 403


async def test_answers_stand_beside_the_file_that_was_asked_with(
    engine: EngineProcess, jp_fetch: Fetch, jp_root_dir: Path, scene: tuple[Scene, int]
) -> None:
    made, deployment = scene
    (jp_root_dir / "data").mkdir()
    (jp_root_dir / "data" / "transactions.arrow").write_bytes(sample("transactions.arrow").read_bytes())
    for name in (f"transactions.{made.name}.arrow", f"transactions1.{made.name}.arrow"):  # the first is not replaced
        body = {"path": "data/transactions.arrow", "pipeline": made.name, "deployment": deployment}
        answer = json.loads((await post(jp_fetch, "infer", **body)).body)
        assert answer["path"] == f"data/{name}"
        assert answer["rows"] == 1000
        assert answer["columns"][0] == "out.fraud_probability"
        assert len(answer["head"]) == 20
    with pa.ipc.open_file(str(jp_root_dir / "data" / name)) as written:
        table = written.read_all()
    assert table.num_rows == 1000
    assert answer["head"][0][0] == f"[{table['out.fraud_probability'][0].as_py()[0]:.6g}]"
    assert (
        sorted(path.name for path in (jp_root_dir / "data").iterdir())[0] == "transactions.arrow"
    )  # nothing half-made


async def test_records_are_answered_as_well(
    engine: EngineProcess, jp_fetch: Fetch, jp_root_dir: Path, scene: tuple[Scene, int]
) -> None:
    made, deployment = scene
    (jp_root_dir / "rows.json").write_text(json.dumps([ROW] * 3))
    answer = await post(jp_fetch, "infer", path="rows.json", pipeline=made.name, deployment=deployment)
    assert json.loads(answer.body)["rows"] == 3


async def test_a_file_that_a_pipeline_cannot_read_leaves_none_beside_it(
    engine: EngineProcess, jp_fetch: Fetch, jp_root_dir: Path, scene: tuple[Scene, int]
) -> None:
    made, deployment = scene
    (jp_root_dir / "rows.json").write_text("{")
    answer = await post(jp_fetch, "infer", path="rows.json", pipeline=made.name, deployment=deployment)
    assert answer.code == 400
    assert "JSON" in json.loads(answer.body)[0]["error"]
    gone = await post(jp_fetch, "infer", path="rows.json", pipeline=made.name, deployment=10**6)
    assert gone.code == 404
    elsewhere = await post(jp_fetch, "infer", path="rows.json", pipeline="../up", deployment=deployment)
    assert elsewhere.code == 400
    assert [path.name for path in jp_root_dir.iterdir()] == ["rows.json"]


@pytest.mark.parametrize("jp_argv", [["--ServerApp.contents_manager_class=tests.server.contents.Memory"]])
async def test_files_that_are_elsewhere_come_by_the_contents_manager(
    engine: EngineProcess, jp_fetch: Fetch, jp_serverapp: Any, scene: tuple[Scene, int]
) -> None:
    made, deployment = scene
    contents = jp_serverapp.contents_manager
    contents.files = {"m.onnx": MODEL.read_bytes(), "rows.json": json.dumps([ROW]).encode()}
    uploaded = await post(jp_fetch, "upload", path="m.onnx", name="remote", workspace_id=made.workspace_id)
    assert uploaded.code == 200, uploaded.body
    answer = await post(jp_fetch, "infer", path="rows.json", pipeline=made.name, deployment=deployment)
    name = json.loads(answer.body)["path"]
    assert pa.ipc.open_file(contents.files[name]).read_all().num_rows == 1


def test_a_glance_shows_little_of_much(tmp_path: Path) -> None:
    columns = {"in.t": [[float(n) for n in range(1000)]], "out.name": ["x" * 500], "out.none": [None], "time": [1]}
    table = pa.table(columns)
    file = tmp_path / "t.arrow"
    with pa.ipc.new_file(str(file), table.schema) as writer:
        writer.write_table(table)
    shown = glance(file)
    assert (shown["rows"], shown["columns"]) == (1, ["out.name", "out.none", "in.t"])
    assert shown["head"] == [["x" * 120 + "…", "", "[0, 1, 2, 3, 4, 5, … (1000)]"]]

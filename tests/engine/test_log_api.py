from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import sessionmaker

from jupyter_edge.core.records import InferenceRecord
from jupyter_edge.core.secret import Secret, hash_token, new_token
from jupyter_edge.engine.tables import Edge, Publish, User
from jupyter_edge.logs.shipper import Shipper
from jupyter_edge.logs.spool import Spool
from tests.engine.process import EngineProcess
from tests.logs.helpers import record, wait_until

ARROW = {"Accept": "application/vnd.apache.arrow.file"}
START = 1_700_000_000_000


@dataclass
class EdgeScene:
    """A pipeline with one edge that has joined, and what it takes to log under the edge's name."""

    engine: EngineProcess
    pipeline_id: int
    pipeline: str
    workspace_id: int
    edge: str
    credential: str
    spool: Spool
    shipper: Shipper

    @property
    def topic(self) -> str:
        return f"workspace-{self.workspace_id}-pipeline-{self.pipeline}-inference"

    def log(self, *records: InferenceRecord) -> None:
        for one in records:
            self.spool.append(one)
        self.spool.flush()
        wait_until(lambda: self.shipper.backlog[0] == 0)

    def read(self, positions: dict[str, int] | None = None, /, **parameters: Any) -> tuple[pa.Table, dict[str, Any]]:
        answer = self.engine.client.post(
            f"/v1/logs/topic/{self.topic}/records", params=parameters, json=positions or {}, headers=ARROW
        )
        assert answer.is_success, answer.text
        assert answer.headers["content-type"] == ARROW["Accept"]
        table = pa.ipc.open_file(answer.content).read_all()
        status = json.loads(answer.headers["x-iteration-status"])
        if table.num_rows:
            assert json.loads(table.schema.metadata[b"status"]) == status
        return table, status


@pytest.fixture
def scene(engine: EngineProcess, workspace_id: int, new_name: Callable[[], str], tmp_path: Path) -> Iterator[EdgeScene]:
    """Make the pipeline by the API, and its publish and edge, without a registry, in the engine's database."""
    pipeline, name, credential = new_name(), new_name(), new_token()
    made = engine.post("pipelines/create", pipeline_id=pipeline, workspace_id=workspace_id, definition={"steps": []})
    database = create_engine(f"sqlite:///{engine.home.database}", connect_args={"timeout": 30})
    with sessionmaker(database).begin() as session:
        publish = Publish(
            pipeline_version_id=made["pipeline_variant_pk_id"],
            status="Published",
            created_by=session.scalars(select(User.id)).first(),
            model_config_ids=[],
            engine_config={},
        )
        session.add(publish)
        session.flush()
        hashed = hash_token(credential)
        session.add(Edge(name=name, publish_id=publish.id, tags=[], cpus=1.0, memory="1Gi", credential_hash=hashed))
    database.dispose()
    spool = Spool(tmp_path / "spool.db", name)
    shipper = Shipper(spool.path, engine.url, Secret(credential))
    shipper.start()
    yield EdgeScene(engine, made["pipeline_pk_id"], pipeline, workspace_id, name, credential, spool, shipper)
    shipper.stop(5)
    spool.close()


def test_a_pipelines_topic_names_its_workspace_and_its_partitions(scene: EdgeScene) -> None:
    named = scene.engine.post("plateau/get_topic_name", pipeline_pk_id=scene.pipeline_id)
    assert named == {"topic_name": scene.topic}
    scene.log(record(0, 5))
    topic = scene.engine.client.get(f"/v1/logs/topic/{scene.topic}").json()
    assert topic["partitions"] == {scene.edge: {"start": 0, "end": 5}}
    assert topic["bytes"] > 100


@pytest.mark.parametrize("topic", ["model-m-inference", "workspace-1-pipeline-none-inference", "rubbish"])
def test_an_unknown_topic_is_empty(engine: EngineProcess, topic: str) -> None:
    assert engine.client.get(f"/v1/logs/topic/{topic}").json() == {"partitions": {}, "bytes": 0}
    answer = engine.client.post(f"/v1/logs/topic/{topic}/records", json={}, headers=ARROW)
    table = pa.ipc.open_file(answer.content).read_all()
    assert (answer.status_code, table.num_columns, table.schema.metadata) == (200, 0, None)


def test_rows_of_an_edge_are_read_flat_newest_first(scene: EdgeScene) -> None:
    scene.log(record(0, 3), record(3, 1))
    flat = {"dataset.separator": "."}
    table, status = scene.read(page_size=2, order="desc", **{"dataset[]": ["*"]}, **flat)
    assert table.column_names == [
        "time",
        "in.tensor",
        "out.number",
        "check_failures",
        "metadata.last_model",
        "metadata.pipeline_version",
        "metadata.elapsed",
        "metadata.dropped",
        "metadata.partition",
    ]
    assert table["out.number"].to_pylist() == [[3], [2]]
    assert table["time"].type == pa.int64()
    assert table["metadata.partition"].to_pylist() == [scene.edge] * 2
    assert status == {"status": "RecordLimited", "next": {scene.edge: 2}}
    table, status = scene.read(status["next"], page_size=2, order="desc", **flat)
    assert table["out.number"].to_pylist() == [[1], [0]]
    table, status = scene.read(status["next"], page_size=2, order="desc", **flat)
    assert (table.num_rows, status["next"]) == (0, {scene.edge: 0})


def test_a_dataset_selects_fields_and_groups(scene: EdgeScene) -> None:
    scene.log(record(0))
    wanted: dict[str, Any] = {"dataset[]": ["time", "out", "metadata"], "dataset.separator": "."}
    metadata = [f"metadata.{name}" for name in ("last_model", "pipeline_version", "elapsed", "dropped", "partition")]
    assert scene.read(**wanted)[0].column_names == ["time", "out.number", *metadata]
    wanted = {"dataset[]": ["*"], "dataset.exclude[]": ["metadata", "in"], "dataset.separator": "/"}
    assert scene.read(**wanted)[0].column_names == ["time", "out/number", "check_failures"]
    nested = scene.read(**{"dataset[]": ["metadata.elapsed", "in"]})[0]
    assert nested.to_pylist() == [{"metadata": {"elapsed": [100, 200]}, "in": {"tensor": [0.0, 0.0, 0.0]}}]
    refused = scene.engine.client.post(
        f"/v1/logs/topic/{scene.topic}/records", params={"dataset[]": "out.nothing"}, json={}
    )
    assert (refused.status_code, "out.nothing" in refused.json()["msg"]) == (400, True)


def test_times_are_inclusive_and_give_the_oldest_first(scene: EdgeScene) -> None:
    scene.log(*(record(0, time=START + second * 1000, outputs={"number": np.array([[second]])}) for second in range(5)))
    between = {"time.start": "2023-11-14T22:13:21+00:00", "time.end": "2023-11-14T22:13:23Z"}
    table, status = scene.read(**between, **{"dataset.separator": "."})
    assert table["out.number"].to_pylist() == [[1], [2], [3]]
    assert status["status"] == "All"
    url = f"/v1/logs/topic/{scene.topic}/records"
    for wrong in ({**between, "order": "desc"}, {"time.start": "soon"}, {"page_size": "0"}, {"order": "sideways"}):
        answer = scene.engine.client.post(url, params=wrong, json={})
        assert (answer.status_code, answer.json()["code"]) == (400, 400), wrong
    for body in ("[]", '{"a": "b"}', '{"a": -1}', "{"):
        assert scene.engine.client.post(url, content=body).status_code == 400


def test_following_next_from_the_topics_positions_ends_in_an_empty_page(scene: EdgeScene) -> None:
    scene.log(*(record(number) for number in range(30)))
    positions = {scene.edge: 5}
    found: list[int] = []
    while True:
        table, status = scene.read(positions, page_size=10, **{"dataset[]": ["*"]})
        if not table.num_rows:
            break
        found += [row["out"]["number"][0] for row in table.to_pylist()]
        positions = status["next"]
    assert found == list(range(5, 30))


def test_get_logs_leaves_out_what_the_caller_does_not_want(scene: EdgeScene) -> None:
    scene.log(record(0))
    body = {"pipeline_name": scene.pipeline, "workspace_id": scene.workspace_id}
    address = "/v1/api/pipelines/get_logs?dataset.exclude=in&dataset.exclude=out&dataset.separator=."
    (row,) = scene.engine.client.post(address, json=body).json()
    assert set(row) == {"time", "check_failures", "metadata"}
    assert row["metadata"]["partition"] == scene.edge


def test_get_logs_answers_nested_json_with_a_cursor(scene: EdgeScene) -> None:
    value = np.array([[1.0094898]], np.float32)
    scene.log(record(0), record(1, outputs={"variable": value}), record(2, outputs={"variable": value}))
    body: dict[str, Any] = {"pipeline_name": scene.pipeline, "workspace_id": scene.workspace_id, "page_size": 1}
    answer = scene.engine.client.post("/v1/api/pipelines/get_logs", json=body)
    assert answer.headers["content-type"] == "application/json; format=pandas-records"
    assert answer.headers["x-iteration-status"] == "RecordLimited"
    assert '"variable":[1.0094898]' in answer.text
    assert answer.json() == [
        {
            "time": START + 2,
            "in": {"tensor": [2.0, 2.0, 2.0]},
            "out": {"variable": [1.0094898]},
            "check_failures": [],
            "metadata": {
                "last_model": record(0).last_model,
                "pipeline_version": record(0).pipeline_version,
                "elapsed": [100, 200],
                "dropped": [],
                "partition": scene.edge,
            },
        }
    ]
    statuses = []
    while cursor := answer.headers.get("x-iteration-cursor"):
        answer = scene.engine.client.post("/v1/api/pipelines/get_logs", json={**body, "page_size": 5, "cursor": cursor})
        statuses.append((answer.headers["x-iteration-status"], [row["time"] - START for row in answer.json()]))
    assert statuses == [("SchemaChange", [1]), ("All", [0])]
    arrow = scene.engine.client.post("/v1/api/pipelines/get_logs", json={**body, "order": "Asc"}, headers=ARROW)
    assert pa.ipc.open_file(arrow.content).read_all().to_pylist()[0]["out"] == {"number": [0]}
    assert scene.engine.client.post("/v1/api/pipelines/get_logs", json={**body, "cursor": "?"}).status_code == 400
    body["pipeline_name"] = "nothing"
    assert scene.engine.client.post("/v1/api/pipelines/get_logs", json=body).status_code == 404


def test_an_edge_needs_its_credential_and_well_formed_headers(scene: EdgeScene) -> None:
    url = f"{scene.engine.url}/v1/api/edges/logs"
    headers = {"Jupyter-Edge-Epoch": "e", "Jupyter-Edge-Sequence": "1", "Jupyter-Edge-Dropped-Rows": "0"}
    own = {"Authorization": f"Bearer {scene.credential}"}
    assert httpx.post(url, headers=headers).status_code == 401
    stranger = httpx.post(url, headers={**headers, "Authorization": f"Bearer {scene.engine.token}"})
    assert (stranger.status_code, "msg" in stranger.json()) == (403, True)
    for changes in (
        {"Jupyter-Edge-Epoch": ""},
        {"Jupyter-Edge-Sequence": "1,"},
        {"Jupyter-Edge-Sequence": "2,1"},
        {"Jupyter-Edge-Dropped-Rows": "-1"},
        {},
    ):
        answer = httpx.post(url, headers=headers | own | changes, content=b"rubbish")
        assert (answer.status_code, answer.json()["code"]) == (400, 400)
    scene.log(record(0))
    edges = scene.engine.post("pipelines/list_edges", pipeline_id=scene.pipeline_id)["edges"]
    assert edges[0]["last_seen"]
    assert (edges[0]["rows"], edges[0]["dropped_rows"]) == (1, 0)


def test_a_shipment_over_the_limit_is_refused(scene: EdgeScene) -> None:
    headers = {
        "Jupyter-Edge-Epoch": "e",
        "Jupyter-Edge-Sequence": "1",
        "Jupyter-Edge-Dropped-Rows": "0",
        "Authorization": f"Bearer {scene.credential}",
    }
    chunks = (b"\0" * (1 << 20) for _ in range(65))
    answer = httpx.post(f"{scene.engine.url}/v1/api/edges/logs", headers=headers, content=chunks, timeout=30)
    assert answer.status_code == 413


def test_a_row_appears_soon_after_it_was_logged_on_an_edge(scene: EdgeScene) -> None:
    scene.spool.append(record(42))
    wait_until(lambda: scene.read()[0].num_rows == 1, seconds=5)


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_rows_of_some_partitions_only_can_be_read(scene: EdgeScene, order: str) -> None:
    scene.log(*(record(number) for number in range(5)))
    table, status = scene.read(page_size=3, order=order, **{"partition[]": [scene.edge]})
    assert table.num_rows == 3
    assert set(status["next"]) == {scene.edge}
    assert scene.read(order=order, **{"partition[]": ["another"]})[0].num_rows == 0
    assert scene.read(order=order, **{"partition[]": ["another", scene.edge]})[0].num_rows == 5

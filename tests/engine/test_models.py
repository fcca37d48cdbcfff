from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from jupyter_edge.core.errors import ConflictError, EntityNotFoundError
from jupyter_edge.core.pipeline import ModelRef, definition_of
from jupyter_edge.engine import models, tables
from jupyter_edge.engine.database import open_database
from tests.engine.process import MODEL, EngineProcess

SHA = hashlib.sha256(MODEL.read_bytes()).hexdigest()


@pytest.fixture
def version_id(engine: EngineProcess, workspace_id: int) -> int:
    return engine.add_model("fraud", workspace_id)


def test_a_version_comes_with_its_file_and_a_first_config(
    engine: EngineProcess, workspace_id: int, version_id: int
) -> None:
    found = engine.post("models/get_version_by_id", model_version_id=version_id)["model_version"]
    info = found["model_version"].pop("file_info")
    (row,) = engine.post("models/get", id=_model_id(engine, workspace_id))["models"]
    assert str(uuid.UUID(info.pop("version"))) == row["model_version"]
    schema = found["model_version"].pop("schema")
    assert schema["inputs"] == [{"name": "transaction", "dtype": "float32", "shape": [None, 29]}]
    assert "class_names" not in schema
    assert info == {"file_name": "model.onnx", "sha": SHA, "size": MODEL.stat().st_size}
    assert found["model_version"] == {
        "id": version_id,
        "name": "fraud",
        "visibility": "private",
        "workspace_id": workspace_id,
        "conversion": {"framework": "onnx", "arch": None, "python_version": "3.8", "requirements": []},
        "image_path": None,
        "status": "ready",
        "task_id": None,
    }
    assert found["config"].pop("id") > 0
    assert found["config"] == {
        "model_version_id": version_id,
        "runtime": "onnx",
        "tensor_fields": None,
        "filter_threshold": None,
        "input_schema": None,
        "output_schema": None,
        "batch_config": None,
        "dynamic_batching_config": None,
    }


def _model_id(engine: EngineProcess, workspace_id: int) -> int:
    (model,) = engine.post("models/list", workspace_id=workspace_id)["models"]
    model_id: int = model["id"]
    return model_id


def test_a_new_config_is_a_new_row_and_the_newest_from_then_on(engine: EngineProcess, version_id: int) -> None:
    first = engine.post("models/get_config_by_id", model_id=version_id)["model_config"]
    schema = base64.b64encode(b"an Arrow schema").decode()
    settings = {"tensor_fields": ["tensor"], "filter_threshold": 0.5, "input_schema": schema, "batch_config": "single"}
    made = engine.post("models/insert_model_config", model_version_id=version_id, **settings)["model_config"]
    assert made["id"] > first["id"]
    assert engine.post("models/get_config_by_id", model_id=version_id)["model_config"] == made
    assert (
        made
        == {
            "id": made["id"],
            "model_version_id": version_id,
            "runtime": "onnx",
            "output_schema": None,
            "dynamic_batching_config": None,
        }
        | settings
    )
    assert engine.post("models/get_config_by_id", model_id=version_id)["model_config"] == made
    plain = engine.post("models/insert_model_config", model_version_id=version_id, tensor_fields=[])["model_config"]
    assert plain["tensor_fields"] is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tensor_fields": ["a", "b"]}, "takes ['transaction']"),
        ({"tensor_fields": [""]}, "tensor_fields.0"),
        ({"tensor_fields": "tensor"}, "tensor_fields"),
        ({"batch_config": "many"}, "'single'"),
        ({"batch_config": "single", "dynamic_batching_config": {}}, "give one of them"),
        ({"dynamic_batching_config": {"batch_size_target": 0}}, "batch_size_target"),
        ({"dynamic_batching_config": {"batch_size_target": 4, "batch_size_limit": 3}}, "at least the target"),
        ({"input_schema": "not base64!"}, "input_schema"),
        ({"filter_threshold": "high"}, "filter_threshold"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(
    engine: EngineProcess, version_id: int, settings: dict[str, Any], said: str
) -> None:
    before = engine.post("models/get_config_by_id", model_id=version_id)
    answer = engine.client.post("/v1/api/models/insert_model_config", json={"model_version_id": version_id} | settings)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert said in answer.json()["msg"]
    assert engine.post("models/get_config_by_id", model_id=version_id) == before


def test_uploading_a_name_again_adds_a_version(engine: EngineProcess, workspace_id: int, version_id: int) -> None:
    second = engine.add_model("fraud", workspace_id)
    model = engine.post("models/get", id=_model_id(engine, workspace_id))
    assert [row["id"] for row in model["models"]] == [version_id, second]
    assert model["updated_at"] > model["created_at"]
    for row in model["models"]:
        assert (row["sha"], row["model_id"], row["models_pk_id"]) == (SHA, "fraud", model["id"])
        assert (row["file_name"], row["image_path"], row["owner_id"]) == ("model.onnx", None, '""')
    assert engine.post("models/list_versions", model_id="fraud", models_pk_id=model["id"]) == model["models"]
    by_id = engine.post("models/get_by_id", id=model["id"])
    assert (by_id["workspace_id"], by_id["model_config"]["model_version_id"]) == (workspace_id, second)


def test_models_are_listed_newest_first_and_by_workspace(
    engine: EngineProcess, workspace_id: int, new_name: Callable[[], str]
) -> None:
    for name in ("first", "second"):
        engine.add_model(name, workspace_id)
    assert [item["name"] for item in engine.post("models/list", workspace_id=workspace_id)["models"]] == [
        "second",
        "first",
    ]
    other = engine.post("workspaces/create", workspace_name=new_name())["workspace_id"]
    assert engine.post("models/list", workspace_id=other) == {"models": []}
    assert len(engine.post("models/list")["models"]) >= 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("get", {"id": 10**9}),
        ("get_by_id", {"id": 10**9}),
        ("delete", {"id": 10**9}),
        ("list", {"workspace_id": 10**9}),
        ("list_versions", {"models_pk_id": 10**9, "model_id": "a"}),
        ("get_version_by_id", {"model_version_id": 10**9}),
        ("get_config_by_id", {"model_id": 10**9}),
        ("insert_model_config", {"model_version_id": 10**9}),
    ],
)
def test_what_is_not_there_is_not_found(engine: EngineProcess, path: str, body: dict[str, Any]) -> None:
    answer = engine.client.post(f"/v1/api/models/{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.NOT_FOUND, HTTPStatus.NOT_FOUND)


def test_a_deleted_model_is_gone_with_its_versions(engine: EngineProcess, workspace_id: int, version_id: int) -> None:
    model_id = _model_id(engine, workspace_id)
    assert engine.post("models/delete", id=model_id) is None
    assert engine.post("models/list", workspace_id=workspace_id) == {"models": []}
    answer = engine.client.post("/v1/api/models/get_version_by_id", json={"model_version_id": version_id})
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert engine.add_model("fraud", workspace_id) > version_id


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return open_database(tmp_path / "engine.db")()


def _use_model(session: Session, *, by_step: bool) -> tuple[tables.Model, tables.PipelineVersion, list[int]]:
    user = tables.User(email="me@localhost")
    session.add(user)
    session.flush()
    workspace = tables.Workspace(name="work", created_by=user.id)
    version = tables.ModelVersion(
        sha=SHA, size=1, file_name="m", conversion={}, schema={}, configs=[tables.ModelConfig()]
    )
    model = tables.Model(name="fraud", workspace=workspace, versions=[version])
    pipeline = tables.Pipeline(name="watch", workspace=workspace)
    session.add_all([model, pipeline])
    session.flush()
    steps = [ModelRef(model.name, version.version, SHA)] if by_step else []
    pipeline_version = tables.PipelineVersion(pipeline=pipeline, definition=definition_of("watch", steps))
    session.add(pipeline_version)
    session.flush()
    return model, pipeline_version, [] if by_step else [version.configs[0].id]


@pytest.mark.parametrize("by_step", [True, False])
def test_a_model_that_a_deployment_runs_is_not_deleted(session: Session, by_step: bool) -> None:
    model, version, configs = _use_model(session, by_step=by_step)
    deployment = tables.Deployment(
        pipeline=version.pipeline,
        pipeline_version=version,
        deployed=True,
        model_config_ids=configs,
        engine_config={},
    )
    session.add(deployment)
    with pytest.raises(ConflictError, match="deployment of pipeline 'watch'"):
        models.delete_model(session, model.id)
    deployment.deployed = False
    models.delete_model(session, model.id)
    session.flush()
    with pytest.raises(EntityNotFoundError):
        models.get_model(session, model.id)


@pytest.mark.parametrize("by_step", [True, False])
def test_a_model_that_a_publish_names_is_not_deleted(session: Session, by_step: bool) -> None:
    model, version, configs = _use_model(session, by_step=by_step)
    owner = model.workspace.created_by
    session.add(tables.Publish(pipeline_version=version, created_by=owner, model_config_ids=configs, engine_config={}))
    with pytest.raises(ConflictError, match="publish 1 of pipeline 'watch'"):
        models.delete_model(session, model.id)

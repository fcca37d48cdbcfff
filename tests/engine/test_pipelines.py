from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .process import EngineProcess
from .scenes import Scene, create, make_scene


@pytest.fixture
def scene(engine: EngineProcess) -> Scene:
    return make_scene(engine)


def test_creating_a_pipeline_again_adds_a_version_to_it_and_moves_only_updated_at(scene: Scene) -> None:
    before = scene.engine.post("pipelines/get", id=scene.pipeline_id)
    made = create(scene.engine, scene.workspace_id, scene.name, {})
    after = scene.engine.post("pipelines/get", id=scene.pipeline_id)
    assert made["pipeline_pk_id"] == scene.pipeline_id
    assert [version["version"] for version in after["versions"]] == [
        made["pipeline_variant_version"],
        *(version["version"] for version in before["versions"]),
    ]
    assert after["created_at"] == before["created_at"]
    assert after["updated_at"] > before["updated_at"]


def test_a_new_pipeline_has_steps_and_is_neither_deployed_nor_published(scene: Scene) -> None:
    pipeline = scene.engine.post("pipelines/get", id=scene.pipeline_id)
    assert pipeline["deployment"] is None
    assert pipeline["steps"] == ["ccfraud"]
    assert pipeline["published"] is False
    assert [version["id"] for version in pipeline["versions"]] == [scene.version_id, scene.empty_version_id]
    assert pipeline["versions"][1]["definition"] == {}


def test_the_same_name_makes_another_pipeline_in_another_workspace(scene: Scene) -> None:
    other = make_scene(scene.engine)
    made = create(scene.engine, other.workspace_id, scene.name, {})
    named = scene.engine.post("pipelines/list", name=scene.name)["pipelines"]
    assert [pipeline["id"] for pipeline in named] == [made["pipeline_pk_id"], scene.pipeline_id]


def test_a_version_is_found_by_its_uuid(scene: Scene) -> None:
    newest = scene.engine.post("pipelines/get", id=scene.pipeline_id)["versions"][0]
    found = scene.engine.post("pipelines/get_version", version=newest["version"])
    assert found == {"pipeline_id": scene.name, "version": newest["version"], "definition": scene.definition}


@pytest.mark.parametrize(
    ("definition", "status", "words"),
    [
        ({"steps": [{"ModelInference": {"models": [{"name": "none", "version": "v", "sha": "s"}]}}]}, 404, "none"),
        ({"steps": [{"Nonsense": {}}]}, 400, "Nonsense"),
        ({"steps": 1}, 400, "steps"),
    ],
)
def test_steps_that_cannot_run_are_refused(scene: Scene, definition: Any, status: int, words: str) -> None:
    body = {"pipeline_id": scene.name, "workspace_id": scene.workspace_id, "definition": definition}
    answer = scene.engine.client.post("/v1/api/pipelines/create", json=body)
    assert answer.status_code == status
    assert words in answer.json()["msg"]


@pytest.mark.parametrize("name", ["Upper", "-first", "last-", "a_b", "x" * 64, ""])
def test_a_name_that_could_not_name_a_repository_is_refused(scene: Scene, name: str) -> None:
    body = {"pipeline_id": name, "workspace_id": scene.workspace_id, "definition": {}}
    assert scene.engine.client.post("/v1/api/pipelines/create", json=body).status_code == 400


def test_many_requests_at_once_make_one_pipeline_with_a_version_each(scene: Scene) -> None:
    name = f"{scene.name}-2"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: create(scene.engine, scene.workspace_id, name, {}), range(16)))
    assert len({item["pipeline_pk_id"] for item in made}) == 1
    assert len({item["pipeline_variant_version"] for item in made}) == 16


def test_a_deleted_pipeline_is_gone_and_its_id_never_comes_back(scene: Scene) -> None:
    scene.engine.post("pipelines/delete", id=scene.pipeline_id)
    answer = scene.engine.client.post("/v1/api/pipelines/get", json={"id": scene.pipeline_id})
    assert answer.status_code == 404
    assert create(scene.engine, scene.workspace_id, scene.name, {})["pipeline_pk_id"] > scene.pipeline_id

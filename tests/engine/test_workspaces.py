from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import pytest

from tests.engine.process import EngineProcess


def test_a_new_workspace_is_listed_with_all_its_keys(engine: EngineProcess, new_name: Callable[[], str]) -> None:
    name = new_name()
    workspace_id = engine.post("workspaces/create", workspace_name=name)["workspace_id"]
    (listed,) = [item for item in engine.post("workspaces/list")["workspaces"] if item["name"] == name]
    owner = engine.post("users/me")["id"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", listed.pop("created_at"))
    assert listed == {
        "id": workspace_id,
        "name": name,
        "created_by": owner,
        "archived": False,
        "models": [],
        "pipelines": [],
    }
    assert engine.post("workspaces/get", id=workspace_id)["name"] == name


def test_a_workspace_names_its_models(engine: EngineProcess, workspace_id: int) -> None:
    version_id = engine.add_model("held", workspace_id)
    (model,) = engine.post("models/list", workspace_id=workspace_id)["models"]
    assert engine.post("workspaces/get", id=workspace_id)["models"] == [model["id"]]
    assert version_id > 0


def test_workspaces_can_be_listed_by_who_made_them(engine: EngineProcess, workspace_id: int) -> None:
    me = engine.post("users/me")["id"]
    assert workspace_id in [item["id"] for item in engine.post("workspaces/list", user_id=me)["workspaces"]]
    assert engine.post("workspaces/list", user_id="somebody else") == {"workspaces": []}


def test_a_taken_name_is_refused(engine: EngineProcess, new_name: Callable[[], str]) -> None:
    name = new_name()

    def create() -> int:
        return engine.client.post("/v1/api/workspaces/create", json={"workspace_name": name}).status_code

    with ThreadPoolExecutor() as pool:
        statuses = [future.result() for future in [pool.submit(create) for _ in range(8)]]
    assert sorted(statuses) == [HTTPStatus.OK] + [HTTPStatus.CONFLICT] * 7
    answer = engine.client.post("/v1/api/workspaces/create", json={"workspace_name": name})
    assert name in answer.json()["msg"]


@pytest.mark.parametrize("name", ["", "1st", "ends-", "under_score", "a" * 64, "../up", "a\nb"])
def test_a_name_that_breaks_the_rules_is_refused(engine: EngineProcess, name: str) -> None:
    answer = engine.client.post("/v1/api/workspaces/create", json={"workspace_name": name})
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "cannot name a workspace" in answer.json()["msg"]


def test_an_empty_workspace_can_be_deleted_and_its_id_is_not_given_again(
    engine: EngineProcess, workspace_id: int, new_name: Callable[[], str]
) -> None:
    assert engine.post("workspaces/delete", id=workspace_id) is None
    answer = engine.client.post("/v1/api/workspaces/get", json={"id": workspace_id})
    assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.NOT_FOUND, HTTPStatus.NOT_FOUND)
    assert engine.post("workspaces/create", workspace_name=new_name())["workspace_id"] > workspace_id


def test_a_workspace_that_holds_something_is_not_deleted_but_says_what(
    engine: EngineProcess, workspace_id: int
) -> None:
    engine.add_model("precious", workspace_id)
    answer = engine.client.post("/v1/api/workspaces/delete", json={"id": workspace_id})
    assert answer.status_code == HTTPStatus.CONFLICT
    assert "model 'precious'" in answer.json()["msg"]
    assert engine.post("workspaces/get", id=workspace_id)["models"]

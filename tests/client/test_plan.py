from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_edge.client import Client, apply_declaration, plan_declaration, read_declaration
from jupyter_edge.client.declaration import Declaration
from jupyter_edge.core.errors import EntityNotFoundError


@pytest.fixture
def declare(ccfraud: Path) -> Callable[..., Declaration]:
    def read(edge: str, cpus: float = 1) -> Declaration:
        limits = f"{{replicas: 1, cpus: {cpus}, memory: 900Mi}}"
        step = f"{{model: ccfraud, file: {ccfraud}, tensor_fields: [tensor]}}"
        text = f"steps: [{step}]\ndeployment: {limits}\npublish: {limits}\nedges: [{{name: {edge}, tags: [berlin]}}]"
        return read_declaration(text)

    return read


def signs(client: Client, name: str, declaration: Declaration) -> dict[str, str]:
    return {change.subject: change.sign for change in plan_declaration(client, name, declaration)}


def test_applying_changes_what_differs_and_nothing_else(
    client: Client, new_name: Callable[[], str], declare: Callable[..., Declaration]
) -> None:
    name, edge = new_name(), new_name()
    parts = ["model ccfraud", "steps", "deployment", "publish", f"edge {edge}"]
    assert signs(client, name, declare(edge)) == dict.fromkeys(parts, "+")
    assert list(client.list_pipelines(client.get_current_workspace())) == []
    made = apply_declaration(client, name, declare(edge))
    assert made.edges[edge].has_bundle
    assert signs(client, name, declare(edge)) == dict.fromkeys(parts, "=")

    again = apply_declaration(client, name, declare(edge))
    assert not again.edges[edge].has_bundle
    assert [one.name() for one in again.pipeline.versions()] == [one.name() for one in made.pipeline.versions()]
    assert len(again.pipeline.publishes()) == 1
    assert "= publish" in str(again)

    changed = signs(client, name, declare(edge, cpus=0.5))
    assert changed == dict.fromkeys(parts, "=") | {"deployment": "~", "publish": "~"}
    less = read_declaration("steps: [{model: ccfraud}]")
    assert signs(client, name, less) == {
        "model ccfraud": "=",
        "steps": "=",
        "deployment": "=",
        f"edge {edge}": "=",
    }
    apply_declaration(client, name, less)
    assert made.pipeline.status()["status"] == "Running"
    made.pipeline.undeploy()


def test_limits_that_are_not_declared_read_alike_before_and_after(
    client: Client, new_name: Callable[[], str], ccfraud: Path
) -> None:
    name, declaration = new_name(), read_declaration(f"steps: [{{model: m, file: {ccfraud}}}]\npublish: true")

    def line() -> tuple[str, str]:
        (found,) = [one for one in plan_declaration(client, name, declaration) if one.subject == "publish"]
        return found.sign, found.words

    assert line() == ("+", "limits not declared")
    apply_declaration(client, name, declaration)
    assert line() == ("=", "limits not declared")


def test_a_new_model_version_changes_the_steps(client: Client, new_name: Callable[[], str], ccfraud: Path) -> None:
    name = new_name()
    apply_declaration(client, name, read_declaration(f"steps: [{{model: m, file: {ccfraud}}}]"))
    other = read_declaration(f"steps: [{{model: m, file: {ccfraud}, batch_config: single}}]")
    changes = {change.subject: (change.sign, change.words) for change in plan_declaration(client, name, other)}
    assert changes["model m"] == ("~", f"upload {ccfraud}, batch_config single")
    assert changes["steps"] == ("~", "m -> m (new version)")


def test_a_model_that_is_nowhere_is_an_error_before_anything_changes(
    client: Client, new_name: Callable[[], str]
) -> None:
    with pytest.raises(EntityNotFoundError, match="no model 'nosuch'"):
        apply_declaration(client, new_name(), read_declaration("steps: [{model: nosuch}]"))
    assert list(client.list_pipelines(client.get_current_workspace())) == []

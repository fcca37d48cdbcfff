"""The same story with a registry of somebody else's: publish to it, and serve from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.core.errors import PublishError
from jupyter_edge.core.home import Home
from tests.oci.conftest import PASSWORD, USERNAME

from .conftest import Centre, Edge, free_port, until

pytestmark = pytest.mark.external


@pytest.fixture
def home(docker_registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    home = tmp_path / "home"
    monkeypatch.setenv("JUPYTER_EDGE_HOME", str(home))
    monkeypatch.setenv("JUPYTER_EDGE_PORT", str(free_port()))
    monkeypatch.setenv("JUPYTER_EDGE_REGISTRY", f"{docker_registry}/team/models")
    monkeypatch.setenv("JUPYTER_EDGE_REGISTRY_USERNAME", USERNAME)
    monkeypatch.setenv("JUPYTER_EDGE_REGISTRY_PASSWORD", PASSWORD)
    yield home
    stop_engine(Home(home))


def test_a_pipeline_is_published_to_another_registry_and_served_from_it(
    docker_registry: str, home: Path, start_edge: Callable[..., Edge]
) -> None:
    centre = Centre(home)
    assert str(centre.publish.pipeline_url).startswith(f"{docker_registry}/team/models/pipelines/card-fraud:")
    assert str(centre.publish.helm_chart_reference).startswith(
        f"{docker_registry}/team/models/charts/card-fraud@sha256:"
    )
    edge = start_edge(**centre.variables(centre.publish.add_edge("shop-7"))).wait_until_ready()
    assert edge.infer()["metadata"]["partition"] == "shop-7"
    until(lambda: centre.partitions().get("shop-7") == 1, "the edge's row in the log")
    assert PASSWORD not in edge.said() + centre.home.log_file.read_text()


def test_a_wrong_password_is_the_publishs_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_EDGE_REGISTRY_PASSWORD", "hunter2")
    with pytest.raises(PublishError, match="password"):
        Centre(home)

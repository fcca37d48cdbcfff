from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_edge.core.bundle import EdgeBundle
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.edge.settings import EdgeSettings

URL = "127.0.0.1:8790/pipelines/p:v1"
BUNDLE = EdgeBundle("shop-7", "t0ken", "127.0.0.1:8790", URL, 1)


def test_the_variables_of_the_docker_command_are_read() -> None:
    settings = EdgeSettings.from_environment(
        {
            "PIPELINE_URL": URL,
            "OCI_REGISTRY": "127.0.0.1:8790",
            "OCI_USERNAME": "edge",
            "OCI_PASSWORD": "hunter2",
            "EDGE_BUNDLE": BUNDLE.encode(),
            "CONFIG_CPUS": "0.5",
            "DEBUG": "true",
            "LOCAL_INFERENCE_STORAGE": "10Mi",
        }
    )
    assert (settings.pipeline_url, settings.username, settings.cpus, settings.debug) == (URL, "edge", 0.5, True)
    assert settings.bundle == BUNDLE
    assert settings.storage == 10 * 2**20
    assert settings.persist == Path("/persist")
    assert "hunter2" not in repr(settings)
    assert "t0ken" not in repr(settings)


def test_the_bundle_alone_says_what_to_serve() -> None:
    assert EdgeSettings.from_environment({"EDGE_BUNDLE": BUNDLE.encode()}).pipeline_url == URL


def test_variables_that_are_empty_count_as_not_set() -> None:
    settings = EdgeSettings.from_environment({"PIPELINE_URL": URL, "OCI_PASSWORD": "", "EDGE_BUNDLE": " "})
    assert settings.password is None
    assert settings.bundle is None


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "PIPELINE_URL is not set"),
        ({"PIPELINE_URL": URL, "CONFIG_CPUS": "many"}, "not a number of CPUs"),
        ({"PIPELINE_URL": URL, "LOCAL_INFERENCE_STORAGE": "lots"}, "not a memory quantity"),
        ({"PIPELINE_URL": URL, "EDGE_BUNDLE": "abcde"}, "EDGE_BUNDLE is not base64"),
        ({"PIPELINE_URL": URL, "OCI_REGISTRY": "registry.example"}, "must name the same registry"),
    ],
)
def test_what_cannot_be_used_is_named(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        EdgeSettings.from_environment(environment)


@pytest.mark.parametrize("registry", ["https://127.0.0.1:8790/", "127.0.0.1:8790/some/path", "http://127.0.0.1:8790"])
def test_the_registry_may_be_given_with_scheme_or_path(registry: str) -> None:
    assert EdgeSettings.from_environment({"PIPELINE_URL": URL, "OCI_REGISTRY": registry}).pipeline_url == URL

from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_edge.core.deployment import DeploymentConfigBuilder, Limits, acceleration_of, limits_of
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.framework import Acceleration, Architecture


def test_the_builder_makes_the_configuration_that_the_wire_expects() -> None:
    config = DeploymentConfigBuilder().replica_count(1).cpus(1).memory("900Mi").build()
    amounts = {"cpu": 1, "memory": "900Mi"}
    assert config == {
        "engine": {"replicas": 1, "cpu": 1, "resources": {"limits": amounts, "requests": amounts}},
        "enginelb": {},
        "engineAux": {"images": {}},
        "node_selector": {},
    }


def test_a_built_configuration_does_not_change_with_its_builder() -> None:
    builder = DeploymentConfigBuilder().cpus(1)
    config = builder.build()
    builder.cpus(2).arch(Architecture.ARM)
    assert config["engine"]["cpu"] == 1
    assert "arch" not in config["engine"]


def test_an_architecture_is_written_as_text() -> None:
    assert json.dumps(DeploymentConfigBuilder().arch(Architecture.ARM).build()["engine"]) == '{"arch": "arm"}'


def test_an_unknown_architecture_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match=r"'sparc' is not an architecture: choose from x86, "):
        DeploymentConfigBuilder().arch("sparc")


def test_an_accelerator_is_written_as_text_and_read_again() -> None:
    config = DeploymentConfigBuilder().accel(Acceleration.OPENVINO).build()
    assert json.dumps(config["engine"]) == '{"accel": "openvino"}'
    assert acceleration_of(config) == Acceleration.OPENVINO
    assert acceleration_of({}) == acceleration_of({"engine": {}}) == Acceleration.NONE
    for refuse in (DeploymentConfigBuilder().accel, lambda accel: acceleration_of({"engine": {"accel": accel}})):
        with pytest.raises(InvalidInputError, match="'abacus' is not an accelerator: choose from none, cuda"):
            refuse("abacus")


def test_limits_are_read_from_a_configuration() -> None:
    config = DeploymentConfigBuilder().replica_count(2).cpus(0.5).memory("1Gi").build()
    assert limits_of(config) == Limits(replicas=2, cpus=0.5, memory=2**30)


def test_no_limits_are_none() -> None:
    assert limits_of({}) == Limits(replicas=1, cpus=None, memory=None)


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
def test_a_replica_count_that_is_no_count_is_refused(count: Any) -> None:
    with pytest.raises(InvalidInputError, match="whole number"):
        DeploymentConfigBuilder().replica_count(count)


@pytest.mark.parametrize(
    "config",
    [
        {"engine": "big"},
        {"engine": {"replicas": 0}},
        {"engine": {"resources": {"limits": {"memory": "lots"}}}},
        {"engine": {"cpu": "many"}},
    ],
)
def test_a_configuration_that_cannot_be_read_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        limits_of(config)

"""Deployment configurations: how many replicas run a pipeline, and the limits they run under."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Self

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.framework import Acceleration, Architecture
from jupyter_edge.core.quantities import parse_cpus, parse_memory

DeploymentConfig = dict[str, Any]


class DeploymentConfigBuilder:
    """Build a deployment configuration, one limit at a time; ``build()`` returns it as a plain dict."""

    def __init__(self) -> None:
        self._config: DeploymentConfig = {
            "engine": {},
            "enginelb": {},
            "engineAux": {"images": {}},
            "node_selector": {},
        }

    def replica_count(self, count: int) -> Self:
        """Run ``count`` replicas, at least one."""
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            msg = f"replica_count is {count!r}: give a whole number of 1 or more."
            raise InvalidInputError(msg)
        self._config["engine"]["replicas"] = count
        return self

    def cpus(self, count: float) -> Self:
        """Let each replica use ``count`` CPUs; fractions are allowed."""
        parse_cpus(count)
        self._config["engine"]["cpu"] = count
        return self._resource("cpu", count)

    def memory(self, quantity: str) -> Self:
        """Let each replica use ``quantity`` of memory, such as ``"900Mi"`` or ``"1Gi"``."""
        parse_memory(quantity)
        return self._resource("memory", quantity)

    def arch(self, architecture: Architecture | str) -> Self:
        """Say for which processor architecture the pipeline is meant."""
        try:
            self._config["engine"]["arch"] = Architecture(architecture).value
        except ValueError:
            known = ", ".join(kind.value for kind in Architecture)
            msg = f"{architecture!r} is not an architecture: choose from {known}."
            raise InvalidInputError(msg) from None
        return self

    def accel(self, acceleration: Acceleration | str) -> Self:
        """Run the models on an accelerator; a machine or an ONNX Runtime without it refuses the deployment."""
        self._config["engine"]["accel"] = _acceleration(acceleration).value
        return self

    def build(self) -> DeploymentConfig:
        """Return the configuration; later calls on the builder do not change it."""
        return copy.deepcopy(self._config)

    def _resource(self, name: str, amount: float | str) -> Self:
        resources = self._config["engine"].setdefault("resources", {"limits": {}, "requests": {}})
        resources["limits"][name] = amount
        resources["requests"][name] = amount
        return self


def acceleration_of(config: DeploymentConfig) -> Acceleration:
    """Read the accelerator from a deployment configuration.

    Raises:
        InvalidInputError: if it is none that is known.
    """
    engine = config.get("engine")
    return _acceleration(engine.get("accel", "none") if isinstance(engine, dict) else "none")


def _acceleration(value: Any) -> Acceleration:
    try:
        return Acceleration(value)
    except ValueError:
        known = ", ".join(kind.value for kind in Acceleration)
        msg = f"{value!r} is not an accelerator: choose from {known}."
        raise InvalidInputError(msg) from None


@dataclass(frozen=True)
class Limits:
    """What a deployment may use; ``memory`` in bytes, ``None`` where no limit was asked for."""

    replicas: int = 1
    cpus: float | None = None
    memory: int | None = None

    def __str__(self) -> str:
        words = [f"{self.cpus:g} CPU{'s' * (self.cpus != 1)}"] if self.cpus else []
        words += [f"{self.memory / 2**20:g}Mi memory"] if self.memory else []
        return ", ".join(words)


def limits_of(config: DeploymentConfig) -> Limits:
    """Read the limits of one engine replica from a deployment configuration.

    Raises:
        InvalidInputError: naming the amount that is no quantity.
    """
    try:
        engine = config.get("engine") or {}
        asked = (engine.get("resources") or {}).get("limits") or {}
        cpus, memory, replicas = (
            asked.get("cpu", engine.get("cpu")),
            asked.get("memory"),
            engine.get("replicas", 1),
        )
    except AttributeError:
        msg = "The deployment configuration has no usable 'engine': build it with DeploymentConfigBuilder()."
        raise InvalidInputError(msg) from None
    if isinstance(replicas, bool) or not isinstance(replicas, int) or replicas < 1:
        msg = f"The deployment configuration asks for {replicas!r} replicas: give a whole number of 1 or more."
        raise InvalidInputError(msg)
    return Limits(
        replicas=replicas,
        cpus=None if cpus is None else parse_cpus(cpus),
        memory=None if memory is None else parse_memory(memory),
    )

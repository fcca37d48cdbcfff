"""Fields for what a deployment may use."""

from __future__ import annotations

import ipywidgets as widgets

from jupyter_edge.core.deployment import DeploymentConfig, DeploymentConfigBuilder
from jupyter_edge.widgets.base import field

_WIDTH = "24em"  # of a label and a number


class Limits:
    """CPUs and memory of one replica or edge, and how many replicas there are, where that can be chosen."""

    def __init__(self, whose: str, *, replicas: bool = False) -> None:
        self._replicas = field(widgets.BoundedIntText, "Replicas", value=1, min=1, max=64) if replicas else None
        self._cpus = field(widgets.BoundedFloatText, f"CPUs per {whose}", value=1.0, min=0.1, max=256.0, step=0.5)
        self._memory = field(widgets.Text, f"Memory per {whose}", value="900Mi", placeholder="such as 900Mi or 1Gi")
        self.fields = [part for part in (self._replicas, self._cpus, self._memory) if part is not None]
        for part in self.fields:
            part.layout.max_width = _WIDTH

    def config(self) -> DeploymentConfig:
        """Return the deployment configuration that the fields say.

        Raises:
            InvalidInputError: if the memory is no quantity.
        """
        builder = DeploymentConfigBuilder().cpus(self._cpus.value).memory(self._memory.value.strip())
        return (builder.replica_count(self._replicas.value) if self._replicas else builder).build()

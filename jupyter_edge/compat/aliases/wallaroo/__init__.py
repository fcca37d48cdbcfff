"""The part of the Wallaroo SDK's import surface that jupyter_edge answers to."""

from __future__ import annotations

from jupyter_edge.client import Client
from jupyter_edge.core.deployment import DeploymentConfigBuilder

from . import deployment_config, dynamic_batching_config, engine_config, framework, object

__all__ = [
    "Client",
    "DeploymentConfigBuilder",
    "deployment_config",
    "dynamic_batching_config",
    "engine_config",
    "framework",
    "object",
]

# The release whose tutorials these names are for; notebooks print it.
__version__ = "2023.4.0"

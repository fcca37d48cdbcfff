"""Deployment configurations."""

from __future__ import annotations

from jupyter_edge.core.deployment import DeploymentConfig, DeploymentConfigBuilder

__all__ = ["DeploymentConfig", "DeploymentConfigBuilder"]

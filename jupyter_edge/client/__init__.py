"""The Python API that a notebook calls: HTTP to an engine, and nothing else."""

from __future__ import annotations

from jupyter_edge.client.client import Client
from jupyter_edge.client.deployment import Deployment
from jupyter_edge.client.edge import Edge
from jupyter_edge.client.jobs import Job
from jupyter_edge.client.model import Model, ModelVersion
from jupyter_edge.client.pipeline import Pipeline
from jupyter_edge.client.pipeline_version import PipelineVersion
from jupyter_edge.client.publish import Publish
from jupyter_edge.client.workspace import Workspace
from jupyter_edge.core.deployment import DeploymentConfig, DeploymentConfigBuilder
from jupyter_edge.core.errors import (
    AuthenticationError,
    ConflictError,
    DeploymentError,
    EdgeError,
    EngineUnavailableError,
    EntityNotFoundError,
    InferenceError,
    InvalidInputError,
    JobCancelledError,
    PublishError,
    RegistryError,
    StorageFullError,
    TooLargeError,
)
from jupyter_edge.core.framework import Architecture, Framework

__all__ = [
    "Architecture",
    "AuthenticationError",
    "Client",
    "ConflictError",
    "Deployment",
    "DeploymentConfig",
    "DeploymentConfigBuilder",
    "DeploymentError",
    "Edge",
    "EdgeError",
    "EngineUnavailableError",
    "EntityNotFoundError",
    "Framework",
    "InferenceError",
    "InvalidInputError",
    "Job",
    "JobCancelledError",
    "Model",
    "ModelVersion",
    "Pipeline",
    "PipelineVersion",
    "Publish",
    "PublishError",
    "RegistryError",
    "StorageFullError",
    "TooLargeError",
    "Workspace",
]

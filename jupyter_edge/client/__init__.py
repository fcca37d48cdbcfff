"""The Python API that a notebook calls: HTTP to an engine, and nothing else."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_edge.client.client import Client
    from jupyter_edge.client.declaration import Declaration, read_declaration
    from jupyter_edge.client.deployment import Deployment
    from jupyter_edge.client.discovery import stop_engine
    from jupyter_edge.client.edge import Edge
    from jupyter_edge.client.ensure import (
        RegisteredEdge,
        ensure_deployed,
        ensure_edge,
        ensure_model,
        ensure_published,
        ensure_steps,
    )
    from jupyter_edge.client.jobs import Job
    from jupyter_edge.client.model import Model, ModelVersion
    from jupyter_edge.client.model_file import ModelWish
    from jupyter_edge.client.pictures import picture_rows, picture_tensor
    from jupyter_edge.client.pipeline import Pipeline
    from jupyter_edge.client.pipeline_version import PipelineVersion
    from jupyter_edge.client.plan import Applied, apply_declaration, plan_declaration
    from jupyter_edge.client.publish import Publish
    from jupyter_edge.client.serving import LocalEdge, local_edge, local_edges, serve_here
    from jupyter_edge.client.status import EngineStatus, engine_status
    from jupyter_edge.client.workspace import Workspace
    from jupyter_edge.core.batching import DynamicBatchingConfig
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
    from jupyter_edge.core.framework import Acceleration, Architecture, Framework

__all__ = [
    "Acceleration",
    "Applied",
    "Architecture",
    "AuthenticationError",
    "Client",
    "ConflictError",
    "Declaration",
    "Deployment",
    "DeploymentConfig",
    "DeploymentConfigBuilder",
    "DeploymentError",
    "DynamicBatchingConfig",
    "Edge",
    "EdgeError",
    "EngineStatus",
    "EngineUnavailableError",
    "EntityNotFoundError",
    "Framework",
    "InferenceError",
    "InvalidInputError",
    "Job",
    "JobCancelledError",
    "LocalEdge",
    "Model",
    "ModelVersion",
    "ModelWish",
    "Pipeline",
    "PipelineVersion",
    "Publish",
    "PublishError",
    "RegisteredEdge",
    "RegistryError",
    "StorageFullError",
    "TooLargeError",
    "Workspace",
    "apply_declaration",
    "engine_status",
    "ensure_deployed",
    "ensure_edge",
    "ensure_model",
    "ensure_published",
    "ensure_steps",
    "local_edge",
    "local_edges",
    "picture_rows",
    "picture_tensor",
    "plan_declaration",
    "read_declaration",
    "serve_here",
    "stop_engine",
]

_HOMES = {
    "jupyter_edge.client.client": ("Client",),
    "jupyter_edge.client.declaration": ("Declaration", "read_declaration"),
    "jupyter_edge.client.deployment": ("Deployment",),
    "jupyter_edge.client.discovery": ("stop_engine",),
    "jupyter_edge.client.edge": ("Edge",),
    "jupyter_edge.client.ensure": (
        "RegisteredEdge",
        "ensure_deployed",
        "ensure_edge",
        "ensure_model",
        "ensure_published",
        "ensure_steps",
    ),
    "jupyter_edge.client.jobs": ("Job",),
    "jupyter_edge.client.serving": ("LocalEdge", "local_edge", "local_edges", "serve_here"),
    "jupyter_edge.client.model": ("Model", "ModelVersion"),
    "jupyter_edge.client.model_file": ("ModelWish",),
    "jupyter_edge.client.pictures": ("picture_rows", "picture_tensor"),
    "jupyter_edge.client.pipeline": ("Pipeline",),
    "jupyter_edge.client.pipeline_version": ("PipelineVersion",),
    "jupyter_edge.client.plan": ("Applied", "apply_declaration", "plan_declaration"),
    "jupyter_edge.client.publish": ("Publish",),
    "jupyter_edge.client.status": ("EngineStatus", "engine_status"),
    "jupyter_edge.client.workspace": ("Workspace",),
    "jupyter_edge.core.batching": ("DynamicBatchingConfig",),
    "jupyter_edge.core.deployment": ("DeploymentConfig", "DeploymentConfigBuilder"),
    "jupyter_edge.core.errors": (
        "AuthenticationError",
        "ConflictError",
        "DeploymentError",
        "EdgeError",
        "EngineUnavailableError",
        "EntityNotFoundError",
        "InferenceError",
        "InvalidInputError",
        "JobCancelledError",
        "PublishError",
        "RegistryError",
        "StorageFullError",
        "TooLargeError",
    ),
    "jupyter_edge.core.framework": ("Acceleration", "Architecture", "Framework"),
}


def __getattr__(name: str) -> Any:
    """Load a name's module when it is asked for: the server extension needs the engine's address, and no pandas."""
    home = next((module for module, names in _HOMES.items() if name in names), None)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(home), name)

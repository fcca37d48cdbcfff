"""Publishes and edges as the wire shows them: callers refuse keys that they do not know."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from jupyter_edge.core.bundle import EdgeBundle
from jupyter_edge.engine.tables import Edge, Publish, timestamp


class PublishItem(TypedDict):
    """A publish; the addresses are null until its ``status`` is Published, ``error`` unless it is Error."""

    id: int
    pipeline_version_id: int
    pipeline_version_name: str
    status: str
    created_at: str
    updated_at: str
    created_by: str
    pipeline_url: str | None
    engine_url: str | None
    helm: dict[str, Any] | None
    engine_config: dict[str, Any]
    error: str | None
    user_images: list[str]
    docker_run_variables: dict[str, str]


class EdgeItem(TypedDict):
    """An edge, with the limits that its publish asks for."""

    id: str
    name: str
    tags: list[str]
    cpus: float
    memory: str
    pipeline_version_id: int
    spiffe_id: str


def publish_item(publish: Publish, bundle: EdgeBundle | None = None) -> PublishItem:
    """Return a publish; with what an edge that was just added joins with, if there is one."""
    text = bundle.encode() if bundle else None
    helm = publish.helm
    return PublishItem(
        id=publish.id,
        pipeline_version_id=publish.pipeline_version_id,
        pipeline_version_name=publish.pipeline_version.version,
        status=publish.status,
        created_at=timestamp(publish.created_at),
        updated_at=timestamp(publish.updated_at),
        created_by=publish.created_by,
        pipeline_url=publish.pipeline_url,
        engine_url=publish.engine_url,
        helm=helm | {"values": {"edgeBundle": text}} if helm and text else helm,
        engine_config=publish.engine_config,
        error=publish.error,
        user_images=[],
        docker_run_variables={"EDGE_BUNDLE": text} if text else {},
    )


def edge_item(edge: Edge) -> EdgeItem:
    """Return an edge."""
    return EdgeItem(
        id=edge.id,
        name=edge.name,
        tags=edge.tags,
        cpus=edge.cpus,
        memory=edge.memory,
        pipeline_version_id=edge.publish.pipeline_version_id,
        spiffe_id=f"wallaroo.ai/ns/deployments/edge/{edge.id}",
    )

"""Publishes: a pipeline version pushed to the edge registry, as an artifact that edges pull and as a helm chart."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, selectinload

from jupyter_edge.core.deployment import limits_of
from jupyter_edge.core.errors import ConflictError, InvalidInputError
from jupyter_edge.core.naming import listed
from jupyter_edge.core.pipeline import PipelineSpec, models_of
from jupyter_edge.engine.database import Sessions, found
from jupyter_edge.engine.jobs import JobContext
from jupyter_edge.engine.paging import EVERYTHING, Order, Page, Window, read_page
from jupyter_edge.engine.pipelines import UNFINISHED
from jupyter_edge.engine.registry import EdgeRegistry
from jupyter_edge.engine.specs import (
    configs_by_id,
    configs_of_steps,
    newest_config,
    require_steps,
    spec_of,
    with_hardware,
)
from jupyter_edge.engine.tables import Model, ModelConfig, ModelVersion, Pipeline, PipelineVersion, Publish, now
from jupyter_edge.oci.artifact import push_pipeline
from jupyter_edge.oci.blobs import BlobStore
from jupyter_edge.oci.helm import Chart, push_chart

_DEFAULT_CONFIG: dict[str, Any] = {
    "engine": {"resources": {"limits": {"cpu": 4.0, "memory": "3Gi"}, "requests": {"cpu": 4.0, "memory": "3Gi"}}},
    "enginelb": {"resources": {"limits": {"cpu": 1.0, "memory": "512Mi"}, "requests": {"cpu": 0.2, "memory": "512Mi"}}},
    "engineAux": {},
}
_LAYERS_SHARE = 0.9


def add_publish(
    session: Session, version: PipelineVersion, chosen: list[ModelConfig], config: dict[str, Any] | None, user_id: str
) -> Publish:
    """Add a publish, still to be pushed, of a version with the chosen configs for its steps.

    A version without steps is published as a chain of what was chosen.

    Raises:
        InvalidInputError: if there is nothing to run, or ``config`` holds something that is no quantity.
        ConflictError: if a model is not ready.
    """
    configs = configs_of_steps(session, version, chosen)
    require_steps(version, configs, "publish")
    shown = with_hardware(_shown(config), configs)
    limits_of(shown)
    spec_of(version, configs, shown)
    publish = Publish(
        pipeline_version=version,
        model_config_ids=[config.id for config in configs],
        engine_config=shown,
        created_by=user_id,
    )
    session.add(publish)
    session.flush()
    return publish


def chosen_configs(session: Session, version: PipelineVersion, ids: list[int]) -> list[ModelConfig]:
    """Return the configs that ``ids`` mean, which callers fill with ids of configs or of model versions.

    Where the version has steps, an id is that of a config if there is such a one. Where it has none, an id is that of
    a model version if the pipeline's workspace has such a one, and means its newest config.

    Raises:
        EntityNotFoundError: for an id that is neither.
    """
    models = {
        row.id: row
        for row in session.scalars(
            select(ModelVersion)
            .join(Model)
            .where(Model.workspace_id == version.pipeline.workspace_id, ModelVersion.id.in_(ids))
        )
    }
    if models_of(version.definition):
        known = set(session.scalars(select(ModelConfig.id).where(ModelConfig.id.in_(ids))))
        models = {id_: row for id_, row in models.items() if id_ not in known}
    return [newest_config(models[id_]) if id_ in models else configs_by_id(session, [id_])[0] for id_ in ids]


def get_publish(session: Session, publish_id: int) -> Publish:
    """Return a publish.

    Raises:
        EntityNotFoundError: if there is none of this id.
    """
    missing = f"There is no publish {publish_id}: list the pipeline's publishes."
    return found(session.get(Publish, publish_id), missing)


def publishes_of(session: Session, pipeline_id: int, window: Window = EVERYTHING) -> Page[Publish]:
    """Return the publishes of all versions of a pipeline, oldest first; their name is the version's UUID."""
    query = select(Publish).join(PipelineVersion).where(PipelineVersion.pipeline_id == pipeline_id)
    parts = (selectinload(Publish.pipeline_version),)
    return read_page(session, query, Order((Publish.id,), PipelineVersion.version), window, parts)


def list_publishes(session: Session, workspace_id: int | None, window: Window = EVERYTHING) -> Page[Publish]:
    """Return the publishes of all pipelines, or of those in a workspace, newest first; by name of the pipeline."""
    query = select(Publish).join(PipelineVersion).join(Pipeline)
    if workspace_id is not None:
        query = query.where(Pipeline.workspace_id == workspace_id)
    parts = (selectinload(Publish.pipeline_version).selectinload(PipelineVersion.pipeline),)
    return read_page(session, query, Order((Publish.id,), Pipeline.name, descending=True), window, parts)


def delete_publish(session: Session, publish_id: int) -> None:
    """Delete a publish; what was pushed stays in the registry.

    Raises:
        EntityNotFoundError: if there is none of this id.
        ConflictError: while it is under way, or has edges, naming them.
    """
    publish = get_publish(session, publish_id)
    edges = listed([edge.name for edge in publish.edges])
    if edges:
        raise ConflictError(f"Publish {publish_id} runs on the edges {edges}: remove them first.")
    if publish.status in UNFINISHED:
        raise ConflictError(f"Publish {publish_id} is under way: wait for its end, or cancel its job.")
    session.delete(publish)


def mark_interrupted(sessions: Sessions) -> None:
    """Turn the publishes that a dead engine left unfinished into failed ones."""
    reason = "The engine ended before the publish was done: publish again."
    with sessions.begin() as session:
        unfinished = update(Publish).where(Publish.status.in_(UNFINISHED))
        session.execute(unfinished.values(status="Error", error=reason, updated_at=now()))


def push(sessions: Sessions, registry: EdgeRegistry, blobs: BlobStore, publish_id: int, job: JobContext) -> None:
    """Push a publish to the registry, each tag last, and mark it as published."""
    _update(sessions, publish_id, status="Publishing")
    with sessions() as session:
        publish = get_publish(session, publish_id)
        configs = configs_by_id(session, publish.model_config_ids)
        spec = spec_of(publish.pipeline_version, configs, publish.engine_config)
        created = publish.created_at
    addresses = _push_all(spec, created, registry, blobs, job)
    _update(sessions, publish_id, status="Published", **addresses)


def mark_failed(session: Session, publish_id: int, reason: str) -> None:
    """Mark a publish as failed, unless it is complete."""
    unfinished = update(Publish).where(Publish.id == publish_id, Publish.status.in_(UNFINISHED))
    session.execute(unfinished.values(status="Error", error=reason, updated_at=now()))


def _push_all(
    spec: PipelineSpec, created: datetime, registry: EdgeRegistry, blobs: BlobStore, job: JobContext
) -> dict[str, Any]:
    total = sum({model.sha: model.size for model in spec.models}.values())
    pipeline, chart = registry.pipeline(spec.name, spec.version), registry.chart(spec.name, spec.version)
    image = str(registry.engine_image)

    def report(done: int) -> None:
        job.report(min(1.0, done / total) * _LAYERS_SHARE, f"Pushing the models to {registry.address}.")

    with registry.connect() as client:
        job.report(0.0, f"Logging in to {registry.address}.")
        client.ping()
        push_pipeline(client, pipeline, spec, blobs, report)
        job.report(_LAYERS_SHARE, "Pushing the helm chart.")
        digest = push_chart(client, chart, Chart(spec, pipeline, image), created)
    address = f"{chart.registry}/{chart.repository}"
    helm: dict[str, Any] = {"reference": f"{address}@{digest}", "chart": address, "version": chart.tag, "values": {}}
    return {"pipeline_url": str(pipeline), "engine_url": image, "helm": helm}


def _update(sessions: Sessions, publish_id: int, **values: Any) -> None:
    with sessions.begin() as session:
        session.execute(update(Publish).where(Publish.id == publish_id).values(updated_at=now(), **values))


def _shown(config: dict[str, Any] | None) -> dict[str, Any]:
    """Return the config that a publish shows: what was asked for, with the parts that clients look for."""
    if config is None:
        return copy.deepcopy(_DEFAULT_CONFIG)
    parts: dict[str, Any] = {"engine": {}, "enginelb": {}, "engineAux": {}}
    parts |= {key: part for key, part in config.items() if part}
    if odd := [key for key in ("engine", "enginelb", "engineAux") if not isinstance(parts[key], dict)]:
        msg = f"The deployment configuration has no usable {odd[0]!r}: build it with DeploymentConfigBuilder()."
        raise InvalidInputError(msg)
    return parts | {"engineAux": {"images": {}} | parts["engineAux"]}

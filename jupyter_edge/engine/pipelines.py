"""Pipelines and their versions: made, found, listed, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, selectinload

from jupyter_edge.core.errors import ConflictError
from jupyter_edge.core.naming import check_name, listed
from jupyter_edge.core.pipeline import models_of
from jupyter_edge.engine.database import Sessions, found
from jupyter_edge.engine.paging import EVERYTHING, Order, Page, Window, read_page
from jupyter_edge.engine.specs import model_of_step
from jupyter_edge.engine.tables import Model, ModelConfig, ModelVersion, Pipeline, PipelineVersion, Publish, now
from jupyter_edge.engine.workspaces import get_workspace

UNFINISHED = ("PendingPublish", "Publishing")
"""States of a publish that is under way."""


def create_version(sessions: Sessions, name: str, workspace_id: int, definition: dict[str, Any]) -> PipelineVersion:
    """Add a version to the pipeline of this name in the workspace, making the pipeline if there is none.

    Raises:
        InvalidInputError: if the name may not name a pipeline, or a step is not a single model.
        EntityNotFoundError: if the workspace, or the model of a step in it, does not exist.
    """
    check_name("pipeline", name)
    steps = models_of(definition)
    with sessions() as session:
        get_workspace(session, workspace_id)
        for step in steps:
            model_of_step(session, workspace_id, step)
    named = select(Pipeline).where(Pipeline.workspace_id == workspace_id, Pipeline.name == name)
    with suppress(IntegrityError), sessions.begin() as session:  # fails where another request makes it just now
        if session.scalar(named) is None:
            session.add(Pipeline(name=name, workspace_id=workspace_id))
    with sessions.begin() as session:
        pipeline = session.scalars(named).one()
        pipeline.updated_at = now()
        version = PipelineVersion(pipeline_id=pipeline.id, definition=definition)
        session.add(version)
        session.flush()
        session.expunge(version)
        return version


def get_pipeline(session: Session, pipeline_id: int) -> Pipeline:
    """Return a pipeline.

    Raises:
        EntityNotFoundError: if there is none of this id.
    """
    missing = f"There is no pipeline {pipeline_id}: pipelines/list names those that there are."
    return found(session.get(Pipeline, pipeline_id), missing)


def list_pipelines(
    session: Session, workspace_id: int | None = None, name: str | None = None, window: Window = EVERYTHING
) -> Page[Pipeline]:
    """Return pipelines of all workspaces or of one, with any name or this one; the newest made comes first."""
    query = select(Pipeline)
    if workspace_id is not None:
        query = query.where(Pipeline.workspace_id == workspace_id)
    if name is not None:
        query = query.where(Pipeline.name == name)
    versions = selectinload(Pipeline.versions)
    published = versions.selectinload(PipelineVersion.publishes).load_only(Publish.status)
    parts = (published, joinedload(Pipeline.deployment))
    return read_page(session, query, Order((Pipeline.id,), Pipeline.name, descending=True), window, parts)


def get_version(session: Session, version: str) -> PipelineVersion:
    """Return a pipeline version by its UUID.

    Raises:
        EntityNotFoundError: if there is none.
    """
    row = session.scalar(select(PipelineVersion).where(PipelineVersion.version == version))
    return found(row, f"No pipeline has a version {version}: see the pipeline's versions.")


def steps_of(session: Session, pipelines: Sequence[Pipeline]) -> dict[int, list[str]]:
    """Return the names of the newest versions' models, by pipeline; without any, of those that were deployed last."""
    steps = {row.id: [step.name for step in models_of(row.versions[0].definition)] for row in pipelines if row.versions}
    deployed = {row.id: row.deployment.model_config_ids for row in pipelines if row.deployment}
    without = {row_id: ids for row_id, ids in deployed.items() if not steps.get(row_id)}
    if not without:
        return steps
    named = select(ModelConfig.id, Model.name).join(ModelConfig.model_version).join(ModelVersion.model)
    wanted = {config_id for ids in without.values() for config_id in ids}
    names = dict(session.execute(named.where(ModelConfig.id.in_(wanted))).all())
    return steps | {row_id: [names[each] for each in ids if each in names] for row_id, ids in without.items()}


def delete_pipeline(session: Session, pipeline_id: int) -> None:
    """Delete a pipeline, its versions, and its publishes; what was pushed to the registry stays there.

    Raises:
        EntityNotFoundError: if there is none of this id.
        ConflictError: while it is deployed, being published, or runs on edges, naming what uses it.
    """
    pipeline = get_pipeline(session, pipeline_id)
    publishes = [publish for version in pipeline.versions for publish in version.publishes]
    if reason := _use_of(pipeline):
        raise ConflictError(f"Pipeline {pipeline.name!r} {reason}.")
    for publish in publishes:
        session.delete(publish)
    session.flush()
    session.delete(pipeline)


def _use_of(pipeline: Pipeline) -> str | None:
    publishes = [publish for version in pipeline.versions for publish in version.publishes]
    edges = [edge.name for publish in publishes for edge in publish.edges]
    running = [str(publish.id) for publish in publishes if publish.status in UNFINISHED]
    if pipeline.deployment and pipeline.deployment.deployed:
        return f"is deployed (deployment {pipeline.deployment.id}): undeploy it first"
    if edges:
        return f"runs on the edges {listed(edges)}: remove them first"
    return f"is being published (publish {listed(running)}): wait for the end of that" if running else None

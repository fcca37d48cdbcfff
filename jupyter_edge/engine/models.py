"""Models: their versions and configs, added, found, listed and deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from jupyter_edge.core.batching import DynamicBatchingConfig, require_one_way
from jupyter_edge.core.errors import ConflictError, InvalidInputError
from jupyter_edge.core.pipeline import models_of
from jupyter_edge.core.schema import ModelSchema
from jupyter_edge.engine.database import Sessions, found
from jupyter_edge.engine.paging import EVERYTHING, Order, Page, Window, read_page
from jupyter_edge.engine.tables import Deployment, Model, ModelConfig, ModelVersion, Pipeline, Publish, now
from jupyter_edge.engine.workspaces import get_workspace


@dataclass(frozen=True)
class NewVersion:
    """What an upload says of a model version; ``settings`` are the columns of its first config."""

    workspace_id: int
    name: str
    visibility: str
    conversion: dict[str, Any]
    file_name: str
    settings: dict[str, Any]


def add_version(sessions: Sessions, new: NewVersion, sha: str, size: int, schema: ModelSchema) -> int:
    """Add a version with a first config to the model of this name, made if there is none; return the version's id.

    Raises:
        EntityNotFoundError: if there is no such workspace.
    """
    try:
        return _add_version(sessions, new, sha, size, schema)
    except IntegrityError:  # another upload has made the model at the same moment, so now it is there
        return _add_version(sessions, new, sha, size, schema)


def _add_version(sessions: Sessions, new: NewVersion, sha: str, size: int, schema: ModelSchema) -> int:
    with sessions.begin() as session:
        workspace = get_workspace(session, new.workspace_id)
        named = select(Model).where(Model.workspace_id == workspace.id, Model.name == new.name)
        model = session.scalar(named) or Model(workspace=workspace, name=new.name)
        version = ModelVersion(
            model=model,
            sha=sha,
            size=size,
            file_name=new.file_name,
            visibility=new.visibility,
            conversion=new.conversion,
            schema=schema.to_json(),
            configs=[ModelConfig(**new.settings)],
        )
        model.updated_at = now()
        session.add(version)
        session.flush()
        return version.id


def add_config(session: Session, version_id: int, settings: dict[str, Any]) -> ModelConfig:
    """Add a config to a model version; from then on it is the newest.

    Raises:
        EntityNotFoundError: if there is no such version.
        InvalidInputError: if the settings do not fit the model, or each other.
    """
    version = get_version(session, version_id)
    check_settings(version.model.name, ModelSchema.from_json(version.schema), settings)
    config = ModelConfig(model_version=version, **settings)
    session.add(config)
    session.flush()
    return config


def check_settings(name: str, schema: ModelSchema, settings: dict[str, Any]) -> None:
    """Check the columns of a config for the model of a name.

    Raises:
        InvalidInputError: if ``tensor_fields`` does not name each of the model's inputs once, or settings of batches
            do not fit each other.
    """
    batching = settings["dynamic_batching_config"]
    require_one_way(settings["batch_config"], batching and DynamicBatchingConfig.from_dict(batching))
    fields = settings["tensor_fields"]
    inputs = [spec.name for spec in schema.inputs]
    if fields and (len(fields) != len(inputs) or len(set(fields)) != len(fields)):
        msg = (
            f"tensor_fields names {fields}, but the model {name!r} takes {inputs}: "
            "give one name for each, in this order."
        )
        raise InvalidInputError(msg)


def list_models(session: Session, workspace_id: int | None, window: Window = EVERYTHING) -> Page[Model]:
    """Return the models of a workspace, or all, newest first.

    Raises:
        EntityNotFoundError: if there is no such workspace.
    """
    query = select(Model)
    if workspace_id is not None:
        query = query.where(Model.workspace_id == get_workspace(session, workspace_id).id)
    return read_page(session, query, Order((Model.id,), Model.name, descending=True), window)


def get_model(session: Session, model_id: int) -> Model:
    """Return a model.

    Raises:
        EntityNotFoundError: if there is none of this id.
    """
    return found(session.get(Model, model_id), f"There is no model {model_id}: models/list names those of a workspace.")


def get_version(session: Session, version_id: int) -> ModelVersion:
    """Return a model version.

    Raises:
        EntityNotFoundError: if there is none of this id.
    """
    missing = f"There is no model version {version_id}: models/get names those of a model."
    return found(session.get(ModelVersion, version_id), missing)


def delete_model(session: Session, model_id: int) -> None:
    """Delete a model and all its versions; the files stay until nothing names them and the engine cleans up.

    Raises:
        EntityNotFoundError: if there is no such model.
        ConflictError: while a deployment or a publish uses a version, naming it.
    """
    model = get_model(session, model_id)
    users = _users_of(session, model)
    if users:
        msg = (
            f"The model {model.name!r} is in use by {', '.join(users)}: undeploy those and delete the publishes first."
        )
        raise ConflictError(msg)
    session.delete(model)


def _users_of(session: Session, model: Model) -> list[str]:
    versions = {version.version for version in model.versions}
    configs = {config.id for version in model.versions for config in version.configs}

    def uses(row: Deployment | Publish) -> bool:
        named = {step.version for step in models_of(row.pipeline_version.definition)}
        return not configs.isdisjoint(row.model_config_ids) or not versions.isdisjoint(named)

    deployed = session.scalars(select(Deployment).join(Pipeline).where(Deployment.deployed))
    published = session.scalars(select(Publish).order_by(Publish.id))
    return [f"the deployment of pipeline {row.pipeline.name!r}" for row in deployed if uses(row)] + [
        f"publish {row.id} of pipeline {row.pipeline_version.pipeline.name!r}" for row in published if uses(row)
    ]

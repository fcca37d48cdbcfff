"""What a deployment or a publish of a pipeline version runs: its models, each with one of its configs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from jupyter_edge.core.batching import DynamicBatchingConfig
from jupyter_edge.core.errors import ConflictError, InvalidInputError
from jupyter_edge.core.framework import Acceleration
from jupyter_edge.core.pipeline import ModelRef, ModelSpec, PipelineSpec, models_of
from jupyter_edge.core.schema import ModelSchema
from jupyter_edge.engine.database import found
from jupyter_edge.engine.models import get_version
from jupyter_edge.engine.tables import Model, ModelConfig, ModelVersion, PipelineVersion


def find_version(session: Session, version_id: int) -> PipelineVersion:
    """Return a pipeline version by its id.

    Raises:
        EntityNotFoundError: if there is none.
    """
    missing = f"No pipeline version has the id {version_id}: see the pipeline's versions."
    return found(session.get(PipelineVersion, version_id), missing)


def model_of_step(session: Session, workspace_id: int, step: ModelRef) -> ModelVersion:
    """Return the model version that a step names.

    Raises:
        EntityNotFoundError: if the workspace has no such model version.
    """
    query = (
        select(ModelVersion)
        .join(Model)
        .where(
            Model.workspace_id == workspace_id, Model.name == str(step.name), ModelVersion.version == str(step.version)
        )
    )
    missing = f"Workspace {workspace_id} has no model {step.name} of version {step.version}: upload it there first."
    return found(session.scalar(query), missing)


def configs_of_models(session: Session, workspace_id: int, models: list[ModelRef]) -> list[ModelConfig]:
    """Return the newest config of each model."""
    return [newest_config(model_of_step(session, workspace_id, model)) for model in models]


def configs_of_versions(session: Session, version_ids: list[int]) -> list[ModelConfig]:
    """Return the newest config of each model version, given by id.

    Raises:
        EntityNotFoundError: for an id that no model version has.
    """
    return [newest_config(get_version(session, version_id)) for version_id in version_ids]


def configs_by_id(session: Session, config_ids: list[int]) -> list[ModelConfig]:
    """Return model configs by their ids, in the same order.

    Raises:
        EntityNotFoundError: for an id that no config has.
    """
    return [_config(session, config_id) for config_id in config_ids]


def newest_config(model: ModelVersion) -> ModelConfig:
    """Return the config that counts where none is named."""
    return model.configs[-1]


def configs_of_steps(session: Session, version: PipelineVersion, chosen: list[ModelConfig]) -> list[ModelConfig]:
    """Return one config for each step of a version: the chosen one for its model, else the model's newest.

    A version without steps runs what was chosen.
    """
    steps = models_of(version.definition)
    by_version = {config.model_version.version: config for config in chosen}
    newest = configs_of_models(session, version.pipeline.workspace_id, steps)
    return [by_version.get(config.model_version.version, config) for config in newest] if steps else chosen


def require_steps(version: PipelineVersion, configs: list[ModelConfig], verb: str) -> None:
    """Refuse a version that has nothing to run, naming the newest version that has.

    Raises:
        InvalidInputError: if ``configs`` is empty.
    """
    if configs:
        return
    name = version.pipeline.name
    usable = next((other for other in version.pipeline.versions if models_of(other.definition)), None)
    advice = (
        f"{verb} version {usable.version} (id {usable.id}), the newest one that has steps."
        if usable
        else "add a step with add_model_step() first."
    )
    raise InvalidInputError(f"Version {version.version} of pipeline {name} has no steps: {advice}")


def with_hardware(engine_config: dict[str, Any], configs: list[ModelConfig]) -> dict[str, Any]:
    """Return a deployment configuration that names the hardware its models were uploaded for where it names none.

    Raises:
        InvalidInputError: if they were uploaded for several, or ``engine`` of the configuration is no mapping.
    """
    engine = engine_config.get("engine") or {}
    if not isinstance(engine, dict):
        msg = "The deployment configuration has no usable 'engine': build it with DeploymentConfigBuilder()."
        raise InvalidInputError(msg)
    taken = {key: _of_models(key, configs) for key in ("arch", "accel") if engine.get(key) is None}
    return engine_config | {"engine": engine | {key: value for key, value in taken.items() if value}}


def spec_of(version: PipelineVersion, configs: list[ModelConfig], engine_config: dict[str, Any]) -> PipelineSpec:
    """Return the specification that a runtime runs: the configs' models, one after the other.

    Raises:
        ConflictError: if a model is not ready, naming its state.
    """
    models = tuple(_model_spec(config) for config in configs)
    pipeline = version.pipeline
    return PipelineSpec(pipeline.name, version.version, pipeline.workspace_id, models, engine_config)


def _of_models(key: str, configs: list[ModelConfig]) -> str | None:
    named = {config.model_version.model.name: config.model_version.conversion.get(key) for config in configs}
    named = {name: value for name, value in named.items() if value not in (None, Acceleration.NONE.value)}
    if len(set(named.values())) > 1:
        models = ", ".join(f"{name} for {value}" for name, value in named.items())
        msg = f"The models were uploaded for different hardware ({models}): name {key} in the deployment configuration."
        raise InvalidInputError(msg)
    return next(iter(named.values()), None)


def _model_spec(config: ModelConfig) -> ModelSpec:
    model = config.model_version
    if model.status != "ready":
        msg = f"Model {model.model.name} of version {model.version} is not ready but {model.status}: upload it again."
        raise ConflictError(msg)
    batching = config.dynamic_batching_config
    return ModelSpec(
        name=model.model.name,
        version=model.version,
        sha=model.sha,
        size=model.size,
        schema=ModelSchema.from_json(model.schema),
        tensor_fields=tuple(config.tensor_fields) if config.tensor_fields else None,
        batch_config=config.batch_config,
        dynamic_batching=DynamicBatchingConfig.from_dict(batching) if batching else None,
        runtime=config.runtime,
    )


def _config(session: Session, config_id: int) -> ModelConfig:
    missing = f"There is no model config {config_id}: look the models up to see theirs."
    return found(session.get(ModelConfig, config_id), missing)

"""Calls that may be repeated: each brings about what it names, and changes nothing where that is so already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jupyter_edge.client.deployment import plain_config
from jupyter_edge.client.edge import Edge
from jupyter_edge.client.model import ModelVersion
from jupyter_edge.client.model_file import ModelWish, upload_model
from jupyter_edge.client.pipeline import Pipeline
from jupyter_edge.client.publish import Publish
from jupyter_edge.client.twins import Kinds, Twins
from jupyter_edge.core.deployment import DeploymentConfig, DeploymentConfigBuilder, limits_of
from jupyter_edge.core.errors import EntityNotFoundError, InvalidInputError
from jupyter_edge.core.pipeline import ModelRef, models_of
from jupyter_edge.display import Details, table_time

if TYPE_CHECKING:
    from jupyter_edge.client.client import Client

Config = DeploymentConfig | DeploymentConfigBuilder


@dataclass(frozen=True)
class RegisteredEdge(Twins, Details):
    """An edge of a publish; the publish holds the edge's bundle where the edge is still to join."""

    edge: Edge
    publish: Publish

    @property
    def has_bundle(self) -> bool:
        """Say whether the bundle is there, to be handed to the edge; it is shown once and works once."""
        return bool(self.publish.docker_run_variables)

    def details(self) -> dict[str, object]:
        """Return the rows of the edge's table; the bundle is not in them."""
        name = self.edge.name
        if self.has_bundle:
            words = "serve_command(), docker_run_command(), compose() and helm_commands() of .publish hold the bundle"
            return {"name": name, "publish": self.publish.id, "state": "waits to join", "commands": words}
        if self.edge.joined_at is None:
            return {
                "name": name,
                "publish": self.edge.publish_id,
                "state": "waits to join with the bundle it was given",
            }
        state = f"joined {table_time(self.edge.joined_at)}, so it has no bundle any more: remove it to register it anew"
        return {"name": name, "publish": self.edge.publish_id, "state": state}

    def _twins(self) -> Kinds:
        return self.edge._twins()

    def __repr__(self) -> str:
        return "\n".join(f"{key}: {value}" for key, value in self.details().items())


def ensure_model(client: Client, wish: ModelWish) -> ModelVersion:
    """Return the latest version of a model if it is as wished for; upload a new version if not.

    Other settings make a new version too, so that pipelines which run the one before can tell.

    Raises:
        EntityNotFoundError: if there is no such model and the wish names no file.
        InvalidInputError: if the file is no model that the engine can run, settings do not fit it, or come without it.
    """
    latest = find_model(client, wish.name)
    if latest is not None and is_met(wish, latest):
        return latest
    if wish.file is None:
        return client.get_model(wish.name)  # says that there is none, and what to do
    return upload_model(client, _inheriting(wish, latest))


def ensure_steps(client: Client, name: str, models: Sequence[ModelVersion]) -> Pipeline:
    """Return the pipeline of a name with these models as its steps: made, or given a new version, where needed."""
    pipeline = find_pipeline(client, name)
    if pipeline is not None and has_steps(pipeline, models):
        return pipeline
    pipeline = (pipeline or client.build_pipeline(name)).clear()
    for model in models:
        pipeline.add_model_step(model)
    pipeline.create_version()
    return client.get_pipeline(name)


def ensure_deployed(
    pipeline: Pipeline, config: Config | None = None, *, again: bool = False, wait: bool = True
) -> Pipeline:
    """Deploy a pipeline unless its newest steps run already, under these limits; return it.

    Without ``config`` any limits will do. ``again`` deploys in any case. ``pipeline.job`` is ``None`` where nothing was
    to be done.
    """
    if again or not is_deployed(pipeline, config):
        pipeline.deploy(config, wait=wait)
    return pipeline


def ensure_published(
    pipeline: Pipeline, config: Config | None = None, *, again: bool = False, wait: bool = True
) -> Publish:
    """Return the newest publish of a pipeline if it is of these steps and limits; publish the pipeline if not."""
    current = None if again else current_publish(pipeline, config)
    return current or pipeline.publish(config, wait=wait)


def ensure_edge(
    pipeline: Pipeline, name: str, tags: Sequence[str] = (), publish: Publish | None = None
) -> RegisteredEdge:
    """Return the edge of a name, registered to run a publish (the newest one if not given) where it is not.

    One that has not joined yet gets a new bundle, and the one before is void. One that has joined stays as it is, and
    there is no bundle.

    Raises:
        ConflictError: if another pipeline has an edge of this name.
        EntityNotFoundError: if the pipeline has no publish.
    """
    publish = publish or require_publish(pipeline)
    edge = find_edge(pipeline, name)
    if edge is not None and edge.joined_at is not None:
        return RegisteredEdge(edge, publish)
    if edge is not None:
        edge.remove()
    registered = publish.add_edge(name, list(tags) or (edge.tags if edge else []))
    return RegisteredEdge(next(edge for edge in pipeline.list_edges() if edge.name == name), registered)


def is_met(wish: ModelWish, latest: ModelVersion) -> bool:
    """Say whether the latest version of a model is as wished for.

    Raises:
        InvalidInputError: if it is not, and the wish names no file to make one of.
    """
    met = wish.is_met_by(latest)
    if not met and wish.file is None:
        msg = f"Model {wish.name} has other settings: give its file, so that a new version is made with these."
        raise InvalidInputError(msg)
    return met


def find_model(client: Client, name: str) -> ModelVersion | None:
    """Return the latest version of a model of the current workspace, if there is one."""
    try:
        return client.get_model(name)
    except EntityNotFoundError:
        return None


def find_pipeline(client: Client, name: str) -> Pipeline | None:
    """Return a pipeline of the current workspace, if there is one of this name."""
    try:
        return client.get_pipeline(name)
    except EntityNotFoundError:
        return None


def find_edge(pipeline: Pipeline, name: str) -> Edge | None:
    """Return the edge of a name among those of a pipeline, if there is one."""
    return next((edge for edge in pipeline.list_edges() if edge.name == name), None)


def has_steps(pipeline: Pipeline, models: Sequence[ModelVersion]) -> bool:
    """Say whether the newest version of a pipeline runs these models, in this order."""
    return _models(pipeline.steps()) == [model.ref() for model in models]


def is_deployed(pipeline: Pipeline, config: Config | None) -> bool:
    """Say whether the newest steps of a pipeline run, or start to, under these limits."""
    deployment = pipeline.refresh()._deployment
    if deployment is None or not deployment.deployed():
        return False
    status = deployment.status()
    running = [
        [ModelRef(model["name"], model["version"], model["sha"]) for model in engine["model_statuses"]["models"]]
        for engine in status["engines"]
    ]
    wanted = _models(pipeline.steps())
    return (
        status["status"] in {"Running", "Starting"}
        and all(models == wanted for models in running)
        and _allows(pipeline, deployment.engine_config(), config)
    )


def current_publish(pipeline: Pipeline, config: Config | None) -> Publish | None:
    """Return the newest complete publish of a pipeline if it is of the newest steps, under these limits."""
    publish = newest_publish(pipeline)
    if publish is None or not _allows(pipeline, publish.engine_config, config):
        return None
    steps = next(version.steps() for version in pipeline.versions() if version.id() == publish.pipeline_version_id)
    return publish if _models(steps) == _models(pipeline.steps()) else None


def newest_publish(pipeline: Pipeline) -> Publish | None:
    """Return the newest publish of a pipeline that is complete."""
    complete = [publish for publish in pipeline.publishes() if publish.status == "Published"]
    return max(complete, key=lambda publish: publish.id, default=None)


def require_publish(pipeline: Pipeline) -> Publish:
    """Return the newest publish of a pipeline that is complete.

    Raises:
        EntityNotFoundError: if there is none.
    """
    publish = newest_publish(pipeline)
    if publish is None:
        msg = f"Pipeline {pipeline.name()} is not published: publish it first, with publish()."
        raise EntityNotFoundError(msg)
    return publish


def _inheriting(wish: ModelWish, latest: ModelVersion | None) -> ModelWish:
    """Return a wish whose new version is, where nothing is wished for, as the version before."""
    if latest is None:
        return wish
    batch = wish.batch_config or (None if wish.dynamic_batching_config else latest.batch_config())
    gathering = wish.dynamic_batching_config or (None if batch else latest.dynamic_batching_config())
    return replace(
        wish,
        tensor_fields=wish.tensor_fields or latest.tensor_fields(),
        batch_config=batch,
        dynamic_batching_config=gathering,
        arch=wish.arch or latest.arch(),
        accel=wish.accel or latest.accel(),
    )


def _allows(pipeline: Pipeline, config: DeploymentConfig, wanted: Config | None) -> bool:
    """Say whether a configuration is as wanted; hardware that is not named is that which the models name."""
    plain = plain_config(wanted)
    if plain is None:
        return True
    if limits_of(config) != limits_of(plain):
        return False
    for key in ("arch", "accel"):
        has, asked = config["engine"].get(key), plain["engine"].get(key)
        if has != asked and (asked is not None or has not in _uploaded_for(pipeline, key)):
            return False
    return True


def _uploaded_for(pipeline: Pipeline, key: str) -> list[str | None]:
    """Return the architectures or accelerators that the models of a pipeline's newest steps were uploaded for."""
    client = pipeline._client
    versions = [client.get_model(ref.name, ref.version) for ref in _models(pipeline.steps())]
    return [getattr(version, key)() for version in versions]


def _models(steps: list[dict[str, Any]]) -> list[ModelRef]:
    return models_of({"steps": steps})

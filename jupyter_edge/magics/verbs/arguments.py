"""Arguments that several verbs share, and what is read from them."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jupyter_edge.core.deployment import DeploymentConfigBuilder
from jupyter_edge.core.errors import EntityNotFoundError
from jupyter_edge.core.framework import Acceleration, Architecture
from jupyter_edge.magics.table import Argument
from jupyter_edge.magics.words import nearest

if TYPE_CHECKING:
    from jupyter_edge.client import ModelVersion, Pipeline, Publish
    from jupyter_edge.magics.session import Session


def words(text: str) -> list[str]:
    """Read a list written with commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def moment(text: str) -> datetime:
    """Read a time."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        msg = f"{text!r} is no time such as 2026-01-31T12:00"
        raise ArgumentTypeError(msg) from None


PIPELINE = Argument("pipeline", "the pipeline's name", "pipelines")
AGAIN = Argument("--again", "also where nothing changed", options={"action": "store_true"})
NO_WAIT = Argument("--no-wait", "return the job at once, rather than wait for it", options={"action": "store_true"})
PUBLISH_ID = Argument("--publish", "the id of a publish, rather than the newest", options={"type": int})
TAGS = Argument("--tags", "the edge's tags, with commas", options={"type": words, "default": []})
HARDWARE = (
    Argument("--arch", "processor architecture", options={"choices": [arch.value for arch in Architecture]}),
    Argument("--accel", "what runs the models", options={"choices": [accel.value for accel in Acceleration]}),
)
LIMITS = (
    Argument("--replicas", "how many replicas", options={"type": int}),
    Argument("--cpus", "CPUs of each replica, such as 0.5", options={"type": float}),
    Argument("--memory", "memory of each replica, such as 900Mi"),
    *HARDWARE,
)


def config_of(options: Namespace) -> DeploymentConfigBuilder | None:
    """Return the deployment configuration that the flags name; ``None`` where they name nothing."""
    builder = DeploymentConfigBuilder()
    setters: list[tuple[Callable[[Any], Any], Any]] = [
        (builder.replica_count, options.replicas),
        (builder.cpus, options.cpus),
        (builder.memory, options.memory),
        (builder.arch, options.arch),
        (builder.accel, options.accel),
    ]
    given = [(setter, value) for setter, value in setters if value is not None]
    for setter, value in given:
        setter(value)
    return builder if given else None


def config_code(options: Namespace) -> str:
    """Return the Python that builds the deployment configuration of a verb's flags."""
    calls = {"replica_count": options.replicas, "cpus": options.cpus, "memory": options.memory}
    calls |= {"arch": options.arch, "accel": options.accel}
    built = "".join(f".{name}({value!r})" for name, value in calls.items() if value is not None)
    return f"DeploymentConfigBuilder(){built}" if built else "None"


def shown(run: Callable[[Session, Namespace], Any]) -> dict[str, Any]:
    """Return how a verb that only reads shows its twins: as what it returns does."""
    return {"twin": lambda session, options: run(session, options).show(options.show), "kinds": ("curl", "python")}


def pipeline_of(session: Session, options: Namespace) -> Pipeline:
    """Return the pipeline that the verb names.

    Raises:
        EntityNotFoundError: if there is none, with the nearest name and the verb that makes one.
    """
    client = session.client
    try:
        return client.get_pipeline(options.pipeline)
    except EntityNotFoundError:
        workspace = client.get_current_workspace()
        names = [pipeline.name() for pipeline in client.list_pipelines(workspace)]
        msg = (
            f"Workspace {workspace.name()} has no pipeline {options.pipeline!r}{nearest(options.pipeline, names)}: "
            f"`%edge pipeline {options.pipeline} MODEL` makes it."
        )
        raise EntityNotFoundError(msg) from None


def model_of(session: Session, name: str) -> ModelVersion:
    """Return the latest version of a model.

    Raises:
        EntityNotFoundError: if there is none, with the nearest name and the verb that brings it.
    """
    client = session.client
    try:
        return client.get_model(name)
    except EntityNotFoundError:
        names = [model.name() for model in client.list_models()]
        workspace = client.get_current_workspace().name()
        msg = (
            f"Workspace {workspace} has no model {name!r}{nearest(name, names)}: `%edge upload {name} FILE` brings it."
        )
        raise EntityNotFoundError(msg) from None


def publish_of(session: Session, options: Namespace) -> Publish:
    """Return the publish that the verb means: the one of ``--publish``, or the pipeline's newest."""
    from jupyter_edge.client.ensure import require_publish

    chosen = getattr(options, "publish", None)
    return session.client.get_publish(chosen) if chosen else require_publish(pipeline_of(session, options))


def get_pipeline_code(options: Namespace) -> str:
    """Return the Python that gets the pipeline which the verb names."""
    return f"client.get_pipeline({options.pipeline!r})"

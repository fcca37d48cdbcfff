"""What a declaration would change, and changing it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jupyter_edge.client.declaration import Declaration, EdgeWish
from jupyter_edge.client.ensure import (
    RegisteredEdge,
    current_publish,
    ensure_deployed,
    ensure_edge,
    ensure_model,
    ensure_published,
    ensure_steps,
    find_edge,
    find_model,
    find_pipeline,
    has_steps,
    is_deployed,
    is_met,
    newest_publish,
)
from jupyter_edge.client.model import ModelVersion, batching_words
from jupyter_edge.client.model_file import ModelWish
from jupyter_edge.client.pipeline import Pipeline
from jupyter_edge.client.twins import Kinds, Twins
from jupyter_edge.core.deployment import DeploymentConfigBuilder, limits_of
from jupyter_edge.core.naming import check_name
from jupyter_edge.core.pipeline import models_of
from jupyter_edge.display import Details, Listing

if TYPE_CHECKING:
    from jupyter_edge.client.client import Client

ADD, CHANGE, KEEP = "+", "~", "="


@dataclass(frozen=True)
class Change:
    """One line of a plan; ``sign`` is ``+`` for what is made, ``~`` for what is changed, ``=`` for what stays."""

    sign: str
    subject: str
    words: str


@dataclass(frozen=True)
class Applied(Twins, Details):
    """What applying a declaration changed, and the edges it names, some with a bundle."""

    pipeline: Pipeline
    changes: Listing[Change]
    edges: dict[str, RegisteredEdge] = field(default_factory=dict)

    def details(self) -> dict[str, object]:
        """Return a row for each change."""
        return {f"{change.sign} {change.subject}": change.words for change in self.changes}

    def _twins(self) -> Kinds:
        return self.pipeline._twins()

    def __repr__(self) -> str:
        return str(self)


def plan_declaration(client: Client, name: str, declaration: Declaration) -> Listing[Change]:
    """Return what applying a declaration to the pipeline of a name would change, changing nothing.

    Raises:
        EntityNotFoundError: if a step names a model that is neither there nor given as a file.
    """
    check_name("pipeline", name)
    pipeline = find_pipeline(client, name)
    versions = [_as_wished(client, wish) for wish in declaration.steps]
    same = pipeline is not None and None not in versions and has_steps(pipeline, [one for one in versions if one])
    changes = [_model_change(client, *pair) for pair in zip(declaration.steps, versions, strict=True)]
    changes.append(_steps_change(pipeline, declaration, same=same))
    if declaration.deployment:
        kept = same and pipeline is not None and is_deployed(pipeline, _asked(declaration.deployment))
        running = pipeline is not None and pipeline.status()["status"] != "Undeployed"
        changes.append(_limits_change("deployment", declaration.deployment, kept=kept, there=running))
    if declaration.publish:
        kept = same and pipeline is not None and current_publish(pipeline, _asked(declaration.publish)) is not None
        there = pipeline is not None and newest_publish(pipeline) is not None
        changes.append(_limits_change("publish", declaration.publish, kept=kept, there=there))
    changes += [_edge_change(pipeline, wish) for wish in declaration.edges]
    changes += _left(pipeline, declaration)
    return Listing(changes, ["", "what", "how"], lambda change: [change.sign, change.subject, change.words])


def apply_declaration(client: Client, name: str, declaration: Declaration) -> Applied:
    """Bring about what a declaration says, changing only what differs; return what was changed.

    Edges, deployments and publishes that it does not name stay as they are.

    Raises:
        EdgeError: that of the step which fails; what was done before stays, and applying again goes on from there.
    """
    changes = plan_declaration(client, name, declaration)
    models = [ensure_model(client, wish) for wish in declaration.steps]
    pipeline = ensure_steps(client, name, models)
    if declaration.deployment:
        ensure_deployed(pipeline, _asked(declaration.deployment))
    edges: dict[str, RegisteredEdge] = {}
    if declaration.publish:
        publish = ensure_published(pipeline, _asked(declaration.publish))
        for wish in declaration.edges:
            edge = find_edge(pipeline, wish.name)
            edges[wish.name] = RegisteredEdge(edge, publish) if edge else ensure_edge(pipeline, wish.name, wish.tags)
    return Applied(pipeline, changes, edges)


def _as_wished(client: Client, wish: ModelWish) -> ModelVersion | None:
    """Return the latest version of a model if it is as wished for; ``None`` if there is to be a new one."""
    latest = find_model(client, wish.name) if wish.file else client.get_model(wish.name)
    return latest if latest is not None and is_met(wish, latest) else None


def _model_change(client: Client, wish: ModelWish, version: ModelVersion | None) -> Change:
    if version is not None:
        return Change(KEEP, f"model {wish.name}", f"version {version.version()}")
    settings = {
        "tensor_fields": list(wish.tensor_fields or ()),
        "batch_config": wish.batch_config,
        "dynamic_batching_config": wish.dynamic_batching_config and batching_words(wish.dynamic_batching_config),
        "arch": wish.arch,
        "accel": wish.accel,
    }
    words = ", ".join([f"upload {wish.file}", *(f"{name} {value}" for name, value in settings.items() if value)])
    return Change(CHANGE if find_model(client, wish.name) else ADD, f"model {wish.name}", words)


def _steps_change(pipeline: Pipeline | None, declaration: Declaration, *, same: bool) -> Change:
    wanted = ", ".join(wish.name for wish in declaration.steps)
    if pipeline is None:
        return Change(ADD, "steps", wanted)
    before = ", ".join(model.name for model in models_of({"steps": pipeline.steps()})) or "none"
    return Change(KEEP, "steps", wanted) if same else Change(CHANGE, "steps", f"{before} -> {wanted} (new version)")


def _limits_change(what: str, wanted: DeploymentConfigBuilder, *, kept: bool, there: bool) -> Change:
    limits, engine = limits_of(wanted.build()), wanted.build()["engine"]
    replicas = f"{limits.replicas} replica{'s' * (limits.replicas > 1)}"
    shown = (
        ", ".join(filter(None, [replicas, str(limits), engine.get("arch"), engine.get("accel")]))
        if _asked(wanted)
        else "limits not declared"
    )
    return Change(KEEP if kept else CHANGE if there else ADD, what, shown)


def _edge_change(pipeline: Pipeline | None, wish: EdgeWish) -> Change:
    edge = find_edge(pipeline, wish.name) if pipeline else None
    if edge is None:
        return Change(ADD, f"edge {wish.name}", f"register{', tags ' * bool(wish.tags)}{', '.join(wish.tags)}")
    return Change(KEEP, f"edge {wish.name}", "has joined" if edge.joined_at else "waits to join")


def _left(pipeline: Pipeline | None, declaration: Declaration) -> list[Change]:
    """Return what is there and not declared: it stays, because nothing is thrown away that nobody named."""
    if pipeline is None:
        return []
    left = []
    if declaration.deployment is None and pipeline.status()["status"] != "Undeployed":
        left.append(Change(KEEP, "deployment", "not declared, goes on"))
    named = {wish.name for wish in declaration.edges}
    edges = [edge.name for edge in pipeline.list_edges() if edge.name not in named]
    return left + [Change(KEEP, f"edge {name}", "not declared, stays registered") for name in edges]


def _asked(wanted: DeploymentConfigBuilder) -> DeploymentConfigBuilder | None:
    """Return the limits, or ``None`` where none were named, so that any will do."""
    return wanted if wanted.build()["engine"] else None

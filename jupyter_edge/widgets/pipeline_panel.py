"""The form that puts models together, runs them, and tries what runs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.display import Listing
from jupyter_edge.widgets.base import (
    NOTHING,
    Panel,
    Row,
    button,
    field,
    hint,
    read_pipelines,
    section,
    set_options,
    state_line,
)
from jupyter_edge.widgets.job_progress import JobProgress
from jupyter_edge.widgets.latency import Latency, read_latency
from jupyter_edge.widgets.limits import Limits
from jupyter_edge.widgets.try_it import TryIt

if TYPE_CHECKING:
    from jupyter_edge.client import Client, ModelVersion, Pipeline

_NO_PIPELINE = "No pipeline yet: name one and press Create"
_NO_MODEL = "No model yet: upload one first"
_SHOWN_DETAILS = 9
_KINDS = {"Running": "good", "Error": "bad", "Undeployed": "off"}


@dataclass(frozen=True)
class _Step:
    name: str
    version: str


@dataclass(frozen=True)
class _Chosen:
    """What is shown of the pipeline that is chosen."""

    id: int
    steps: tuple[_Step, ...]
    deployed_steps: tuple[_Step, ...] | None
    status: str
    details: tuple[str, ...]
    latency: tuple[float, ...] | None


@dataclass(frozen=True)
class _State:
    pipelines: tuple[tuple[str, int], ...]
    rows: tuple[tuple[str, str, str], ...]
    models: tuple[str, ...]
    chosen: _Chosen | None


class PipelinePanel(Panel):
    """Choose or make a pipeline, set its steps and limits, deploy and undeploy it, watch it and try it.

    Args:
        client: of the engine; pipelines and models are those of its current workspace.
        pipeline: the pipeline to begin with.
    """

    title = "Pipeline"

    def __init__(self, client: Client, pipeline: Pipeline | None = None) -> None:
        self._pipeline: Pipeline | None = None
        self._wanted = None if pipeline is None else pipeline.id()
        self._choice = field(widgets.Dropdown, "Pipeline", options=[(_NO_PIPELINE, NOTHING)])
        self._new = field(widgets.Text, "New pipeline", placeholder="lower-case letters, digits and -")
        self._create = button("Create", "Make a pipeline of this name, without steps")
        self._steps = widgets.VBox()
        self._model = field(widgets.Dropdown, "Model", options=[(_NO_MODEL, NOTHING)])
        self._add = button("Add step", "Let the newest version of the model be the last step")
        self._limits = Limits("replica", replicas=True)
        self._deploy = button("Deploy", "Run the pipeline on the engine, under these limits", "primary")
        self._undeploy = button("Undeploy", "Stop the pipeline on the engine")
        self._live = widgets.HTML()
        self._latency = Latency()
        self.progress = JobProgress()
        self._try = TryIt()
        self._shown_steps: tuple[int, tuple[_Step, ...]] | None = None
        self._on_change(self._choice)
        for pressed, work in (
            (self._create, self._do_create),
            (self._add, self._do_add),
            (self._deploy, self._do_deploy),
            (self._undeploy, self._do_undeploy),
            (self._try.button, self._do_try),
        ):
            self._on_click(pressed, work)
        super().__init__(client, self._form())

    def _form(self) -> list[widgets.Widget]:
        choose = [self._choice, Row(self._new, self._create)]
        steps = [section("Steps"), self._steps, Row(self._model, self._add)]
        run = [section("Run"), *self._limits.fields, Row(self._deploy, self._undeploy), self.progress, self._live]
        return [*choose, *steps, *run, *self._latency.parts, section("Try it"), *self._try.parts]

    def overview(self) -> Listing[Any]:
        """Return the pipelines of the workspace."""
        rows = self._state.rows if self._state else ()
        return Listing(rows, ["pipeline", "steps", "deployed"], list)

    def _read(self) -> _State:
        pipelines, chosen = read_pipelines(self.client, self._wanted or self._choice.value)
        self._pipeline = chosen
        return _State(
            tuple((one.name(), one.id()) for one in pipelines),
            tuple(_row(one) for one in pipelines),
            tuple(model.name() for model in self.client.list_models()),
            _look(self.client, chosen) if chosen else None,
        )

    def _show(self, state: _State) -> None:
        set_options(self._choice, state.pipelines, _NO_PIPELINE)
        set_options(self._model, [(name, name) for name in state.models], _NO_MODEL)
        chosen = state.chosen
        self._wanted = None
        steps = chosen.steps if chosen else ()
        running = chosen is not None and chosen.status != "Undeployed"
        self._allow(self._add, chosen is not None and bool(state.models))
        self._allow(self._deploy, bool(steps))
        self._allow(self._undeploy, running)
        self._allow(self._try.button, chosen is not None and chosen.status == "Running")
        self._deploy.description = "Deploy again" if running else "Deploy"
        self._show_steps(chosen)
        self._live.value = _live_line(chosen)
        self._latency.show(chosen.latency if chosen else None)
        if chosen:
            self._choice.value = chosen.id
        self._try.suggest(self._first_model(steps))

    def _show_steps(self, chosen: _Chosen | None) -> None:
        shown = (chosen.id, chosen.steps) if chosen else None
        if shown is not None and shown == self._shown_steps:
            return
        self._shown_steps = shown
        if chosen is None or not chosen.steps:
            next_step = "choose a model and press Add step." if chosen else "make a pipeline first."
            self._steps.children = [widgets.HTML(hint(f"No steps yet: {next_step}"))]
            return
        self._steps.children = [self._step_row(i, step) for i, step in enumerate(chosen.steps)]

    def _step_row(self, i: int, step: _Step) -> Row:
        name = widgets.Label(f"{i + 1}. {step.name}, version {step.version[:8]}")
        name.layout.width = "24em"
        remove = button("Remove", f"Remove step {i + 1}, {step.name}")
        self._on_click(remove, lambda: self._do_remove(i, step))
        return Row(name, remove)

    def _first_model(self, steps: tuple[_Step, ...]) -> Callable[[], ModelVersion] | None:
        if not steps:
            return None
        return _Fetch(self.client, steps[0])

    def _chosen(self) -> Pipeline:
        if self._pipeline is None:
            msg = "There is no pipeline yet: name one and press Create."
            raise InvalidInputError(msg)
        return self._pipeline

    def _do_create(self) -> str:
        name = self._new.value.strip()
        is_known = name in [one.name() for one in self.client.list_pipelines(self.client.get_current_workspace())]
        self._wanted = self.client.get_pipeline(name, create_if_not_exist=True).id()
        self._new.value = ""
        return f"Pipeline {name} was here already." if is_known else f"Pipeline {name} is here: add its steps."

    def _do_add(self) -> str | None:
        models, new = self._models(), self.client.get_model(self._model.value)
        self._keep_steps([*models, new])
        twice = any(model.id() == new.id() for model in models)
        return f"{new.name()} was a step already: it runs twice now." if twice else None

    def _do_remove(self, i: int, step: _Step) -> None:
        models = self._models()
        if i < len(models) and models[i].version() == step.version:
            self._keep_steps(models[:i] + models[i + 1 :])

    def _models(self) -> list[ModelVersion]:
        return [self.client.get_model(step.name, step.version) for step in _steps(self._chosen().refresh().steps())]

    def _keep_steps(self, models: list[ModelVersion]) -> None:
        pipeline = self._chosen().clear()
        with warnings.catch_warnings():  # of a step that is there twice, which is said in the panel
            warnings.simplefilter("ignore")
            for model in models:
                pipeline.add_model_step(model)
        pipeline.create_version()

    def _do_deploy(self) -> None:
        self._follow(self._chosen().deploy(self._limits.config(), wait=False))

    def _do_undeploy(self) -> None:
        self._follow(self._chosen().undeploy(wait=False))

    def _follow(self, pipeline: Pipeline) -> None:
        if pipeline.job is not None:
            self.progress.follow(pipeline.job, lambda _: self.refresh())

    def _do_try(self) -> None:
        self._try.run(self._chosen())


@dataclass(frozen=True)
class _Fetch:
    """A model version that is fetched when it is needed."""

    client: Client
    step: _Step

    def __call__(self) -> ModelVersion:
        return self.client.get_model(self.step.name, self.step.version)


def _look(client: Client, pipeline: Pipeline) -> _Chosen:
    deployment = pipeline._deployment
    deployed = deployment is not None and deployment.deployed()
    status: dict[str, Any] = pipeline.status() if deployed else {"status": "Undeployed", "details": [], "engines": []}
    details = [*status["details"]]
    for engine in status["engines"]:
        details += [f"{engine['name']}: {engine['status']}", *(engine["details"] or [])]
    versions = pipeline.versions_read()
    running = next((one for one in versions if deployment and one.id() == deployment.version_id()), None)
    return _Chosen(
        pipeline.id(),
        _steps(pipeline.steps()),
        _steps(running.steps()) if deployed and running else None,
        status["status"],
        tuple(details),
        read_latency(client, pipeline.id()) if deployed else None,
    )


def _steps(steps: list[dict[str, Any]]) -> tuple[_Step, ...]:
    models = (model for step in steps for model in step.get("ModelInference", {}).get("models", []))
    return tuple(_Step(model["name"], model["version"]) for model in models)


def _row(pipeline: Pipeline) -> tuple[str, str, str]:
    deployment = pipeline._deployment
    deployed = deployment is not None and deployment.deployed()
    return pipeline.name(), str(pipeline.details()["steps"]), "yes" if deployed else "no"


def _live_line(chosen: _Chosen | None) -> str:
    if chosen is None:
        return ""
    line = state_line(chosen.status, _KINDS.get(chosen.status, "busy"))
    if chosen.deployed_steps is not None and chosen.deployed_steps != chosen.steps:
        line += hint("The steps were changed since: deploy again to run them.")
    more = len(chosen.details) - _SHOWN_DETAILS
    details = [*chosen.details[:_SHOWN_DETAILS], *([f"... and {more} lines more"] if more > 0 else [])]
    return line + "".join(hint(detail) for detail in details)

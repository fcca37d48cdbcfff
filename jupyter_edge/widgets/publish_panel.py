"""The form that publishes a pipeline to the edge registry, and shows how to run what is published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from jupyter_edge.display import Listing
from jupyter_edge.widgets.base import (
    NO_PIPELINE,
    NOTHING,
    Panel,
    Row,
    button,
    field,
    hint,
    message,
    read_pipelines,
    section,
    set_options,
    state_line,
    table,
)
from jupyter_edge.widgets.commands import Commands
from jupyter_edge.widgets.job_progress import JobProgress
from jupyter_edge.widgets.limits import Limits

if TYPE_CHECKING:
    from jupyter_edge.client import Client, Pipeline, Publish

_NO_PUBLISH = "No publish yet: press Publish"
_KINDS = {"Published": "good", "Error": "bad"}


@dataclass(frozen=True)
class _State:
    pipelines: tuple[tuple[str, int], ...]
    pipeline: int | None
    has_steps: bool
    publishes: tuple[tuple[int, str, str, str, str | None], ...]


class PublishPanel(Panel):
    """Publish a pipeline, watch it, and copy the commands that run the result.

    Args:
        client: of the engine; the pipelines are those of its current workspace.
        pipeline: the pipeline to begin with.
        publish_id: the publish to begin with.
    """

    title = "Publish"

    def __init__(self, client: Client, pipeline: Pipeline | None = None, publish_id: int | None = None) -> None:
        self._pipeline: Pipeline | None = None
        self._publishes: list[Publish] = []
        self._wanted = client.get_publish(publish_id).pipeline() if pipeline is None and publish_id else pipeline
        self._wanted_publish = publish_id
        self._registry = widgets.HTML(_registry_words(client))
        self._choice = field(widgets.Dropdown, "Pipeline", options=[(NO_PIPELINE, NOTHING)])
        self._limits = Limits("edge")
        self._push = button("Publish", "Push the pipeline's newest steps to the registry", "primary")
        self.progress = JobProgress()
        self._publish = field(widgets.Dropdown, "Publish", options=[(_NO_PUBLISH, NOTHING)])
        self._result = widgets.HTML()
        self._commands = Commands("Run it with")
        self._shown_result: object = None
        self._on_change(self._choice)
        self._on_change(self._publish)
        self._on_click(self._push, self._do_publish)
        what = [self._registry, self._choice, *self._limits.fields, Row(self._push), self.progress]
        super().__init__(client, [*what, section("Published"), self._publish, self._result, *self._commands.parts])

    def overview(self) -> Listing[Any]:
        """Return the publishes of the pipeline that is chosen."""
        rows = [] if self._state is None else self._state.publishes
        columns = ["publish", "state", "made", "pipeline_url"]
        return Listing(rows, columns, lambda one: [one[0], one[2], one[1], one[3]])

    def _read(self) -> _State:
        pipelines, chosen = read_pipelines(self.client, self._wanted.id() if self._wanted else self._choice.value)
        self._pipeline = chosen
        self._publishes = list(reversed(chosen.publishes())) if chosen else []
        return _State(
            tuple((one.name(), one.id()) for one in pipelines),
            chosen.id() if chosen else None,
            bool(chosen and chosen.steps()),
            tuple(_row(one) for one in self._publishes),
        )

    def _show(self, state: _State) -> None:
        set_options(self._choice, state.pipelines, NO_PIPELINE)
        self._choice.value = state.pipeline or NOTHING
        self._wanted = None
        options = [(f"{number}, {status}, {made}", number) for number, made, status, _, _ in state.publishes]
        set_options(self._publish, options, _NO_PUBLISH)
        if self._wanted_publish in [one.id for one in self._publishes]:
            self._publish.value = self._wanted_publish
        self._wanted_publish = None
        self._allow(self._push, state.has_steps)
        if state.pipeline is not None and not state.has_steps:
            self._result.value = hint("The pipeline has no steps to publish yet: add one to it first.")
        self._show_result(next((one for one in self._publishes if one.id == self._publish.value), None), state)

    def _show_result(self, publish: Publish | None, state: _State) -> None:
        shown = None if publish is None else (publish.id, publish.status)
        if shown is not None and shown == self._shown_result:
            return
        self._shown_result = shown
        done = publish is not None and publish.status == "Published"
        self._commands.show(publish if done else None)
        if publish is None:
            ready = "Press Publish: the models, the helm chart and what an edge needs go to the registry."
            self._result.value = hint(ready if state.has_steps else "A pipeline with a step can be published.")
            return
        line = state_line(publish.status, _KINDS.get(publish.status, "busy"))
        self._result.value = line + (message(publish.error, "bad") if publish.error else table(_addresses(publish)))

    def _do_publish(self) -> None:
        pipeline = self._pipeline
        if pipeline is None:
            return
        self._wanted_publish = pipeline.publish(self._limits.config(), wait=False).id
        if pipeline.job is not None:
            self.progress.follow(pipeline.job, lambda _: self.refresh())


def _registry_words(client: Client) -> str:
    registry = client.transport.post("registry/get")
    where = "outside of this engine" if registry["external"] else "which this engine runs"
    return hint(f"The registry is {registry['registry']}, {where}.")


def _row(publish: Publish) -> tuple[int, str, str, str, str | None]:
    made = f"{publish.created_at:%Y-%m-%d %H:%M:%S} UTC"
    return publish.id, made, publish.status, publish.pipeline_url or "", publish.error


def _addresses(publish: Publish) -> Listing[Any]:
    rows = [
        ("pipeline", publish.pipeline_url),
        ("engine image", publish.engine_url),
        ("helm chart", publish.helm_chart_url),
        ("chart version", publish.helm_chart_version),
    ]
    return Listing([(name, value) for name, value in rows if value], ["what", "where"], list)

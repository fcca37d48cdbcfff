from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from jupyter_edge import samples
from jupyter_edge.client import Client, ModelVersion, Pipeline
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.core.home import Home
from jupyter_edge.widgets import PipelinePanel
from tests.widgets.conftest import Until

Press = Callable[[Any, str], str]
Name = Callable[[], str]


def test_an_empty_workspace_says_what_to_do_next(client: Client) -> None:
    panel = PipelinePanel(client)
    assert "No pipeline yet" in panel._choice.label
    assert "No model yet" in panel._model.label
    assert all(button.disabled for button in (panel._add, panel._deploy, panel._undeploy, panel._try.button))


def test_a_pipeline_is_made_run_tried_and_ended(
    client: Client, model: ModelVersion, new_name: Name, press: Press, until: Until
) -> None:
    panel = PipelinePanel(client)
    panel._new.value = name = new_name()
    assert f"Pipeline {name} is here: add its steps." in press(panel, "Create")
    panel._new.value = name
    assert f"Pipeline {name} was here already." in press(panel, "Create")
    press(panel, "Add step")
    assert [step.name for step in panel._state.chosen.steps] == ["ccfraud"]
    assert json.loads(panel._try._rows.value) == [{"tensor": [0.0] * 29}]
    press(panel, "Deploy")
    until(lambda: panel.refresh() is not None and "Running" in panel._live.value)
    assert "cpus=1" in panel._live.value
    assert "No inference yet" in panel._latency.words.value
    assert press(panel, "Infer") == ""
    assert "out.fraud_probability" in panel._try._answer.value
    panel.refresh()
    assert "of one row so far" in panel._latency.words.value
    panel._try._rows.value = "[1]"
    assert "must be a list of objects" in press(panel, "Infer")
    assert panel._try._answer.value == ""
    press(panel, "Remove")
    assert "deploy again to run them" in panel._live.value
    press(panel, "Undeploy")
    until(lambda: panel.refresh() is not None and "Undeployed" in panel._live.value)


def test_two_panels_show_the_same(pipeline: Pipeline, client: Client, press: Press) -> None:
    pipeline.create_version()
    first, second = pipeline.panel(), pipeline.panel()
    assert "it runs twice now" in press(first, "Add step")
    assert len(first._state.chosen.steps) == 2
    assert second.refresh()
    assert second._state == first._state
    assert not second.refresh()


def test_what_fails_is_said_in_a_line_and_the_input_kept(client: Client, pipeline: Pipeline, press: Press) -> None:
    pipeline.create_version()
    panel = pipeline.panel()
    panel._new.value = "Not Allowed"
    assert "cannot name a pipeline" in press(panel, "Create")
    assert panel._new.value == "Not Allowed"
    panel._limits._memory.value = "plenty"
    said = press(panel, "Deploy")
    assert "is not a memory quantity" in said
    assert 'role="alert"' in said
    panel._try.button.disabled = False
    panel._try._rows.value = "[1"
    assert "not JSON" in press(panel, "Infer")
    panel._try.button.disabled = False
    panel._try._rows.value = "[]"
    assert "must be a list of objects" in press(panel, "Infer")


def test_rows_too_long_to_write_are_not_suggested(client: Client, new_name: Name) -> None:
    shapes = client.upload_model("shapes", samples.path("shapes.onnx"))
    client.build_pipeline(new_name()).add_model_step(shapes).create_version()
    panel = PipelinePanel(client)
    assert panel._try._rows.value == ""
    assert "too many to write" in panel._try._hint.value


def test_an_engine_that_is_gone_is_said_and_what_was_shown_stays(
    pipeline: Pipeline, client: Client, engine_home: Home
) -> None:
    pipeline.create_version()
    panel = pipeline.panel()
    stop_engine(engine_home)
    panel.refresh()
    assert "Nothing answers" in panel._unreachable.value
    assert pipeline.name() in repr(panel)
    Client()


def test_a_button_keeps_the_focus_while_it_works_and_is_deaf(
    pipeline: Pipeline, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.create_version()
    panel = pipeline.panel()
    begun, go_on = threading.Semaphore(0), threading.Event()

    def work() -> None:
        begun.release()
        go_on.wait(30)

    monkeypatch.setattr(panel, "_models", work)
    panel._add.click()
    assert begun.acquire(timeout=30)
    panel.refresh()
    assert not panel._add.disabled
    assert "jupyter-edge-working" in panel._add._dom_classes
    panel._add.click()
    go_on.set()
    until(lambda: not panel._working)
    assert "jupyter-edge-working" not in panel._add._dom_classes
    assert not begun.acquire(blocking=False)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jupyter_edge.client import Client, EntityNotFoundError, Pipeline, Publish
from jupyter_edge.widgets import PublishPanel
from tests.widgets.conftest import Until

Press = Callable[[Any, str], str]


def test_an_empty_workspace_says_what_to_do_next(client: Client) -> None:
    panel = PublishPanel(client)
    assert "No pipeline yet" in panel._choice.label
    assert panel._push.disabled
    assert "which this engine runs" in panel._registry.value
    assert panel._commands.text.layout.display == "none"


def test_a_pipeline_is_published_and_its_commands_shown(
    client: Client, pipeline: Pipeline, press: Press, until: Until
) -> None:
    pipeline.create_version()
    panel = PublishPanel(client, pipeline)
    assert press(panel, "Publish") == ""
    until(lambda: panel.refresh() is not None and "Published" in panel._result.value)
    publish = pipeline.publishes()[0]
    assert panel._commands.text.text == publish.serve_command()
    panel._commands.way.value = "helm"
    assert panel._commands.text.text == publish.helm_commands()
    assert str(publish.pipeline_url) in panel._result.value
    assert str(publish.pipeline_url) in repr(panel)


def test_what_fails_is_said_in_a_line_and_the_input_kept(client: Client, pipeline: Pipeline, press: Press) -> None:
    pipeline.create_version()
    panel = PublishPanel(client, pipeline)
    panel._limits._memory.value = "plenty"
    assert "is not a memory quantity" in press(panel, "Publish")
    assert panel._limits._memory.value == "plenty"
    assert not pipeline.publishes()


def test_a_publish_opens_its_own_panel(client: Client, published: Publish, pipeline: Pipeline) -> None:
    pipeline.publish()
    panel = published.panel()
    assert panel._publish.value == published.id
    assert str(published.pipeline_url) in panel._commands.text.text
    with pytest.raises(EntityNotFoundError, match="no publish"):
        PublishPanel(client, publish_id=10**9)

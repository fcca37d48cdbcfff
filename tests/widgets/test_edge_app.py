from __future__ import annotations

from collections.abc import Callable

import pytest

from jupyter_edge.client import Client, Pipeline
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.core.home import Home
from jupyter_edge.widgets import poller
from tests.widgets.conftest import Until

Name = Callable[[], str]


def test_only_the_open_tab_looks_at_the_engine(client: Client) -> None:
    app = client.panel()
    assert [panel.poller.paused for panel in app.panels.values()] == [i != 0 for i in range(len(app.panels))]
    app._tabs.selected_index = 2
    assert [panel.poller.paused for panel in app.panels.values()] == [i != 2 for i in range(len(app.panels))]


def test_another_workspace_is_chosen_for_all_panels(client: Client, pipeline: Pipeline, new_name: Name) -> None:
    app = client.panel()
    assert pipeline.name() in repr(app)
    other = client.create_workspace(new_name())
    app.refresh()
    app._workspace.value = other.id()
    assert client.get_current_workspace().id() == other.id()
    assert "No pipeline yet" in app.panels["Pipeline"]._choice.label
    assert pipeline.name() not in repr(app)


def test_a_closed_app_looks_no_more(client: Client) -> None:
    app = client.panel()
    app._view_count = 1
    app.panels["Models"]._view_count = 1
    app.close()
    assert not app.poller.running
    assert not app.panels["Models"].poller.running


def test_the_log_of_a_pipeline_is_read_once_its_tab_is_opened(client: Client, pipeline: Pipeline) -> None:
    app = client.panel()
    logs = app.panels["Logs"]
    assert not logs._explorer.children
    app._tabs.selected_index = list(app.panels).index("Logs")
    (explorer,) = logs._explorer.children
    assert pipeline.name() in repr(explorer)


def test_another_app_shows_at_once_which_workspace_was_chosen(
    client: Client, new_name: Name, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "SHORTEST_SECONDS", 3600.0)
    other = client.create_workspace(new_name())
    first, second = client.panel(), client.panel()
    second._view_count = 1
    first._workspace.value = other.id()
    until(lambda: second._workspace.value == other.id())
    second.close()


def test_a_workspace_may_be_chosen_while_the_engine_is_gone(client: Client, new_name: Name, engine_home: Home) -> None:
    other = client.create_workspace(new_name())
    app = client.panel()
    stop_engine(engine_home)
    app._workspace.value = other.id()
    app.refresh()
    assert "Nothing answers" in app._unreachable.value
    assert client.get_current_workspace().id() == app._workspace.value == other.id()
    Client()


def test_a_log_that_could_not_be_read_is_read_later(
    client: Client, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jupyter_edge.core.errors import EdgeError
    from jupyter_edge.widgets import log_explorer

    def fail(_pipeline: Pipeline) -> None:
        raise EdgeError("The log is being compacted.")

    logs = client.panel().panels["Logs"]
    with monkeypatch.context() as patch:
        patch.setattr(log_explorer, "LogExplorer", fail)
        logs.look()
    assert "being compacted" in logs._unreachable.value
    logs.refresh()
    assert logs._unreachable.value == ""
    assert pipeline.name() in repr(logs._explorer.children[0])

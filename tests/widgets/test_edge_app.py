from __future__ import annotations

from collections.abc import Callable

from jupyter_edge.client import Client, Pipeline

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

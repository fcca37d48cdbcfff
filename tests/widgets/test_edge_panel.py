from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from jupyter_edge.client import Client, Publish
from jupyter_edge.widgets import EdgePanel
from jupyter_edge.widgets.edge_panel import _ago

Press = Callable[[Any, str], str]
Name = Callable[[], str]


def test_an_empty_workspace_says_what_to_do_next(client: Client) -> None:
    panel = EdgePanel(client)
    assert "No publish yet" in panel._choice.label
    assert panel._add.disabled
    assert panel._remove.disabled
    assert "so publish first" in panel._table.value


def test_an_edge_is_registered_its_bundle_shown_once_and_removed(
    client: Client, published: Publish, new_name: Name, press: Press
) -> None:
    panel = EdgePanel(client)
    panel._name.value = name = new_name()
    panel._tags.value = "north, till"
    assert press(panel, "Register") == ""
    shown = panel._commands.text
    assert "EDGE_BUNDLE=" in shown._secret
    panel._commands.way.value = "docker"
    assert "docker run" in shown._secret
    assert "EDGE_BUNDLE" not in repr(panel) + str(panel._repr_mimebundle_()) + str(shown.get_state())
    assert not EdgePanel(client)._commands.text._secret
    panel._done.click()
    assert not shown._secret
    (edge,) = client.list_edges(publish=published)
    assert (edge.name, edge.tags) == (name, ["north", "till"])
    assert "waits to join" in panel._table.value
    panel._remove.click()
    assert client.list_edges(publish=published)
    panel._keep.click()
    panel._remove.click()
    assert f"Edge {name} is removed" in press(panel, "Remove for good")
    assert not client.list_edges(publish=published)


def test_what_fails_is_said_in_a_line_and_the_input_kept(
    client: Client, published: Publish, new_name: Name, press: Press
) -> None:
    name = new_name()
    published.add_edge(name)
    panel = client.list_edges(publish=published)[0].panel()
    panel._name.value = name
    said = press(panel, "Register")
    assert "choose another name" in said
    assert 'role="alert"' in said
    assert panel._name.value == name
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel.refresh()


def test_the_time_since_an_edge_was_heard_of_is_told_in_the_unit_that_says_it() -> None:
    ages = {5: "5 s ago", 119: "119 s ago", 600: "10 min ago", 7200: "2 h ago", 200_000: "2 d ago"}
    for seconds, words in ages.items():
        assert _ago(datetime.now(UTC) - timedelta(seconds=seconds)) == words
    assert _ago(None) == "never"

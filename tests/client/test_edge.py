from __future__ import annotations

from collections.abc import Callable

import pytest

from jupyter_edge.client import Client, ConflictError, InvalidInputError, Publish
from jupyter_edge.core.bundle import EdgeBundle

Name = Callable[[], str]


def test_an_edge_has_a_bundle_that_no_display_shows(client: Client, published: Publish, new_name: Name) -> None:
    name = new_name()
    with pytest.raises(InvalidInputError, match=r"give a list, \['canary'\]"):
        published.add_edge(name, tags="canary")
    location = published.add_edge(name, tags=["canary"])
    bundle = EdgeBundle.decode(location.docker_run_variables["EDGE_BUNDLE"])
    assert (bundle.edge_name, bundle.pipeline_url) == (name, published.pipeline_url)
    for shown in (repr(location), str(location), location._repr_html_()):
        assert location.docker_run_variables["EDGE_BUNDLE"] not in shown
        assert bundle.join_token not in shown
    (edge,) = published.list_edges()
    assert (edge.name, edge.tags, edge.joined_at) == (name, ["canary"], None)
    assert name in repr(client.list_edges())
    assert [one.name for one in client.list_edges(workspace=client.get_current_workspace())] == [name]
    assert "canary" in edge._repr_html_()
    with pytest.raises(ConflictError, match=name):
        published.add_edge(name)
    published.remove_edge(name)
    assert not published.list_edges()


def test_an_edge_can_be_removed_by_name_alone_and_a_missing_one_gives_a_warning(
    client: Client, published: Publish, new_name: Name
) -> None:
    name = new_name()
    published.add_edge(name)
    client.remove_edge(name)
    assert name not in {edge.name for edge in client.list_edges()}
    with pytest.warns(UserWarning, match=name):
        client.remove_edge(name)

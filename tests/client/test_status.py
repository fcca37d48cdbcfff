from __future__ import annotations

import pytest

from jupyter_edge.client import Client, Pipeline, engine_status


def test_the_status_says_where_the_engine_is_and_what_it_holds(client: Client, deployed: Pipeline) -> None:
    rows = engine_status(client).details()
    assert rows["engine"] == client.api_endpoint
    assert rows["workspace"] == client.get_current_workspace().name()
    assert rows["models"] == 1
    assert deployed.name() in str(rows["deployed"])


def test_the_status_says_what_named_the_engine(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine_status(client).details()["found by"] == "this user's home"
    assert engine_status(client, "a setting").details()["found by"] == "a setting"
    monkeypatch.setenv("JUPYTER_EDGE_URL", client.api_endpoint)
    assert engine_status(client).details()["found by"] == "JUPYTER_EDGE_URL"


def test_the_status_without_an_engine_says_so() -> None:
    assert "none runs" in repr(engine_status(None))

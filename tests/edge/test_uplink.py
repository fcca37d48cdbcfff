from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jupyter_edge.core.bundle import EdgeBundle
from jupyter_edge.edge.store import EdgeStore
from jupyter_edge.edge.uplink import Uplink, engine_url_of
from tests.client.server import Server
from tests.edge.conftest import until


@contextmanager
def running() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def joining(store: EdgeStore, server: Server) -> Iterator[None]:
    bundle = EdgeBundle("shop-7", "join-token", f"127.0.0.1:{server.server_port}", "r/p:1", 1)
    uplink = Uplink(store, bundle, "v1", insecure=False)
    uplink.start()
    yield
    uplink.stop(5)


def test_no_proxy_sees_the_join_token_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with running() as server, joining(EdgeStore(tmp_path), server):
        until(lambda: server.seen, "the join")
    assert json.loads(server.seen[0][2])["join_token"] == "join-token"


def test_an_edge_that_is_stopped_at_once_has_joined(tmp_path: Path) -> None:
    with running() as server, joining(EdgeStore(tmp_path), server):
        pass
    assert [json.loads(body)["edge_name"] for _, _, body in server.seen] == ["shop-7"]


def test_a_redirect_does_not_take_the_join_token_elsewhere(tmp_path: Path) -> None:
    with running() as server, running() as elsewhere:
        server.answer = (307, {"Location": f"http://127.0.0.1:{elsewhere.server_port}/v1/api/edges/join"}, b"{}")
        with joining(EdgeStore(tmp_path), server):
            until(lambda: len(server.seen) > 1, "another attempt")
        assert not elsewhere.seen


@pytest.mark.parametrize(
    ("host", "insecure", "url"),
    [
        ("127.0.0.1:8790", False, "http://127.0.0.1:8790"),
        ("[::1]:8790", False, "http://[::1]:8790"),
        ("engine.example:8790", False, "https://engine.example:8790"),
        ("127.0.0.1.example:8790", False, "https://127.0.0.1.example:8790"),
        ("engine.example:8790", True, "http://engine.example:8790"),
    ],
)
def test_only_this_machine_is_spoken_to_in_the_open_unless_asked_for(host: str, insecure: bool, url: str) -> None:
    assert engine_url_of(host, insecure=insecure) == url

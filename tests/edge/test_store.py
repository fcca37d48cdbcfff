from __future__ import annotations

import stat
from pathlib import Path

import pytest

from jupyter_edge.core.errors import ConflictError, DigestError, StorageFullError
from jupyter_edge.core.pipeline import ModelSpec, PipelineSpec
from jupyter_edge.core.schema import ModelSchema
from jupyter_edge.edge.store import EdgeStore, Identity, Served, check_models


def put(store: EdgeStore, content: bytes) -> str:
    with store.blobs.writer() as writer:
        writer.write(content)
        return writer.commit()


def served(digest: str) -> Served:
    model = ModelSpec("ccfraud", "v", digest.removeprefix("sha256:"), 5, ModelSchema((), ()))
    return Served("r/p:1", PipelineSpec("p", "1", 1, (model,)))


def test_an_identity_and_a_pipeline_outlive_the_server(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path)
    identity = Identity("shop-7", "http://127.0.0.1:8790", "credential", "hash")
    store.keep_identity(identity)
    store.keep_served(served(put(store, b"model")))
    store.close()
    again = EdgeStore(tmp_path)
    assert again.identity() == identity
    assert again.served() == served(put(again, b"model"))
    assert "credential" not in repr(identity)
    assert stat.S_IMODE((tmp_path / "identity.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"spec": 1}', '{"pipeline_url": "r/p:1", "spec": {}}'])
def test_damaged_files_count_as_none(tmp_path: Path, content: str) -> None:
    for name in ("identity.json", "pipeline.json"):
        (tmp_path / name).write_text(content)
    store = EdgeStore(tmp_path)
    assert store.identity() is None
    assert store.served() is None


def test_a_join_token_gives_the_same_credential_in_one_folder_only(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path / "a")
    credential = store.new_credential("token")
    store.close()
    assert EdgeStore(tmp_path / "a").new_credential("token") == credential
    assert EdgeStore(tmp_path / "b").new_credential("token") != credential
    assert stat.S_IMODE((tmp_path / "a" / "key").stat().st_mode) == 0o600


def test_keeping_a_pipeline_lets_go_of_the_models_of_the_one_before(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path)
    old, new = put(store, b"old"), put(store, b"new")
    store.keep_served(served(new))
    assert store.blobs.has(new)
    assert not store.blobs.has(old)


def test_a_flipped_bit_in_a_model_is_found_and_the_layer_named(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path)
    digest = put(store, b"model")
    check_models(served(digest).spec, store.blobs)
    store.blobs.path(digest).chmod(0o600)
    store.blobs.path(digest).write_bytes(b"mpdel")
    with pytest.raises(DigestError, match=digest):
        check_models(served(digest).spec, store.blobs)


def test_two_servers_do_not_share_a_folder(tmp_path: Path) -> None:
    first = EdgeStore(tmp_path)
    with pytest.raises(ConflictError, match="JUPYTER_EDGE_PERSIST"):
        EdgeStore(tmp_path)
    first.close()


def test_a_folder_that_cannot_be_made_is_refused_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFullError, match="JUPYTER_EDGE_PERSIST"):
        EdgeStore(tmp_path / "file" / "persist")

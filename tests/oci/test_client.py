from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from jupyter_edge.core.errors import AuthenticationError, DigestError, JobCancelledError, RegistryError
from jupyter_edge.core.secret import Secret
from jupyter_edge.oci.blobs import BlobStore, digest_of
from jupyter_edge.oci.client import RegistryClient
from jupyter_edge.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, describe, to_json

from .conftest import PASSWORD, USERNAME, Relay, RunningRegistry, ScriptedHandler, ScriptedServer, guarded

BLOB = os.urandom(1 << 20)
DIGEST = digest_of(BLOB)


def connect(host: str, **options: object) -> RegistryClient:
    return RegistryClient(host, USERNAME, Secret(PASSWORD), **options)  # type: ignore[arg-type]


def manifest_of(content: bytes) -> bytes:
    descriptor = describe("application/octet-stream", content)
    return to_json({"schemaVersion": 2, "mediaType": IMAGE_MANIFEST, "config": descriptor, "layers": [descriptor]})


def push_and_fetch_everything(client: RegistryClient, folder: Path) -> None:
    file = folder / "model.bin"
    file.write_bytes(BLOB)
    done: list[int] = []
    client.ping()
    assert not client.has_blob("a/b", DIGEST)
    client.push_blob("a/b", file, DIGEST, done.append)
    client.push_blob("a/b", b"small", digest_of(b"small"))
    client.push_blob("a/b", b"", digest_of(b""))
    assert client.has_blob("a/b", DIGEST)
    assert done == sorted(done)
    assert done[-1] == len(BLOB)

    manifest = manifest_of(BLOB)
    digest = client.push_manifest("a/b", "v1", manifest, IMAGE_MANIFEST)
    assert digest == digest_of(manifest)
    index = to_json({"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": [describe(IMAGE_MANIFEST, manifest)]})
    client.push_manifest("a/b", "all", index, IMAGE_INDEX)
    assert client.fetch_manifest("a/b", "v1") == (manifest, digest, IMAGE_MANIFEST)
    assert client.fetch_manifest("a/b", digest) == (manifest, digest, IMAGE_MANIFEST)
    assert client.fetch_manifest("a/b", "all") == (index, digest_of(index), IMAGE_INDEX)
    assert sorted(client.get_tags(f"{client.hostname}/a/b")) == ["all", "v1"]

    store = BlobStore(folder / "pulled")
    for content in (BLOB, b"small", b""):
        client.fetch_blob("a/b", digest_of(content), store, len(content))
        assert store.open(digest_of(content)).read() == content


def test_all_that_is_pushed_comes_back_from_the_embedded_registry(client: RegistryClient, tmp_path: Path) -> None:
    push_and_fetch_everything(client, tmp_path)


@pytest.mark.external
def test_all_that_is_pushed_comes_back_from_dockers_registry(docker_registry: str, tmp_path: Path) -> None:
    push_and_fetch_everything(connect(docker_registry), tmp_path)


@pytest.mark.external
def test_wrong_credentials_for_dockers_registry_are_said(docker_registry: str) -> None:
    client = RegistryClient(docker_registry, USERNAME, Secret("wrong"))
    with pytest.raises(AuthenticationError, match="password"):
        client.ping()
    with pytest.raises(AuthenticationError, match="password"):
        client.push_blob("a", BLOB, DIGEST)


def test_one_flipped_bit_in_the_registrys_store_is_found(
    registry: RunningRegistry, client: RegistryClient, blobs: BlobStore
) -> None:
    client.push_blob("a", BLOB, DIGEST)
    path = registry.blobs.path(DIGEST)
    path.write_bytes(BLOB[:-1] + bytes([BLOB[-1] ^ 1]))
    with pytest.raises(DigestError, match=DIGEST):
        client.fetch_blob("a", DIGEST, blobs, len(BLOB))
    assert list(blobs.digests()) == []
    assert list(blobs.unfinished.iterdir()) == []


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_changed_manifest_is_found(registry: RunningRegistry, client: RegistryClient, by: str) -> None:
    client.push_blob("a", BLOB, DIGEST)
    manifest = manifest_of(BLOB)
    digest = client.push_manifest("a", "v1", manifest, IMAGE_MANIFEST)
    registry.blobs.path(digest).write_bytes(manifest.replace(b"octet", b"octer"))
    with pytest.raises(DigestError, match=digest):
        client.fetch_manifest("a", "v1" if by == "tag" else digest)


@pytest.mark.parametrize("size", [len(BLOB) - 1, 0])
def test_a_blob_longer_than_promised_is_refused(client: RegistryClient, blobs: BlobStore, size: int) -> None:
    client.push_blob("a", BLOB, DIGEST)
    with pytest.raises(DigestError, match="longer than"):
        client.fetch_blob("a", DIGEST, blobs, size)
    assert list(blobs.digests()) == []


def test_a_body_travels_once(registry: RunningRegistry) -> None:
    with Relay(registry.host) as relay:
        connect(relay.host).push_blob("a", BLOB, DIGEST)
        assert len(BLOB) < relay.bytes["up"] < len(BLOB) + 10_000


@pytest.mark.external
def test_a_body_travels_once_to_dockers_registry(docker_registry: str) -> None:
    with Relay(docker_registry) as relay:
        connect(relay.host).push_blob("a", BLOB, DIGEST)
        assert len(BLOB) < relay.bytes["up"] < len(BLOB) + 50_000


def test_a_body_is_not_sent_again_with_a_password_that_was_refused() -> None:
    def refuse(request: ScriptedHandler) -> None:
        request.send(401, WWW_Authenticate='Basic realm="x"')

    with ScriptedServer(refuse) as server:
        with pytest.raises(AuthenticationError, match="username and password"):
            connect(server.host).push_manifest("a", "v1", b"{}", IMAGE_MANIFEST)
        assert len(server.asked("PUT")) == 1


def test_a_blob_that_the_registry_can_mount_does_not_travel(registry: RunningRegistry) -> None:
    registry.blobs.put(BLOB)
    with Relay(registry.host) as relay:
        client = connect(relay.host)
        client.push_blob("a", BLOB, DIGEST)
        assert client.has_blob("a", DIGEST)
        client.push_blob("a", BLOB, DIGEST)
        assert relay.bytes["up"] < 10_000


def test_a_large_file_never_is_in_memory_as_a_whole(client: RegistryClient, tmp_path: Path) -> None:
    size = 64 << 20
    file = tmp_path / "large"
    with file.open("wb") as opened:
        opened.truncate(size)
    digest = "sha256:3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351"
    tracemalloc.start()
    try:
        client.push_blob("a", file, digest)
        client.fetch_blob("a", digest, BlobStore(tmp_path / "pulled"), size)
        assert tracemalloc.get_traced_memory()[1] < size / 4
    finally:
        tracemalloc.stop()


def test_a_broken_download_goes_on_where_it_stopped(registry: RunningRegistry, blobs: BlobStore) -> None:
    connect(registry.host).push_blob("a", BLOB, DIGEST)
    done: list[int] = []
    with Relay(registry.host, down=[300_000, 200_000, 400_000]) as relay:
        connect(relay.host).fetch_blob("a", DIGEST, blobs, len(BLOB), done.append)
        assert relay.bytes["down"] < 1.25 * len(BLOB), "no download began anew"
    assert blobs.verify(DIGEST)
    assert done == sorted(done)


@pytest.mark.external
def test_a_broken_download_from_dockers_registry_goes_on(docker_registry: str, blobs: BlobStore) -> None:
    connect(docker_registry).push_blob("a", BLOB, DIGEST)
    with Relay(docker_registry, down=[300_000, 200_000]) as relay:
        connect(relay.host).fetch_blob("a", DIGEST, blobs, len(BLOB))
    assert blobs.verify(DIGEST)


def test_a_registry_that_knows_no_ranges_does_not_spoil_a_resumed_download(blobs: BlobStore) -> None:
    def answer(request: ScriptedHandler) -> None:
        if "/blobs/" not in request.path:
            request.send(200)
            return
        request.send_response(200)
        request.send_header("Content-Length", str(len(BLOB)))
        request.end_headers()
        first = len(request.server.requests) < 3
        request.wfile.write(BLOB[:700_000] if first else BLOB)
        request.close_connection = True

    with ScriptedServer(answer) as server:
        connect(server.host).fetch_blob("a", DIGEST, blobs, len(BLOB))
        assert len(server.asked("GET")) == 3
    assert blobs.verify(DIGEST)


def test_a_download_that_never_gets_further_ends_with_an_error(registry: RunningRegistry, blobs: BlobStore) -> None:
    connect(registry.host).push_blob("a", BLOB, DIGEST)
    with Relay(registry.host, down=[50_000, *[500] * 50]) as relay, pytest.raises(RegistryError, match="broke off"):
        connect(relay.host).fetch_blob("a", DIGEST, blobs, len(BLOB))
    assert list(blobs.unfinished.iterdir()) == []


def test_a_broken_upload_is_tried_again(registry: RunningRegistry) -> None:
    with Relay(registry.host, up=[300_000]) as relay:
        connect(relay.host).push_blob("a", BLOB, DIGEST)
    assert registry.blobs.verify(DIGEST)


def test_a_dead_port_is_said_soon() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"127.0.0.1:{free.getsockname()[1]}"
    begin = time.monotonic()
    with pytest.raises(RegistryError, match=f"{host} cannot be reached"):
        connect(host).ping()
    assert time.monotonic() - begin < 30


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = connect(f"127.0.0.1:{silent.getsockname()[1]}", timeout=(1.0, 0.2))
        with pytest.raises(RegistryError, match=r"did not answer within 0.2 s"):
            client.ping()


def test_a_busy_registry_is_asked_again_and_a_refusal_is_not() -> None:
    statuses = [503, 200, 500, 502, 404]

    with ScriptedServer(lambda request: request.send(statuses.pop(0))) as server:
        assert not connect(server.host).has_blob("a", DIGEST)
        assert statuses == []
        statuses += [200, 400, 200]
        with pytest.raises(RegistryError, match="answered 400"):
            connect(server.host).push_manifest("a", "v1", b"{}", IMAGE_MANIFEST)
        assert statuses == [200]


def test_what_is_no_registry_is_said() -> None:
    with (
        ScriptedServer(lambda request: request.send(404)) as server,
        pytest.raises(RegistryError, match="a registry under /v2/"),
    ):
        connect(server.host).ping()


@pytest.mark.parametrize("name", ["push", "pull", "login", "download_blob", "get_manifest", "upload_blob"])
def test_what_oras_does_without_checks_is_not_offered(name: str) -> None:
    with pytest.raises(NotImplementedError, match="check digests"):
        getattr(connect("127.0.0.1:1"), name)("127.0.0.1:1/a:b")


def test_neither_netrc_nor_a_proxy_gets_between_two_processes_of_one_machine(
    registry: RunningRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password wrong\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    connect(registry.host).ping()


@pytest.mark.parametrize("way", ["up", "down"])
def test_progress_may_cancel(registry: RunningRegistry, client: RegistryClient, blobs: BlobStore, way: str) -> None:
    def cancel(done: int) -> None:
        if done > 200_000:
            raise JobCancelledError("cancelled")

    if way == "up":
        with pytest.raises(JobCancelledError):
            client.push_blob("a", BLOB, DIGEST, cancel)
        assert list(registry.blobs.digests()) == []
        assert list(registry.blobs.unfinished.iterdir()) == []
    else:
        client.push_blob("a", BLOB, DIGEST)
        with pytest.raises(JobCancelledError):
            client.fetch_blob("a", DIGEST, blobs, len(BLOB), cancel)
        assert list(blobs.digests()) == []


def test_plain_http_is_not_taken_for_https(registry: RunningRegistry) -> None:
    with pytest.raises(RegistryError, match="trusted certificate"):
        connect(registry.host, insecure=False).ping()


@pytest.mark.external
def test_https_asks_for_a_trusted_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem -subj /CN=test"
    subject = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command.split(), *subject], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server = ScriptedServer(guarded(lambda request: request.send(200)))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with server:
        with pytest.raises(RegistryError, match="trusted certificate"):
            connect(server.host, insecure=False).ping()
        assert server.requests == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "cert.pem"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        connect(server.host, insecure=False).ping()


def test_a_device_needs_no_server_or_frame_library() -> None:
    modules = ", ".join(f"jupyter_edge.oci.{name}" for name in ("artifact", "blobs", "client", "reference"))
    heavy = ("starlette", "fastapi", "pandas", "pyarrow")
    code = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"

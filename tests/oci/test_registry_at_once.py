"""Many clients at once, and a registry that is killed."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import requests
from requests import Session

from jupyter_edge.oci.blobs import BlobStore, digest_of

from .conftest import AUTHORIZATION, RunningRegistry
from .test_registry import BLOB, push_blob, start


def test_many_uploads_at_once_all_arrive(http: Session, registry: RunningRegistry) -> None:
    contents = [os.urandom(300_000) for _ in range(6)] + [BLOB] * 6
    failures: list[Exception] = []

    def push(content: bytes) -> None:
        try:
            with Session() as session:
                session.headers["Authorization"] = AUTHORIZATION
                push_blob(session, registry, content)
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=push, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert set(registry.blobs.digests()) == {digest_of(content) for content in contents}


def test_chunks_sent_at_once_to_one_upload_never_mix(http: Session, registry: RunningRegistry) -> None:
    url = f"http://{registry.host}{start(http, registry).headers['Location']}"
    statuses: list[int] = []

    def send() -> None:
        with Session() as session:
            session.headers["Authorization"] = AUTHORIZATION
            answer = session.put(url, params={"digest": digest_of(BLOB)}, data=BLOB, timeout=30)
            statuses.append(answer.status_code)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [201, 404, 404, 404, 404, 404]
    assert registry.blobs.verify(digest_of(BLOB))


SERVE = """if True:
    import pathlib, sys, uvicorn
    from jupyter_edge.oci.blobs import BlobStore
    from jupyter_edge.oci.registry import create_registry
    root = pathlib.Path(sys.argv[1])
    blobs = BlobStore(root / "blobs")
    blobs.sweep()
    app = create_registry(blobs, root / "repositories", lambda username, password: True)
    uvicorn.run(app, fd=int(sys.argv[2]), log_level="warning")
"""


def test_a_kill_in_the_middle_of_an_upload_leaves_nothing_visible(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    content = os.urandom(3 << 20)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, "-c", SERVE, str(tmp_path), str(listener.fileno())]

        def serve() -> subprocess.Popen[bytes]:
            return subprocess.Popen(command, pass_fds=[listener.fileno()])

        with serve() as process:
            url = f"http://{host}/v2/a/blobs/uploads/"
            answer = requests.post(url, auth=("a", "b"), timeout=30)
            with socket.create_connection(listener.getsockname(), timeout=10) as raw:
                path = f"{answer.headers['Location']}?digest={digest_of(content)}"
                head = f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic YTpi\r\n"
                raw.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content[: 2 << 20])
                deadline = time.monotonic() + 20
                while sum(path.stat().st_size for path in blobs.unfinished.iterdir()) < (1 << 20):
                    assert time.monotonic() < deadline, "the upload never arrived"
                    time.sleep(0.01)
                process.kill()
                process.wait(10)
        assert list(blobs.digests()) == []
        with serve() as process:
            url = f"http://{host}/v2/a/blobs/{digest_of(content)}"
            assert requests.get(url, auth=("a", "b"), timeout=30).status_code == 404
            assert list(blobs.unfinished.iterdir()) == []
            answer = requests.post(f"http://{host}/v2/a/blobs/uploads/", auth=("a", "b"), timeout=10)
            location = f"http://{host}{answer.headers['Location']}?digest={digest_of(content)}"
            assert requests.put(location, auth=("a", "b"), data=content, timeout=10).status_code == 201
            got = requests.get(url, auth=("a", "b"), timeout=30).content
            process.terminate()
    assert hashlib.sha256(got).digest() == hashlib.sha256(content).digest()

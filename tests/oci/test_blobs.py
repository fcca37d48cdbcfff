from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jupyter_edge.core.errors import DigestError, EntityNotFoundError
from jupyter_edge.oci.blobs import BlobStore, digest_of

HELLO = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def files_below(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def test_a_committed_blob_can_be_read_under_its_digest(blobs: BlobStore) -> None:
    with blobs.writer() as writer:
        writer.write(b"hel")
        writer.write(b"lo")
        assert writer.size == 5
        assert not blobs.has(HELLO)
        assert writer.commit(HELLO) == HELLO
    assert blobs.has(HELLO)
    assert blobs.size(HELLO) == 5
    assert blobs.open(HELLO).read() == b"hello"
    assert list(blobs.digests()) == [HELLO]
    assert files_below(blobs.root) == [blobs.root / "sha256" / HELLO[7:]]


def test_a_writer_left_without_commit_leaves_nothing(blobs: BlobStore) -> None:
    with blobs.writer() as writer:
        writer.write(b"hello")
    assert files_below(blobs.root) == []


def test_an_exception_while_writing_leaves_nothing(blobs: BlobStore) -> None:
    def cancel() -> None:
        with blobs.writer() as writer:
            writer.write(b"hello")
            raise RuntimeError("cancelled")

    with pytest.raises(RuntimeError, match="cancelled"):
        cancel()
    assert files_below(blobs.root) == []


def test_content_with_another_digest_than_promised_is_refused(blobs: BlobStore) -> None:
    with blobs.writer() as writer:
        writer.write(b"hullo")
        with pytest.raises(DigestError, match=HELLO):
            writer.commit(HELLO)
    assert files_below(blobs.root) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        "sha256:../../etc/passwd",
        "sha256:" + "a" * 63,
        "sha256:" + "A" * 64,
        "sha512:" + "a" * 64,
        HELLO + "\n",
        "sha256:" + "٣" * 64,
    ],
)
def test_only_a_sha256_digest_names_a_blob(blobs: BlobStore, text: str) -> None:
    for method in (blobs.path, blobs.has, blobs.size, blobs.open, blobs.verify, blobs.delete):
        with pytest.raises(DigestError, match="no digest"):
            method(text)


def test_a_blob_that_is_not_here_is_named(blobs: BlobStore) -> None:
    assert not blobs.has(HELLO)
    for method in (blobs.size, blobs.open, blobs.verify):
        with pytest.raises(EntityNotFoundError, match=HELLO):
            method(HELLO)
    blobs.delete(HELLO)
    assert list(blobs.digests()) == []


def test_one_flipped_bit_is_found(blobs: BlobStore) -> None:
    digest = blobs.put(b"hello")
    assert blobs.verify(digest)
    with blobs.path(digest).open("r+b") as file:
        file.write(b"i")
    assert not blobs.verify(digest)


def test_a_deleted_blob_is_gone(blobs: BlobStore) -> None:
    digest = blobs.put(b"hello")
    blobs.delete(digest)
    assert not blobs.has(digest)


def test_writers_of_the_same_content_at_once_end_in_one_blob(blobs: BlobStore) -> None:
    content = os.urandom(1 << 20)
    barrier = threading.Barrier(8)
    failures = []

    def write() -> None:
        try:
            with blobs.writer() as writer:
                barrier.wait(10)
                for start in range(0, len(content), 1 << 16):
                    writer.write(content[start : start + (1 << 16)])
                writer.commit(digest_of(content))
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert files_below(blobs.root) == [blobs.path(digest_of(content))]
    assert blobs.verify(digest_of(content))


def test_what_a_killed_writer_left_is_never_visible_and_is_swept(blobs: BlobStore) -> None:
    code = """if True:
        import sys, pathlib
        from jupyter_edge.oci.blobs import BlobStore
        writer = BlobStore(pathlib.Path(sys.argv[1])).writer()
        writer.write(b"hello")
        print("written", flush=True)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", code, str(blobs.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        blobs.sweep()
        assert len(files_below(blobs.root)) == 1, "the file of a living writer stays"
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert list(blobs.digests()) == []
    assert len(files_below(blobs.root)) == 1
    blobs.sweep()
    assert files_below(blobs.root) == []


def test_a_sweep_spares_the_writers_of_its_own_process(blobs: BlobStore) -> None:
    blobs.sweep()
    with blobs.writer() as writer:
        writer.write(b"hello")
        blobs.sweep()
        writer.commit(HELLO)
    assert blobs.verify(HELLO)


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    code = """if True:
        import pathlib, subprocess, sys
        from jupyter_edge.core.errors import StorageFullError
        from jupyter_edge.oci.blobs import BlobStore
        root = pathlib.Path(sys.argv[1])
        blobs = BlobStore(root)
        kept = blobs.put(b"small")
        try:
            with blobs.writer() as writer:
                for _ in range(64):
                    writer.write(bytes(1 << 16))
        except StorageFullError as error:
            print(error)
        assert [path for path in root.rglob("*") if path.is_file()] == [blobs.path(kept)]
        assert blobs.verify(kept)
    """
    script = 'mount -t tmpfs -o size=1m tmpfs "$3" && exec "$1" -c "$2" "$3"'
    namespace = ["unshare", "--user", "--map-root-user", "--mount"]
    probe = [*namespace, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)]
    if subprocess.run(probe, check=False, capture_output=True).returncode:
        pytest.skip("this system lets no one mount a small file system")
    command = [*namespace, "sh", "-c", script, "sh", sys.executable, code, str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "disk is full" in done.stdout

"""An edge whose own disk is full: it answers all the same, and nothing that it promised is lost."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from .conftest import Centre, Edge, until
from .test_agent import new_name

Start = Callable[..., Edge]


class Disk:
    """A disk of 12 MiB, mounted for the processes only that are started ``under`` it."""

    def __init__(self, folder: Path, holder: int) -> None:
        self._file = Path(f"/proc/{holder}/root{folder}/filling")
        self.under = ["nsenter", "--user", "--mount", "--preserve-credentials", "--target", str(holder)]

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no byte free for as long as the block lasts."""
        with self._file.open("wb", buffering=0) as filling:
            for size in (1 << 16, 1):
                with suppress(OSError):
                    while True:
                        filling.write(bytes(size))
        yield
        self._file.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Where edges of this test keep what they keep."""
    folder = tmp_path / "persist"
    folder.mkdir()
    script = 'mount -t tmpfs -o size=12m tmpfs "$1" && echo mounted && exec cat'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as holder:
        assert holder.stdin
        assert holder.stdout
        if holder.stdout.readline() != "mounted\n":
            pytest.skip("this system lets no one mount a small file system")
        yield Disk(folder, holder.pid)
        holder.stdin.close()


def test_an_edge_answers_and_starts_again_on_a_full_disk(centre: Centre, start_edge: Start, disk: Disk) -> None:
    name = new_name()
    variables = centre.variables(centre.publish.add_edge(name))
    edge = start_edge(under=disk.under, **variables).wait_until_ready()
    edge.infer()
    until(lambda: centre.partitions().get(name) == 1, "the row of before")
    with disk.full():
        assert edge.infer()["out"]
        assert edge.end() == 0
        assert "lost 1 rows" in edge.said()
        again = start_edge(under=disk.under, **variables).wait_until_ready()
        assert again.infer()["out"]
        assert again.end() == 0
    last = start_edge(under=disk.under, **variables).wait_until_ready()
    last.infer()
    until(lambda: centre.partitions().get(name) == 2, "the row that found room")


def test_pulling_onto_a_full_disk_is_one_sentence(centre: Centre, start_edge: Start, disk: Disk) -> None:
    with disk.full():
        edge = start_edge(under=disk.under, **centre.variables())
        assert edge.process.wait(30) == 1
    assert edge.said().splitlines()[-1].startswith("jupyter-edge: ")
    assert "full" in edge.said().splitlines()[-1]
    assert "Traceback" not in edge.said()
    start_edge(under=disk.under, **centre.variables()).wait_until_ready().infer()


def kept_and_dropped(centre: Centre, name: str) -> int:
    (edge,) = [edge for edge in centre.client.list_edges() if edge.name == name]
    return centre.partitions().get(name, 0) + edge.dropped_rows


def test_an_edge_that_cannot_keep_its_identity_joins_once_it_can(centre: Centre, start_edge: Start, disk: Disk) -> None:
    start_edge(under=disk.under, **centre.variables()).wait_until_ready().end()
    name = new_name()
    variables = centre.variables(centre.publish.add_edge(name))
    with disk.full():
        edge = start_edge(under=disk.under, **variables).wait_until_ready()
        assert edge.infer()["out"]
        until(lambda: "cannot keep its identity" in edge.said(), "the reason")
    until(lambda: f"as edge {name}" in edge.said(), "the join")
    edge.infer()
    until(lambda: kept_and_dropped(centre, name) == 2, "both rows, each kept or told as dropped")
    assert centre.partitions()[name] in (1, 2)  # the row of after the join, and that of before where it found room

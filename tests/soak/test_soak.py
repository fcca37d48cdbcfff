"""Mixed load on two deployments: every answer is right, and neither memory nor what is to be shipped grows.

JUPYTER_EDGE_SOAK_SECONDS says for how long (`make soak`: ten minutes).
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from benchmarks.image_model import write_image_model
from jupyter_edge.client import Client, DeploymentConfigBuilder, Framework
from jupyter_edge.client.discovery import find_engine, stop_engine
from jupyter_edge.core.home import Home
from jupyter_edge.engine.replicas import SPOOL_BYTES
from jupyter_edge.logs.spool_reader import SpoolReader
from jupyter_edge.samples import path
from tests.edge.conftest import free_port, until
from tests.soak.load import Found, Share, run
from tests.soak.questions import Target

SECONDS = float(os.environ.get("JUPYTER_EDGE_SOAK_SECONDS", "4"))
LONG = 300  # seconds: buffers find their size in the first minute, which a short run does not have
MAY_GROW = 1.03

ROWS = {"json": 60, "tensor": 15, "arrow": 6, "arrow to json": 3, "wrong": 6, "no http": 2, "gone": 5, "half-closed": 3}
IMAGES = {"json": 4, "tensor": 3, "arrow": 3, "wrong": 2, "gone": 2, "half-closed": 1}


def size_of(file: Path) -> int:
    """Return a file's size; 0 if it is gone meanwhile, as what belongs to a spool is once it was taken over."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


class Watch:
    """Looks, as long as the load lasts, at the memory of the replicas and the engine, and at the spools."""

    def __init__(self, home: Home, replicas: int) -> None:
        engine = find_engine(home)
        assert engine
        self._spools = home.path / "deployments"
        process = psutil.Process(engine.pid)
        children = [child for child in process.children() if "jupyter_edge.edge.replica" in child.cmdline()]
        children.sort(key=psutil.Process.create_time)
        assert len(children) == replicas
        self._processes = {f"replica {number}": child for number, child in enumerate(children)} | {"engine": process}
        self.samples: list[dict[str, int]] = []

    def until(self, all_done: Callable[[], bool]) -> None:
        """Look on; a process that is gone is an error."""
        while not all_done():
            sizes = {name: process.memory_info().rss for name, process in self._processes.items()}
            sizes["spools"] = sum(map(size_of, self._spools.rglob("*.db*")))
            self.samples.append(sizes)
            time.sleep(SECONDS / 200)

    def grown(self) -> dict[str, tuple[int, int]]:
        """Return the largest size, by name, from the second to the fifth tenth of the time, and in its second half.

        The largest, because a large request takes its memory for a moment, and how many of them meet is chance.
        """
        count = len(self.samples)
        parts = self.samples[count // 10 : count // 2], self.samples[count // 2 :]
        early, late = ({name: max(sample[name] for sample in part) for name in part[0]} for part in parts)
        return {name: (early[name], late[name]) for name in early}

    def pending_rows(self) -> int:
        """Return how many rows wait in the spools."""
        rows = 0
        for file in self._spools.rglob("*.db"):
            with SpoolReader(file) as spool:
                rows += spool.backlog()[0]
        return rows


@contextmanager
def deployed(client: Client, name: str, model: Path, replicas: int = 1) -> Iterator[Target]:
    uploaded = client.upload_model(name, model, framework=Framework.ONNX)
    pipeline = client.build_pipeline(name).add_model_step(uploaded)
    config = DeploymentConfigBuilder().replica_count(replicas).cpus(1).memory("1Gi").build()
    deployment = pipeline.deploy(deployment_config=config)._deployment
    assert deployment
    yield Target(name, model, deployment._url(), client.auth.auth_header())
    pipeline.undeploy()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    monkeypatch.setenv("JUPYTER_EDGE_HOME", str(home.path))
    monkeypatch.setenv("JUPYTER_EDGE_PORT", str(free_port()))
    yield home
    stop_engine(home)


def ask(fraud: Target, image: Target, watch: Watch) -> Found:
    """Have 32 clients, in two processes, ask both; return what they found."""
    shares = [Share(fraud, 14, [1] * 100 + [7] * 10 + [1001] * 8, ROWS), Share(image, 2, [1, 1], IMAGES)]
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as processes:
        futures: list[Future[Found]] = [processes.submit(run, shares, SECONDS, seed) for seed in range(2)]
        watch.until(lambda: all(future.done() for future in futures))
        found = [future.result() for future in futures]
    return Found(sum((one.asked for one in found), Counter()), [text for one in found for text in one.surprises])


@pytest.mark.soak
def test_every_answer_under_mixed_load_is_right_and_memory_stays_flat(home: Home, tmp_path: Path) -> None:
    client = Client()
    image_model = write_image_model(tmp_path / "image.onnx")
    with (
        deployed(client, "fraud", path("ccfraud.onnx"), replicas=2) as fraud,
        deployed(client, "image", image_model) as image,
    ):
        watch = Watch(home, replicas=3)
        found = ask(fraud, image, watch)
        grown = watch.grown()
        sizes = "".join(
            f"\n{name}: at most {a / 2**20:.1f} MiB, then {b / 2**20:.1f} MiB" for name, (a, b) in grown.items()
        )
        print(f"{found.asked.total()} requests in {SECONDS:.0f} s, {dict(found.asked)}{sizes}")
        assert found.surprises == []
        assert set(found.asked) == set(ROWS | IMAGES)
        assert max(sizes["spools"] for sizes in watch.samples) < 3 * SPOOL_BYTES
        if SECONDS >= LONG:
            assert all(late <= MAY_GROW * early for name, (early, late) in grown.items() if "replica" in name), grown
        until(lambda: watch.pending_rows() == 0, "the engine has taken all rows over", SECONDS + 60)

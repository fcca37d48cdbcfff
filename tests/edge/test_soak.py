"""A deployment and an edge under mixed load: what they answered is in the log once, and they do not grow.

JUPYTER_EDGE_SOAK_SECONDS says for how long (`make soak`: ten minutes).
"""

from __future__ import annotations

import io
import json
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import psutil
import pyarrow as pa
import pytest
import requests

from jupyter_edge.client.discovery import find_engine
from jupyter_edge.core.media_types import ARROW_FILE, PANDAS_RECORDS

from .conftest import Centre, Edge, until
from .test_agent import new_name

SECONDS = float(os.environ.get("JUPYTER_EDGE_SOAK_SECONDS", "4"))
MAY_GROW = 96 << 20
NUMBERS_PER_WORKER = 10**9


@dataclass
class Worker:
    """Sends numbered rows of all kinds, one request after the other, and remembers which were answered."""

    number: int
    url: Callable[[], str]
    headers: dict[str, str]
    answered: list[int] = field(default_factory=list)
    refused: int = 0
    surprises: list[str] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        rng = random.Random(self.number)
        following = self.number * NUMBERS_PER_WORKER
        with requests.Session() as session:
            session.headers.update(self.headers)
            while not stop.wait(0.01):
                numbers = list(range(following, following + rng.choice([1, 1, 1, 20, 300])))
                following = numbers[-1] + 1
                try:
                    self.send(session, rng, numbers)
                except requests.ConnectionError:
                    continue  # an edge that is just restarted answers nothing

    def send(self, session: requests.Session, rng: random.Random, numbers: list[int]) -> None:
        values = np.random.default_rng(numbers[0]).random((len(numbers), 29), np.float32)
        kind, accept = rng.choice(["json", "json", "arrow", "wrong"]), rng.choice([ARROW_FILE, PANDAS_RECORDS])
        body = arrow_of(values, numbers)
        if kind != "arrow":
            width = 28 if kind == "wrong" else 29
            rows = [
                {"tensor": row[:width], "number": number} for row, number in zip(values.tolist(), numbers, strict=True)
            ]
            answer = session.post(self.url(), json=rows, headers={"Accept": accept}, timeout=30)
        else:
            headers = {"Accept": accept, "Content-Type": ARROW_FILE}
            answer = session.post(self.url(), data=body, headers=headers, timeout=30)
        if kind == "wrong" and answer.status_code == 400:
            self.refused += 1
        elif kind != "wrong" and answer.ok:
            self.answered += numbers
        else:
            self.surprises.append(f"{answer.status_code} {answer.text[:200]}")


def arrow_of(values: np.ndarray[tuple[int, int], np.dtype[np.float32]], numbers: list[int]) -> bytes:
    table = pa.table({"tensor": pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 29), "number": numbers})
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def logged(centre: Centre) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the number of every row in the log, read page by page."""
    engine = find_engine(centre.home)
    assert engine
    headers = {"Authorization": f"Bearer {engine.token}"}
    topic = f"workspace-{centre.pipeline.workspace_id()}-pipeline-card-fraud-inference"
    url = f"{engine.url}/v1/logs/topic/{topic}/records"
    query = {"page_size": "100000", "dataset[]": "in.number", "dataset.separator": "."}
    found = [np.zeros(0, np.int64)]
    position: dict[str, int] = {}
    while True:
        answer = requests.post(url, params=query, json=position, headers=headers, timeout=60)
        answer.raise_for_status()
        table = pa.ipc.open_file(answer.content).read_all()
        if not table.num_rows:
            return np.concatenate(found)
        found.append(table["in.number"].to_numpy())
        position = json.loads(answer.headers["x-iteration-status"])["next"]


@pytest.mark.soak
def test_what_was_answered_under_load_is_logged_once_and_nothing_grows(
    centre: Centre, start_edge: Callable[..., Edge]
) -> None:
    deployed = centre.pipeline.deploy()
    assert deployed._deployment
    variables = centre.variables(centre.publish.add_edge(new_name()))
    edge = start_edge(**variables).wait_until_ready()
    edges = [edge]
    url, headers = deployed._deployment._url(), centre.client.auth.auth_header()
    workers = [Worker(number, lambda: url, headers) for number in range(2)]
    workers += [Worker(number, lambda: f"{edges[-1].url}/infer", {}) for number in range(2, 4)]
    stop = threading.Event()
    threads = [threading.Thread(target=worker.run, args=(stop,)) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        time.sleep(SECONDS / 2)
        assert edge.end() == 0
        edges.append(start_edge(**variables).wait_until_ready())
        time.sleep(SECONDS / 4)
        before = memory(centre, edges[-1])
        time.sleep(SECONDS / 4)
        after = memory(centre, edges[-1])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert [worker.surprises for worker in workers] == [[]] * 4
    assert all(worker.answered and worker.refused for worker in workers)
    assert all(after[name] - before[name] < MAY_GROW for name in before), (before, after)
    answered = np.concatenate([worker.answered for worker in workers])
    until(lambda: len(np.setdiff1d(answered, logged(centre))) == 0, "all answered rows in the log")
    numbers, counts = np.unique(logged(centre), return_counts=True)
    assert counts.max() == 1, numbers[counts > 1]
    deployed.undeploy()


def memory(centre: Centre, edge: Edge) -> dict[str, int]:
    """Return the resident bytes of the engine, its replicas together, and the edge."""
    engine = find_engine(centre.home)
    assert engine
    process = psutil.Process(engine.pid)
    replicas = [child for child in process.children() if "jupyter_edge.edge.replica" in child.cmdline()]
    assert replicas
    return {
        "engine": process.memory_info().rss,
        "replicas": sum(replica.memory_info().rss for replica in replicas),
        "edge": psutil.Process(edge.process.pid).memory_info().rss,
    }

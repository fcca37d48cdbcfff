"""The processes that an engine starts for deployments."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from jupyter_edge import Client
from jupyter_edge.client.discovery import locate_engine

_LOOK_SECONDS = 0.05  # a replica takes much longer until it serves


def replicas() -> set[psutil.Process]:
    """Return the replicas of the engine that the environment names."""
    found = set()
    for child in psutil.Process(locate_engine(None, None).pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if "jupyter_edge.edge.replica" in child.cmdline():
                found.add(child)
    return found


@contextmanager
def held_replicas() -> Iterator[None]:
    """Stop each replica that is started meanwhile before it serves: its deployment goes on until it is cancelled."""
    Client()  # starts the engine
    before, is_over = replicas(), threading.Event()

    def hold() -> None:
        while not is_over.wait(_LOOK_SECONDS):
            for replica in replicas() - before:
                with suppress(psutil.NoSuchProcess):
                    replica.suspend()

    watch = threading.Thread(target=hold)
    watch.start()
    try:
        yield
    finally:
        is_over.set()
        watch.join()

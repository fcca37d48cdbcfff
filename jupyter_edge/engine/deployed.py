"""What runs of one deployment, and how its state is told."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from jupyter_edge.engine.replicas import Replica, ReplicaSet


class DeploymentStatus(TypedDict):
    """The state of a deployment (Starting, Running, Error or Stopping) and of each of its replicas."""

    status: str
    details: list[str]
    engines: list[dict[str, Any]]
    engine_lbs: list[dict[str, Any]]
    sidekicks: list[dict[str, Any]]


@dataclass
class Deployed:
    """The live side of a deployment row: its listening socket and its replicas.

    ``changed`` is called when the state changes. ``revision`` names the state of the row that was brought about last,
    or could not be for the reason ``error``. ``counts`` holds requests and errors by replica and moment (ms since the
    epoch) until they are kept elsewhere.
    """

    folder: Path
    pipeline_id: int
    changed: Callable[[], None]
    listener: socket.socket | None = None
    running: ReplicaSet | None = None
    starting: ReplicaSet | None = None
    revision: datetime | None = None
    error: str | None = None
    counts: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    drain_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def port(self) -> int | None:
        """The port on which the deployment listens; ``None`` while it does not."""
        return int(self.listener.getsockname()[1]) if self.listener else None

    @property
    def replicas(self) -> list[Replica]:
        """The replicas that are being started, else those that run."""
        replicas = self.starting or self.running
        return replicas.replicas if replicas else []

    def count(self, partition: str, requests: int, errors: int) -> None:
        """Note that a replica has answered more requests, and how many of them with an error."""
        self.counts[partition, time.time_ns() // 1_000_000] = (requests, errors)

    def close_listener(self) -> None:
        """Refuse connections from now on."""
        if self.listener:
            self.listener.close()
        self.listener = None

    def progress(self) -> tuple[float, str]:
        """Return how far the replicas that are being started have come, 0 to 1, and a sentence on it."""
        if self.starting is None:
            return 0.0, "Waiting for its turn."
        up = sum(replica.status == "Running" for replica in self.replicas)
        return up / len(self.replicas), f"{up} of {len(self.replicas)} replicas are up."

    def status(self, wanted: datetime | None) -> DeploymentStatus | None:
        """Return the state; ``None`` once all is gone.

        Args:
            wanted: the revision that the row asks for; ``None`` if it asks for nothing to run.
        """
        if wanted is None and self.listener is None:
            return None
        error = self.error if self.revision == wanted else None
        if wanted is None:
            status = "Stopping"
        elif error:
            status = "Error"
        else:
            status = self._overall() if self.revision == wanted else "Starting"
        return describe(status, self.replicas, error)

    def _overall(self) -> str:
        statuses = {replica.status for replica in self.replicas}
        if "Running" in statuses:
            return "Running"
        return "Error" if statuses == {"Error"} else "Starting"


def describe(status: str, replicas: list[Replica], error: str | None) -> DeploymentStatus:
    """Return a deployment's state."""
    return DeploymentStatus(
        status=status,
        details=[error] if error else [],
        engines=[_describe_replica(replica) for replica in replicas],
        engine_lbs=[],
        sidekicks=[],
    )


def _describe_replica(replica: Replica) -> dict[str, Any]:
    details = list(replica.limits)
    if replica.restarts:
        details.append(f"Started again {replica.restarts} times; the last reason: {replica.last_error}")
    models = [
        {"name": model.name, "version": model.version, "sha": model.sha, "status": replica.status}
        for model in replica.spec.models
    ]
    return {
        "ip": "127.0.0.1",
        "name": replica.partition,
        "status": replica.status,
        "reason": replica.last_error if replica.status == "Error" else None,
        "details": details,
        "pipeline_statuses": {"pipelines": [{"id": replica.spec.name, "status": replica.status}]},
        "model_statuses": {"models": models},
    }

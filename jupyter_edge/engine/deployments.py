"""The supervisor of deployments: makes what runs agree with what the deployment rows ask for.

A deployment is one row, one listening socket, and the processes that share it. ``want`` and ``unwant`` change the row;
``deploy`` and ``undeploy`` bring the processes to the row's present state, one at a time for each deployment, so that
several calls at once, and an engine that was killed in between, all end in what was asked for last.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import re
import socket
import sqlite3
import time
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from jupyter_edge.core.deployment import Limits, limits_of
from jupyter_edge.core.errors import DeploymentError, EdgeError, InvalidInputError
from jupyter_edge.core.home import Home
from jupyter_edge.core.pipeline import PipelineSpec
from jupyter_edge.core.secret import Secret
from jupyter_edge.engine.database import Sessions, found
from jupyter_edge.engine.deployed import Deployed, DeploymentStatus, describe
from jupyter_edge.engine.events import Change
from jupyter_edge.engine.log_store import LogStore
from jupyter_edge.engine.replicas import ReplicaSet, ReplicaSetup, has_ended
from jupyter_edge.engine.specs import configs_by_id, spec_of, with_hardware
from jupyter_edge.engine.tables import Deployment, ModelConfig, PipelineVersion, now
from jupyter_edge.logs.spool_reader import SpoolReader

DRAIN_SECONDS = 3.0
_LAST_DRAIN_SECONDS = 10.0  # who ends something does not wait for longer: what is left is taken over later
MAX_REPLICAS = 100
_PORT_PATIENCE = 10.0
_BACKLOG = 1024
_UNDEPLOYED = "The deployment was undeployed before it was up."
_STOPPED = "The engine is being stopped."

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Wish:
    """What a row asks for; the revision is another one after each deploy."""

    revision: datetime
    port: int | None


class Deployments:
    """All deployments of an engine.

    The coroutines run on the event loop that ran ``start_all``; the other methods may be called from any thread.

    Args:
        logs: takes what the replicas' spools hold, and how many requests they answered.
        token: what requests to a deployment's port have to bear.
        tell: is told when the state of what runs changes.
    """

    def __init__(
        self,
        home: Home,
        sessions: Sessions,
        logs: LogStore,
        token: Secret,
        tell: Callable[[Iterable[Change]], None],
    ) -> None:
        self._home = home
        self._sessions = sessions
        self._logs = logs
        self._token = token
        self._tell = tell
        self._deployed: dict[int, Deployed] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._starts = asyncio.Semaphore(max(2, os.cpu_count() or 1))
        self.stopping = False
        self._drain_until = math.inf
        self._loop: asyncio.AbstractEventLoop | None = None

    @staticmethod
    def want(
        session: Session, version: PipelineVersion, configs: list[ModelConfig], engine_config: dict[str, Any]
    ) -> int:
        """Ask for a version with these configs to run, and return the id of the pipeline's deployment.

        Raises:
            InvalidInputError: if ``engine_config`` holds something that is no quantity, or asks for too many replicas.
            ConflictError: if a model is not ready.
        """
        if (replicas := limits_of(engine_config).replicas) > MAX_REPLICAS:
            msg = f"The deployment asks for {replicas} replicas: one machine runs up to {MAX_REPLICAS} of a deployment."
            raise InvalidInputError(msg)
        engine_config = with_hardware(engine_config, configs)
        spec_of(version, configs, engine_config)
        row = session.scalar(select(Deployment).where(Deployment.pipeline_id == version.pipeline_id))
        if row is None:
            row = Deployment(pipeline_id=version.pipeline_id)
            session.add(row)
        row.pipeline_version_id = version.id
        row.model_config_ids = [config.id for config in configs]
        row.engine_config = engine_config
        row.deployed = True
        row.updated_at = now()
        session.flush()
        row.pipeline.updated_at = row.updated_at
        return row.id

    @staticmethod
    def unwant(session: Session, deployment_id: int) -> str:
        """Ask for a deployment to end, and return its pipeline's name.

        Raises:
            EntityNotFoundError: if there is none of this id.
        """
        row = _row(session, deployment_id)
        row.deployed = False
        return row.pipeline.name

    def port(self, deployment_id: int) -> int | None:
        """Return the port on which a deployment listens; ``None`` while it does not."""
        deployed = self._deployed.get(deployment_id)
        return deployed.port if deployed else None

    def progress(self, deployment_id: int) -> tuple[float, str]:
        """Return how far a deploy has come, 0 to 1, and a sentence on it."""
        deployed = self._deployed.get(deployment_id)
        return deployed.progress() if deployed else (0.0, "Waiting for its turn.")

    def status(self, deployment_id: int) -> DeploymentStatus | None:
        """Return the state of a deployment and its replicas; ``None`` once it is gone."""
        with self._sessions() as session:
            row = session.get(Deployment, deployment_id)
            return self.status_of(row) if row else None

    def status_of(self, row: Deployment) -> DeploymentStatus | None:
        """Return the state of the deployment of a row; ``None`` where nothing of it runs, nor is to run."""
        wanted = row.updated_at if row.deployed else None
        if deployed := self._deployed.get(row.id):
            return deployed.status(wanted)
        return describe("Starting", [], None) if wanted else None

    def error(self, deployment_id: int) -> str | None:
        """Return why a deployment could not be started as it was asked for last, if so."""
        deployed = self._deployed.get(deployment_id)
        return deployed.error if deployed else None

    def refuse_work(self) -> None:
        """Start nothing any more; a deploy that is cancelled from now on stays wanted, for the next engine."""
        self.stopping = True

    def submit(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        """Run one of the coroutines on the engine's loop, from another thread."""
        if self._loop is None:
            work.close()
            raise DeploymentError("The engine has not started its deployments yet: try again.")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def start_all(self) -> None:
        """Bring back what ran when the engine ended, in the background, and take over the logs that were left."""
        self._loop = asyncio.get_running_loop()
        with self._sessions() as session:
            rows = session.execute(select(Deployment.id, Deployment.deployed)).all()
        for deployment_id, wanted in rows:
            await self._find(deployment_id)
            if wanted:
                self._start_background(self._bring_back(deployment_id))
        self._start_background(self._drain_for_ever())

    async def deploy(self, deployment_id: int) -> None:
        """Make the deployment run as its row asks; the old replicas answer until the new ones are up.

        Raises:
            DeploymentError: with the reason, if it cannot start, or was undeployed meanwhile.
        """
        deployed = await self._find(deployment_id)
        async with deployed.lock:
            wish = await asyncio.to_thread(self._read_wish, deployment_id)
            if wish is None or self.stopping:
                raise DeploymentError(_STOPPED if self.stopping else _UNDEPLOYED)
            try:
                await self._fulfil(deployment_id, deployed, wish)
                deployed.error = None
            except (EdgeError, OSError, SQLAlchemyError) as error:
                still = " The version before it still answers." if deployed.running else ""
                deployed.error = f"{error}{still}"
                raise DeploymentError(deployed.error) from error
            finally:
                deployed.revision = wish.revision
                deployed.changed()

    async def undeploy(self, deployment_id: int) -> None:
        """Drain and end what runs of the deployment, unless its row asks for it again."""
        deployed = await self._find(deployment_id)
        if deployed.starting:
            deployed.starting.give_up(_UNDEPLOYED)
        async with deployed.lock:
            if await asyncio.to_thread(self._read_wish, deployment_id) is None:
                await self._end(deployed)

    async def flush(self, pipeline_id: int) -> None:
        """Put the rows that the pipeline's replicas have answered so far into its log."""
        for deployed in list(self._deployed.values()):
            if deployed.pipeline_id == pipeline_id:
                if deployed.running:
                    await deployed.running.flush()
                await self._drain_spools(deployed)

    async def stop_all(self) -> None:
        """End all processes once they have answered what they accepted; what is wanted stays wanted."""
        self.refuse_work()
        self._drain_until = time.monotonic() + _LAST_DRAIN_SECONDS
        for task in self._background:
            task.cancel()
        for deployed in self._deployed.values():
            if deployed.starting:
                deployed.starting.give_up(_STOPPED)
        await asyncio.gather(*self._background, return_exceptions=True)
        await asyncio.gather(*(self._end_when_idle(deployed) for deployed in self._deployed.values()))

    async def _fulfil(self, deployment_id: int, deployed: Deployed, wish: _Wish) -> None:
        async with self._starts:
            setup = await self._prepare(deployment_id, deployed, wish)
            if deployed.running and deployed.running.setup == setup and not deployed.error:
                return
            fresh = deployed.starting = ReplicaSet(setup)
            try:
                await fresh.start()
            except BaseException:
                await fresh.stop()
                if deployed.running is None:
                    deployed.close_listener()
                raise
            finally:
                deployed.starting = None
        old, deployed.running = deployed.running, fresh
        if old:
            await old.stop()
        await self._drain_spools(deployed)

    async def _prepare(self, deployment_id: int, deployed: Deployed, wish: _Wish) -> ReplicaSetup:
        """Return what to start replicas with, listening on the deployment's port."""
        spec, limits = await asyncio.to_thread(self._read_spec, deployment_id)
        deployed.folder.mkdir(parents=True, exist_ok=True)
        if deployed.listener is None:
            listener = await _listen(wish.port)
            try:
                await asyncio.to_thread(self._keep_port, deployment_id, listener.getsockname()[1])
            except BaseException:
                listener.close()
                raise
            deployed.listener = listener
        fd = deployed.listener.fileno()
        told = (deployed.changed, deployed.count)
        return ReplicaSetup(spec, limits, self._home.blobs, deployed.folder, fd, self._token, *told)

    async def _end(self, deployed: Deployed) -> None:
        if deployed.running:
            await deployed.running.stop()
        deployed.running = None
        deployed.close_listener()
        deployed.changed()
        await self._drain_spools(deployed, _LAST_DRAIN_SECONDS)

    async def _end_when_idle(self, deployed: Deployed) -> None:
        async with deployed.lock:
            await self._end(deployed)

    async def _bring_back(self, deployment_id: int) -> None:
        try:
            await self.deploy(deployment_id)
        except DeploymentError as error:
            _log.error("Deployment %s did not come back: %s", deployment_id, error)

    async def _drain_for_ever(self) -> None:
        while True:
            for deployed in list(self._deployed.values()):
                if deployed.running:
                    await deployed.running.flush()  # which tells also how many requests were answered
                await self._drain_spools(deployed)
            await asyncio.sleep(DRAIN_SECONDS)

    async def _drain_spools(self, deployed: Deployed, seconds: float = math.inf) -> None:
        async with deployed.drain_lock:
            counts, deployed.counts = deployed.counts, {}
            try:
                await asyncio.to_thread(self._take_over, deployed.folder, deployed.pipeline_id, seconds)
                if counts:
                    await asyncio.to_thread(self._logs.count, deployed.pipeline_id, counts)
            except (EdgeError, OSError, sqlite3.Error, SQLAlchemyError):
                deployed.counts |= counts
                _log.exception("The log in %s could not be taken over yet; it is kept.", deployed.folder)

    def _take_over(self, folder: Path, pipeline_id: int, seconds: float) -> None:
        """Put the spools of a deployment into the log, and remove those of replicas that have ended.

        What could not be taken over in so many seconds stays, and is taken over later.
        """
        until = time.monotonic() + seconds
        for output in sorted(folder.glob("*.log")):
            spool = output.with_suffix(".db")
            ended = has_ended(output)
            if spool.exists():
                self._logs.drain(spool, pipeline_id, lambda: time.monotonic() < min(until, self._drain_until))
            with SpoolReader(spool) as left_over:
                taken = left_over.newest() == 0
            if ended and taken:
                for left in (*folder.glob(f"{spool.name}*"), output):
                    left.unlink(missing_ok=True)

    def _read_wish(self, deployment_id: int) -> _Wish | None:
        with self._sessions() as session:
            row = session.get(Deployment, deployment_id)
            return _Wish(row.updated_at, row.port) if row and row.deployed else None

    def _read_spec(self, deployment_id: int) -> tuple[PipelineSpec, Limits]:
        with self._sessions() as session:
            row = _row(session, deployment_id)
            configs = configs_by_id(session, row.model_config_ids)
            return spec_of(row.pipeline_version, configs, row.engine_config), limits_of(row.engine_config)

    def _keep_port(self, deployment_id: int, port: int) -> None:
        with self._sessions.begin() as session:
            _row(session, deployment_id).port = port

    async def _find(self, deployment_id: int) -> Deployed:
        if deployment_id not in self._deployed:
            pipeline_id, workspace_id = await asyncio.to_thread(self._owners_of, deployment_id)
            change = Change("deployment", deployment_id, "changed", workspace_id)
            folder = self._home.deployments / str(deployment_id)
            self._deployed.setdefault(deployment_id, Deployed(folder, pipeline_id, lambda: self._tell([change])))
        return self._deployed[deployment_id]

    def _owners_of(self, deployment_id: int) -> tuple[int, int]:
        with self._sessions() as session:
            row = _row(session, deployment_id)
            return row.pipeline_id, row.pipeline.workspace_id

    def _start_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def id_of(name: str) -> int:
    """Return the deployment's id from ``<pipeline>-<id>``; 0, which no deployment has, where there is none."""
    digits = re.search(r"-([0-9]{1,18})$", name)
    return int(digits[1]) if digits else 0


def _row(session: Session, deployment_id: int) -> Deployment:
    missing = f"No deployment has the id {deployment_id}: see the pipeline's deployment."
    return found(session.get(Deployment, deployment_id), missing)


async def _listen(port: int | None) -> socket.socket:
    """Return a socket that listens on loopback, on ``port`` if it can be had.

    The replicas of a killed engine may hold the port for as long as they answer what they had accepted.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PORT_PATIENCE
    while port is not None and loop.time() < deadline:
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
        await asyncio.sleep(0.1)
    if port is not None:
        _log.warning("Port %s is taken by another process: the deployment gets another one.", port)
    return socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)

"""What the engine's endpoints work on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from jupyter_edge.core.home import Home
from jupyter_edge.engine import publishes
from jupyter_edge.engine.auth import Credentials, load_credentials
from jupyter_edge.engine.database import Sessions, open_database
from jupyter_edge.engine.deployments import Deployments
from jupyter_edge.engine.events import Events, watch
from jupyter_edge.engine.fleet import Fleet, heartbeat_seconds
from jupyter_edge.engine.jobs import Jobs
from jupyter_edge.engine.log_store import LogStore
from jupyter_edge.engine.registry import EdgeRegistry, edge_registry
from jupyter_edge.engine.users import find_or_make_owner
from jupyter_edge.oci.blobs import BlobStore


@dataclass(frozen=True)
class EngineState:
    """One engine's parts; ``host`` is the address that it is bound to, ``url`` where clients reach it."""

    home: Home
    host: str
    url: str
    credentials: Credentials
    sessions: Sessions
    events: Events
    owner_id: str
    blobs: BlobStore
    jobs: Jobs
    logs: LogStore
    deployments: Deployments
    registry: EdgeRegistry
    fleet: Fleet


def open_state(home: Home, host: str, url: str) -> EngineState:
    """Open everything that the home keeps, and clear away what a killed engine left half-done.

    Raises:
        InvalidInputError: if the secrets are damaged, or the environment sets something unusable.
    """
    secrets = load_credentials(home)
    own_registry = EdgeRegistry(urlsplit(url).netloc, secrets.registry_username, secrets.registry_password)
    registry = edge_registry(own_registry, os.environ)
    period = heartbeat_seconds(os.environ)
    sessions = open_database(home.database)
    events = Events()
    watch(sessions, events.tell)
    with sessions.begin() as session:
        owner_id = find_or_make_owner(session).id
    publishes.mark_interrupted(sessions)
    blobs = BlobStore(home.blobs)
    blobs.sweep()
    logs = LogStore(sessions, home.inference_log)
    logs.sweep()
    return EngineState(
        home=home,
        host=host,
        url=url,
        credentials=secrets,
        sessions=sessions,
        events=events,
        owner_id=owner_id,
        blobs=blobs,
        jobs=Jobs(sessions),
        logs=logs,
        deployments=Deployments(home, sessions, logs, secrets.token, events.tell),
        registry=registry,
        fleet=Fleet(sessions, period, events.tell),
    )

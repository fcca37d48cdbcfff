"""What the engine's endpoints work on."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_edge.core.home import Home
from jupyter_edge.engine.auth import Credentials, load_credentials
from jupyter_edge.engine.database import Sessions, open_database
from jupyter_edge.engine.jobs import Jobs
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
    blobs: BlobStore
    jobs: Jobs
    owner_id: str


def open_state(home: Home, host: str, url: str) -> EngineState:
    """Open everything that the home keeps, and clear away what a killed engine left half-done."""
    sessions = open_database(home.database)
    with sessions.begin() as session:
        owner_id = find_or_make_owner(session).id
    blobs = BlobStore(home.blobs)
    blobs.sweep()
    return EngineState(home, host, url, load_credentials(home), sessions, blobs, Jobs(sessions), owner_id)

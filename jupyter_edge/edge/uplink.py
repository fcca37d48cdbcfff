"""An edge's way to its engine: join once, then ship the log and tell how it is, for ever."""

from __future__ import annotations

import logging
import threading
import time

from jupyter_edge.core.bundle import EdgeBundle
from jupyter_edge.core.errors import AuthenticationError
from jupyter_edge.core.hosts import is_loopback
from jupyter_edge.core.secret import Secret, hash_token
from jupyter_edge.edge.heartbeat import Heartbeat
from jupyter_edge.edge.store import EdgeStore, Identity
from jupyter_edge.logs.shipper import Shipper

_log = logging.getLogger(__name__)
_LONGEST_PAUSE = 30.0
_REFUSED = (400, 401, 403, 422)


class Uplink:
    """Joins in the background, so that an edge answers also while its engine is away, and then ships what was spooled.

    Args:
        store: where the identity is kept and the log is spooled.
        bundle: what to join with, if the edge was given one.
        pipeline_version: UUID of what the edge serves.
        insecure: use plain http also where the engine is on another machine.
    """

    def __init__(self, store: EdgeStore, bundle: EdgeBundle | None, pipeline_version: str, *, insecure: bool) -> None:
        self._store = store
        self._bundle = bundle
        self._pipeline_version = pipeline_version
        self._began = time.monotonic()
        self._insecure = insecure
        self._stop = threading.Event()
        self._shipper: Shipper | None = None
        self._heartbeat: Heartbeat | None = None
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)

    @property
    def edge_name(self) -> str | None:
        """The name under which rows are logged; ``None`` for an edge that was never registered."""
        if self._bundle:
            return self._bundle.edge_name
        identity = self._store.identity()
        return identity.edge_name if identity else None

    def start(self) -> None:
        """Join and ship, in the background."""
        self._thread.start()

    def stop(self, deadline: float) -> None:
        """Ship what is spooled for at most ``deadline`` seconds and say goodbye; the rest is for the next start."""
        self._stop.set()
        self._thread.join(deadline)
        if self._shipper:
            self._shipper.stop(deadline)
        if self._heartbeat:
            self._heartbeat.stop()

    def _run(self) -> None:
        try:
            identity = self._identify()
        except AuthenticationError as error:
            _log.error("%s", error)
            return
        if identity:
            spool = self._store.spool(identity.edge_name)
            self._shipper = Shipper(spool, identity.engine_url, Secret(identity.credential))
            self._heartbeat = Heartbeat(identity, spool, self._pipeline_version, self._began)
            self._shipper.start()
            self._heartbeat.start()

    def _identify(self) -> Identity | None:
        import requests  # see open_engine_session

        known, bundle = self._store.identity(), self._bundle
        if bundle is None or (known and known.join_token_hash == hash_token(bundle.join_token)):
            return known
        pause = 0.25
        while True:  # once even if the edge is stopped by now: what it answered comes home
            try:
                return self._join(bundle)
            except requests.RequestException as error:
                _log.warning(
                    "The engine at %s does not answer (%s): the join is tried again.",
                    bundle.opscenter_host,
                    type(error).__name__,
                )
            except OSError as error:
                _log.warning("The edge cannot keep its identity (%s): the join is tried again.", error.strerror)
            if self._stop.wait(pause):
                return None
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _join(self, bundle: EdgeBundle) -> Identity:
        """Join under a credential of our own, so that a join whose answer was lost, or not kept, can be repeated."""
        import requests

        engine_url = engine_url_of(bundle.opscenter_host, insecure=self._insecure)
        credential = self._store.new_credential(bundle.join_token)
        body = {"edge_name": bundle.edge_name, "join_token": bundle.join_token, "credential": credential}
        with requests.Session() as session:
            session.trust_env = not is_loopback(bundle.opscenter_host)
            # Redirects are not followed: they could take the token anywhere.
            url = f"{engine_url}/v1/api/edges/join"
            response = session.post(url, json=body, timeout=(5, 30), allow_redirects=False)
        answer = response.json()
        # Only the engine's own words count: a gateway on the way may answer with any status.
        if response.status_code in _REFUSED and isinstance(answer, dict) and isinstance(answer.get("msg"), str):
            reason = answer["msg"]
            msg = f"The engine refused to let edge {bundle.edge_name} join: {reason} It serves without sending its log."
            raise AuthenticationError(msg)
        if response.status_code != 200 or not isinstance(answer, dict) or answer.get("credential") != credential:
            raise requests.RequestException
        identity = Identity(bundle.edge_name, engine_url, credential, hash_token(bundle.join_token))
        self._store.keep_identity(identity)
        _log.info("Joined %s as edge %s", bundle.opscenter_host, bundle.edge_name)
        return identity


def engine_url_of(host: str, *, insecure: bool) -> str:
    """Return the URL of an engine: http on loopback or where ``insecure`` allows it, else https."""
    return f"{'http' if insecure or is_loopback(host) else 'https'}://{host}"

"""`jupyter-edge serve`: pull a published pipeline, check it, serve it, and send what it answers to its engine."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from typing import TYPE_CHECKING

import uvloop

from jupyter_edge.core.deployment import limits_of
from jupyter_edge.core.errors import DigestError, EdgeError, InvalidInputError
from jupyter_edge.core.loading import end_loading
from jupyter_edge.core.naming import new_instance_name
from jupyter_edge.core.records import LogSink, NoLog
from jupyter_edge.edge.settings import EdgeSettings
from jupyter_edge.edge.store import EdgeStore, Served, check_models
from jupyter_edge.edge.uplink import Uplink
from jupyter_edge.logs.spool import Spool
from jupyter_edge.runtime.allocator import keep_large_buffers
from jupyter_edge.runtime.handler import Handler
from jupyter_edge.runtime.limits import apply_limits, thread_count
from jupyter_edge.runtime.pipeline import Pipeline
from jupyter_edge.runtime.server import serve

if TYPE_CHECKING:
    from jupyter_edge.oci.artifact import Layer

ECHO_LIMIT = 2**20
_log = logging.getLogger(__name__)
_DRAIN_SECONDS = 5.0


def run(settings: EdgeSettings, host: str, port: int) -> None:
    """Serve on ``host:port`` until SIGTERM or SIGINT.

    Raises:
        EdgeError: if there is nothing that can be served, or the port is taken.
    """
    logging.basicConfig(
        stream=sys.stdout, format="%(message)s", level=logging.DEBUG if settings.debug else logging.INFO, force=True
    )
    _log.info("Jupyter Edge Engine - Standalone mode")
    keep_large_buffers()
    listener = _listen(host, port)
    store = EdgeStore(settings.persist)
    served, pipeline = _load_newest(settings, store)
    uplink = Uplink(store, settings.bundle, served.spec.version, insecure=settings.insecure)
    name = uplink.edge_name
    spool = Spool(store.spool(name), name, settings.storage) if name else None
    sink: LogSink = spool or NoLog()
    partition = name or new_instance_name()
    handler = Handler(pipeline, sink, partition, token=None, echo_limit=ECHO_LIMIT)
    _log.info("Serving pipeline %s at http://%s:%s/pipelines/%s", served.spec.name, host, port, served.spec.name)
    try:
        end_loading()
        if spool:
            uplink.start()
        uvloop.run(_serve(handler, listener))
    finally:
        if spool:
            spool.close()
            uplink.stop(_DRAIN_SECONDS)


async def _serve(handler: Handler, listener: socket.socket) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(handler, listener, stop)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]  # Python adds the address to the system's words
        msg = f"The edge cannot listen on {host}:{port} ({reason}): give another --port or --host."
        raise InvalidInputError(msg) from None


def _load_newest(settings: EdgeSettings, store: EdgeStore) -> tuple[Served, Pipeline]:
    """Load the pipeline that is asked for; where it cannot be had, the one that was served before."""
    before = store.served()
    try:
        wanted = _stored(before, settings, store) or _fetch(settings, store)
        loaded = _load(wanted, settings, store)
    except EdgeError as error:
        if before is None or before.pipeline_url == settings.pipeline_url:
            raise
        _log.error("%s", error)
        _log.error("Still serving what was served before: %s", before.pipeline_url)
        check_models(before.spec, store.blobs)
        return before, _load(before, settings, store)
    if wanted != before:
        try:
            store.keep_served(wanted)
        except OSError as error:
            _log.error("What is served cannot be remembered for the next start (%s): free some space.", error.strerror)
    return wanted, loaded


def _stored(before: Served | None, settings: EdgeSettings, store: EdgeStore) -> Served | None:
    """Return what is stored if it is what is asked for and undamaged: a published version never changes."""
    _log.info("Looking for a preexisting pipeline in %s", settings.persist)
    if before is None or before.pipeline_url != settings.pipeline_url:
        return None
    try:
        check_models(before.spec, store.blobs)
    except DigestError as error:
        _log.error("%s", error)
        return None
    _log.info("Found %s: nothing to fetch", before.pipeline_url)
    return before


def _fetch(settings: EdgeSettings, store: EdgeStore) -> Served:
    # Only the first start fetches, and what this takes is a good part of all that an edge imports.
    from jupyter_edge.oci.artifact import pull_pipeline
    from jupyter_edge.oci.client import RegistryClient
    from jupyter_edge.oci.reference import Reference

    reference = Reference.parse(settings.pipeline_url)
    client = RegistryClient(reference.registry, settings.username, settings.password)
    client.ping()
    _log.info("Login Succeeded")
    _log.info("Fetching manifest and config for pipeline: %s", settings.pipeline_url)
    _log.info("Fetching model layers")
    pulled = pull_pipeline(client, reference, store.blobs, _say_layer)
    _log.info("Fetched")
    return Served(settings.pipeline_url, pulled.spec)


def _say_layer(layer: Layer) -> None:
    _log.info("digest: %s", layer.digest)
    for key in ("filename", "name", "type", "runtime", "version"):
        _log.info("  %s: %s", key, getattr(layer, key))


def _load(served: Served, settings: EdgeSettings, store: EdgeStore) -> Pipeline:
    _log.info("Starting engine")
    limits = limits_of(served.spec.engine_config)
    for sentence in apply_limits(settings.cpus or limits.cpus, None):
        _log.debug("%s", sentence)
    threads = thread_count(settings.cpus or limits.cpus)
    return Pipeline.load(served.spec, lambda sha: store.blobs.path(f"sha256:{sha}"), threads)

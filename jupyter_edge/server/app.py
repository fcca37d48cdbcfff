"""The Jupyter Server extension's application."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, Float

from jupyter_edge.core.errors import EdgeError
from jupyter_edge.server.activity import Activity
from jupyter_edge.server.commands import CommandsHandler
from jupyter_edge.server.events import SCHEMA_FILE, SCHEMA_ID, EventFollower
from jupyter_edge.server.files import InferHandler, UploadHandler
from jupyter_edge.server.handlers import ForwardHandler, StartHandler, StatusHandler
from jupyter_edge.server.link import EngineLink


class EdgeServerApp(ExtensionApp):
    """Brings the engine to the browser: its API, its state and what changes in it."""

    name = "jupyter_edge"
    load_other_extensions = True

    stop_engine_on_exit = Bool(
        False, help="Stop the engine, and all that it has deployed, together with the Jupyter server."
    ).tag(config=True)
    engine_timeout = Float(
        120.0, min=0.1, help="For how many seconds the engine may be silent before a request is given up."
    ).tag(config=True)

    def initialize_handlers(self) -> None:
        """Set the routes, which all stand below the server's base URL."""
        self.link = EngineLink(self.engine_timeout)
        self.activity = Activity(self.settings)
        shared = {"link": self.link, "activity": self.activity}
        self.handlers += [
            (r"/jupyter-edge/api/(.*)", ForwardHandler, shared),
            (r"/jupyter-edge/status", StatusHandler, shared),
            (r"/jupyter-edge/start", StartHandler, shared),
            (r"/jupyter-edge/commands", CommandsHandler, shared),
            (r"/jupyter-edge/upload", UploadHandler, shared),
            (r"/jupyter-edge/infer", InferHandler, shared),
        ]
        self.settings["event_logger"].register_event_schema(SCHEMA_FILE)

    async def _start_jupyter_server_extension(self, _serverapp: Any) -> None:
        follower = EventFollower(self.link, self.activity, self._emit)
        self._following = asyncio.create_task(follower.run())

    async def stop_extension(self) -> None:
        """Leave the engine running, unless it is configured to end with the server."""
        if following := getattr(self, "_following", None):
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        await self.link.close()
        if self.stop_engine_on_exit:
            try:
                await self.link.stop()
            except EdgeError as error:
                self.log.error("%s", error)

    def current_activity(self) -> list[int]:
        """Return the jobs that are under way: a server that does them is not idle."""
        return sorted(self.activity.jobs)

    def _emit(self, event: dict[str, Any]) -> None:
        self.settings["event_logger"].emit(schema_id=SCHEMA_ID, data=event)

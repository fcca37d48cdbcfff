"""What one verb leaves for the next: the client, its workspace, and the user's variables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_edge.client import Client


class Session:
    """The engine that verbs talk to, found or started by the first verb that needs it.

    Args:
        url: the engine's address; found as ``Client()`` finds it where empty.
        prefix: how verbs begin where messages name them.
    """

    def __init__(self, url: str = "", prefix: str = "%edge") -> None:
        self.url = url
        self.prefix = prefix
        self.variables: Mapping[str, Any] = {}
        self._client: Client | None = None
        self._workspace: str | None = None

    @property
    def client(self) -> Client:
        """Return the client, in the workspace that was chosen last."""
        if self._client is None:
            from jupyter_edge.client import Client

            self._client = Client(self.url or None)
            if self._workspace:
                self.use_workspace(self._workspace)
        return self._client

    @property
    def known_client(self) -> Client | None:
        """Return the client if there is one already."""
        return self._client

    @property
    def workspace(self) -> str | None:
        """Return the workspace that was chosen, if one was."""
        return self._workspace

    def running_client(self) -> Client | None:
        """Return the client of an engine that runs; ``None`` rather than starting one."""
        return self.client if self.running_url() else None

    def running_url(self) -> str | None:
        """Return the address of the engine if it is elsewhere, or runs in this home; ``None`` rather than start one."""
        from jupyter_edge.client.discovery import find_engine

        if elsewhere := self.url or os.environ.get("JUPYTER_EDGE_URL"):
            return elsewhere
        address = find_engine()
        return address.url if address else None

    def use_workspace(self, name: str) -> None:
        """Make a workspace, created where needed, the place of later verbs."""
        self.client.set_current_workspace(self.client.get_workspace(name, create_if_not_exist=True))
        self._workspace = name

    @contextmanager
    def in_workspace(self, name: str | None) -> Iterator[None]:
        """Work in a workspace that there is, until the block ends."""
        if name is None:
            yield
            return
        before = self.client.get_current_workspace()
        self.client.set_current_workspace(self.client.get_workspace(name))
        try:
            yield
        finally:
            self.client.set_current_workspace(before)

    def forget_client(self) -> None:
        """Find the engine anew for the next verb."""
        self._client = None

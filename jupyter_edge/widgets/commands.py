"""The commands that run a publish, one at a time, to be copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets as widgets

from jupyter_edge.widgets.base import field
from jupyter_edge.widgets.copy_text import CopyText

if TYPE_CHECKING:
    from jupyter_edge.client import Publish

_WAYS: dict[str, tuple[str, Callable[[Publish], str]]] = {
    "serve": ("This machine, without a container", lambda publish: publish.serve_command()),
    "docker": ("docker, or podman in its place", lambda publish: publish.docker_run_command()),
    "compose": ("compose.yaml", lambda publish: publish.compose()),
    "helm": ("helm", lambda publish: publish.helm_commands()),
}


class Commands:
    """A choice of ways to run a publish, and the command of the chosen one; that of an edge holds its bundle."""

    def __init__(self, label: str) -> None:
        self._publish: Publish | None = None
        self.way = field(widgets.Dropdown, label, options=[(text, way) for way, (text, _) in _WAYS.items()])
        self.text = CopyText()
        self.parts = [self.way, self.text]
        self.way.observe(lambda _: self._write(), "value")
        self.show(None)

    def show(self, publish: Publish | None) -> None:
        """Show a publish's commands, or nothing."""
        self._publish = publish
        for part in self.parts:
            part.layout.display = "none" if publish is None else None
        self._write()

    def _write(self) -> None:
        way, command = _WAYS[self.way.value]
        self.text.label = f"Command for {way}"
        text = "" if self._publish is None else str(command(self._publish))
        secret = self._publish is not None and bool(self._publish.docker_run_variables)
        self.text.text = "" if secret else text
        self.text.show_secret(text if secret else "")

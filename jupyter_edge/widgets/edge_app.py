"""All panels in one app, a tab for each part of the story."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from jupyter_edge.display import Listing
from jupyter_edge.widgets.base import NOTHING, Panel, field, set_options
from jupyter_edge.widgets.edge_panel import EdgePanel
from jupyter_edge.widgets.logs_panel import LogsPanel
from jupyter_edge.widgets.pipeline_panel import PipelinePanel
from jupyter_edge.widgets.poller import wake_all
from jupyter_edge.widgets.publish_panel import PublishPanel
from jupyter_edge.widgets.upload_panel import UploadPanel

if TYPE_CHECKING:
    from jupyter_edge.client import Client, Workspace

_KINDS: dict[str, Callable[[Client], Panel]] = {
    "Models": UploadPanel,
    "Pipeline": PipelinePanel,
    "Publish": PublishPanel,
    "Edges": EdgePanel,
    "Logs": LogsPanel,
}


class EdgeApp(Panel):
    """Upload, deploy, publish, register and watch, in one place; only the tab that is open looks at the engine."""

    title = "Edge"

    def __init__(self, client: Client) -> None:
        self._found: dict[int, Workspace] = {}
        self._workspace = field(widgets.Dropdown, "Workspace", options=[("default", NOTHING)])
        self.panels = {name: make(client) for name, make in _KINDS.items()}
        self._tabs = widgets.Tab(list(self.panels.values()), titles=list(self.panels))
        self._workspace.observe(self._switch, "value")
        self._tabs.observe(lambda _: self._open(), "selected_index")
        super().__init__(client, [self._workspace, self._tabs])
        self._open()

    def overview(self) -> Listing[Any]:
        """Return the pipelines of the workspace, with where they have got to."""
        return self.panels["Pipeline"].overview()

    def close(self) -> None:
        """Look no more, and remove the app."""
        for panel in getattr(self, "panels", {}).values():  # an app that could not be made has none
            panel.close()
        super().close()

    def _read(self) -> tuple[tuple[tuple[str, int], ...], int]:
        self._found = {one.id(): one for one in self.client.list_workspaces()}
        return tuple((one.name(), key) for key, one in self._found.items()), self.client.get_current_workspace().id()

    def _show(self, state: tuple[tuple[tuple[str, int], ...], int]) -> None:
        workspaces, current = state
        set_options(self._workspace, workspaces, "default")
        self._workspace.value = current

    def _switch(self, change: Any) -> None:
        if self._showing or not change.new:
            return
        self.client.set_current_workspace(self._found[change.new])
        for panel in self.panels.values():
            panel.say()
            panel.refresh()
        wake_all()

    def _open(self) -> None:
        for i, panel in enumerate(self.panels.values()):
            if i == self._tabs.selected_index:
                panel.look()
            else:
                panel.poller.paused = True

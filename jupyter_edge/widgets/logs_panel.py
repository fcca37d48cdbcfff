"""The tab of an app that shows a pipeline's log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from jupyter_edge.display import Listing
from jupyter_edge.widgets.base import NO_PIPELINE, NOTHING, Panel, field, hint, read_pipelines, set_options

if TYPE_CHECKING:
    from jupyter_edge.client import Client, Pipeline


@dataclass(frozen=True)
class _State:
    pipelines: tuple[tuple[str, int], ...]
    chosen: int | None


class LogsPanel(Panel):
    """Choose a pipeline of the current workspace and turn the pages of its log, once it is opened."""

    title = "Logs"

    def __init__(self, client: Client) -> None:
        self._pipeline: Pipeline | None = None
        self._opened = False
        self._explored: int | None = None
        self._choice = field(widgets.Dropdown, "Pipeline", options=[(NO_PIPELINE, NOTHING)])
        self._explorer = widgets.VBox()
        self._on_change(self._choice)
        super().__init__(client, [self._choice, self._explorer])

    def overview(self) -> Listing[Any]:
        """Return the pipelines that have a log."""
        return Listing(self._state.pipelines if self._state else (), ["pipeline", "id"], list)

    def look(self) -> None:
        """Read the log: somebody looks."""
        self._opened = True
        super().look()
        if not self.poller.running:
            self.refresh()

    def _read(self) -> _State:
        pipelines, chosen = read_pipelines(self.client, self._choice.value)
        self._pipeline = chosen
        return _State(tuple((one.name(), one.id()) for one in pipelines), chosen.id() if chosen else None)

    def _show(self, state: _State) -> None:
        set_options(self._choice, state.pipelines, NO_PIPELINE)
        self._choice.value = state.chosen or NOTHING
        if self._pipeline is None:
            self._explored = None
            self._explorer.children = [widgets.HTML(hint("Rows are here once a pipeline has answered."))]
        elif self._opened and self._explored != state.chosen:
            from jupyter_edge.widgets.log_explorer import LogExplorer  # with pyarrow, which takes its time to load

            self._explorer.children = [LogExplorer(self._pipeline)]
            self._explored = state.chosen

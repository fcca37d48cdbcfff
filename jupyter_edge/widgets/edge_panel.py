"""The form that registers edges and watches them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.display import Listing
from jupyter_edge.widgets.base import NOTHING, Panel, Row, button, field, hint, message, section, set_options, table
from jupyter_edge.widgets.commands import Commands

if TYPE_CHECKING:
    from jupyter_edge.client import Client, Edge, Publish

_NO_PUBLISH = "No publish yet: publish a pipeline first"
_NO_EDGE = "No edge yet: register one above"
_ONCE = "These commands hold the edge's bundle, which works once and is kept in no saved notebook: copy one now."


@dataclass(frozen=True)
class _Row:
    name: str
    tags: str
    publish: int
    state: str
    version: str | None
    last_seen: datetime | None
    rows: int
    backlog: int | None
    dropped_rows: int


@dataclass(frozen=True)
class _State:
    publishes: tuple[tuple[str, int], ...]
    edges: tuple[_Row, ...]


class EdgePanel(Panel):
    """Register an edge at a publish, hand its bundle over, see when it was last heard of and what it shipped.

    Args:
        client: of the engine; the publishes are those of its current workspace.
        publish_id: the publish to begin with.
    """

    title = "Edges"

    def __init__(self, client: Client, publish_id: int | None = None) -> None:
        self._publishes: dict[int, Publish] = {}
        self._wanted = publish_id
        self._choice = field(widgets.Dropdown, "Publish", options=[(_NO_PUBLISH, NOTHING)])
        self._name = field(widgets.Text, "Edge name", placeholder="such as shop-7: its name in the log, too")
        self._tags = field(widgets.Text, "Tags", placeholder="with commas between, or none")
        self._add = button("Register", "Let one edge of this name run the publish", "primary")
        self._once = widgets.HTML()
        self._commands = Commands("Start it with")
        self._done = button("I have copied it", "Show the bundle no more")
        self._done_row = Row(self._done)
        self._table = widgets.HTML()
        self._edge = field(widgets.Dropdown, "Edge", options=[(_NO_EDGE, NOTHING)])
        self._remove = button("Remove", "Take the edge from its publish; its rows stay in the log", "danger")
        self._sure = button("Remove for good", "The edge's credential is void from then on", "danger")
        self._keep = button("Keep", "Do not remove the edge")
        self._on_change(self._choice)
        self._on_change(self._edge)
        self._on_click(self._add, self._do_add)
        self._on_click(self._sure, self._do_remove)
        self._remove.on_click(lambda _: self._ask(True))
        self._keep.on_click(lambda _: self._ask(False))
        self._edge.observe(lambda _: self._ask(False), "value")
        self._done.on_click(lambda _: self._show_bundle(None))
        self._ask(False)
        self._show_bundle(None)
        new = [self._choice, self._name, self._tags, Row(self._add), self._once, *self._commands.parts, self._done_row]
        watch = [section("Registered"), self._table, self._edge, Row(self._remove, self._sure, self._keep)]
        super().__init__(client, [*new, *watch])

    def overview(self) -> Listing[Any]:
        """Return the edges of the workspace's publishes; a bundle is not in it."""
        columns = ["name", "tags", "publish", "state", "version", "last seen", "rows shipped", "backlog", "rows lost"]
        return Listing(self._state.edges if self._state else (), columns, _cells)

    def _read(self) -> _State:
        workspace = self.client.get_current_workspace()
        published = [one for one in self.client.list_publishes(workspace) if one.status == "Published"]
        pipelines = self.client.list_pipelines(workspace)
        names = {version.id(): one.name() for one in pipelines for version in one.versions_read()}
        self._publishes = {publish.id: publish for publish in published}
        return _State(
            tuple((f"{one.id}, {names[one.pipeline_version_id]}", one.id) for one in published),
            tuple(_row(edge) for edge in self.client.list_edges(workspace=workspace)),
        )

    def _show(self, state: _State) -> None:
        set_options(self._choice, state.publishes, _NO_PUBLISH)
        if self._wanted in self._publishes:
            self._choice.value = self._wanted
        self._wanted = None
        set_options(self._edge, [(edge.name, edge.name) for edge in state.edges], _NO_EDGE)
        self._allow(self._add, bool(state.publishes))
        self._allow(self._remove, bool(state.edges))
        nothing = hint("No edge yet." if state.publishes else "No edge yet: an edge runs a publish, so publish first.")
        self._table.value = table(self.overview()) if state.edges else nothing

    def _do_add(self) -> None:
        publish = self._publishes.get(self._choice.value)
        if publish is None:
            msg = "There is no publish for an edge yet: publish a pipeline first."
            raise InvalidInputError(msg)
        tags = [tag.strip() for tag in self._tags.value.split(",") if tag.strip()]
        self._show_bundle(publish.add_edge(self._name.value.strip(), tags))
        self._name.value, self._tags.value = "", ""

    def _show_bundle(self, publish: Publish | None) -> None:
        self._once.value = "" if publish is None else message(_ONCE)
        self._done_row.layout.display = "none" if publish is None else None
        self._commands.show(publish)

    def _do_remove(self) -> str:
        name = self._edge.value
        self.client.remove_edge(name)
        self._ask(False)
        return f"Edge {name} is removed; its rows stay in the log."

    def _ask(self, sure: bool) -> None:
        self._remove.layout.display = "none" if sure else None
        for answer in (self._sure, self._keep):
            answer.layout.display = None if sure else "none"


def _row(edge: Edge) -> _Row:
    tags = ", ".join(edge.tags)
    return _Row(
        edge.name,
        tags,
        edge.publish_id,
        edge.state,
        edge.agent_version,
        edge.last_seen,
        edge.rows,
        edge.backlog_rows,
        edge.dropped_rows,
    )


def _cells(edge: _Row) -> list[object]:
    state = "waits to join" if edge.state == "waiting" else edge.state
    backlog = "–" if edge.backlog is None else edge.backlog
    seen = _ago(edge.last_seen)
    own = [edge.name, edge.tags, edge.publish]
    return [*own, state, edge.version or "–", seen, edge.rows, backlog, edge.dropped_rows]


def _ago(moment: datetime | None) -> str:
    if moment is None:
        return "never"
    seconds = max(0.0, (datetime.now(UTC) - moment).total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"

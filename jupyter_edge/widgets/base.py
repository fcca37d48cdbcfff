"""What all panels share: how they look, what they say, how they work without holding up the kernel."""

from __future__ import annotations

import logging
import threading
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar

import ipywidgets as widgets
import traitlets

from jupyter_edge.core.errors import EdgeError
from jupyter_edge.display import Listing
from jupyter_edge.widgets.front_end import stylesheet
from jupyter_edge.widgets.poller import Poller, wake_all

if TYPE_CHECKING:
    from jupyter_edge.client import Client, Pipeline

STYLE = f"<style>{stylesheet('panel')}</style>"
_log = logging.getLogger(__name__)
_LABEL_WIDTH = "144px"
NO_PIPELINE = "No pipeline yet: make one first"
_WORKING = "jupyter-edge-working"
NOTHING = ""  # the value of a choice that has nothing to choose; None would show no text


class _PanelType(ABCMeta, traitlets.MetaHasTraits):
    """Classes of widgets, some of which leave methods to others."""


class Panel(widgets.VBox, metaclass=_PanelType):
    """A form on the engine's state, which it reads again while it is displayed; two panels show the same.

    Subclasses fill ``body``, with its buttons in a ``Row``, read in ``_read`` and show in ``_show``; what takes long
    goes through ``_do``.
    """

    title: ClassVar[str] = ""

    def __init__(self, client: Client, body: Sequence[widgets.Widget] = ()) -> None:
        self.client = client
        self._lock = threading.RLock()
        self._showing = False
        self._state: Any = None
        self._working: set[widgets.Button] = set()
        self._message = widgets.HTML()
        self._lines = {part: row.said for row in body if isinstance(row, Row) for part in row.children}
        self._unreachable = widgets.HTML()
        self._unreachable.add_class("jupyter-edge-unreachable")
        heading = f'<div class="jupyter-edge-title" role="heading" aria-level="3">{escape(self.title)}</div>'
        children = [widgets.HTML(STYLE + heading), self._unreachable, *body, self._message]
        super().__init__(children)
        self.add_class("jupyter-edge-panel")
        self.poller = Poller(self, self.refresh)
        self.refresh()

    def refresh(self) -> bool:
        """Read the engine's state and show it; return whether it changed."""
        with self._lock:
            try:
                state = self._read()
                changed = bool(state != self._state)
                self._state = state
                self._showing = True
                self._show(state)
            except EdgeError as error:
                self._unreachable.value = message(str(error), "bad")
                return False
            finally:
                self._showing = False
            self._unreachable.value = ""
            return changed

    def look(self) -> None:
        """Look at the engine while displayed: the panel is in sight."""
        self.poller.paused = False
        self.poller.wake()

    def close(self) -> None:
        """Look no more, and remove the panel."""
        if hasattr(self, "poller"):  # which one that could not be made has not
            self.poller.stop()
        super().close()

    @abstractmethod
    def overview(self) -> Listing[Any]:
        """Return what the panel shows, as a table for places without widgets."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.title}\n{self.overview()!r}"

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        table = self.overview()._repr_html_()
        return {
            "application/vnd.jupyter.widget-view+json": view,
            "text/html": f"<p><b>{escape(self.title)}</b></p>{table}",
            "text/plain": repr(self),
        }

    @abstractmethod
    def _read(self) -> Any:
        """Ask the engine; return what compares equal while nothing changes."""

    @abstractmethod
    def _show(self, state: Any) -> None:
        """Show what the engine said."""

    def _on_change(self, field: widgets.Widget) -> None:
        """Look again when a user changes a field, but not when showing the state does."""

        def changed(_change: Any) -> None:
            if not self._showing:
                self.say()
                self.refresh()
                self.poller.wake()

        field.observe(changed, "value")

    def say(self, text: str = "", kind: str = "", pressed: widgets.Button | None = None) -> None:
        """Say something under the button that was pressed, or the form, and nothing else any more.

        ``kind`` is good, bad or nothing.
        """
        for line in (self._message, *self._lines.values()):
            line.value = ""
        if text:
            self._lines.get(pressed, self._message).value = message(text, kind)

    def _allow(self, button: widgets.Button, allowed: bool) -> None:
        """Let a button be pressed or not; one whose work is under way keeps the keyboard's focus, and waits for it."""
        button.disabled = not allowed

    def _on_click(self, button: widgets.Button, work: Callable[[], str | None]) -> None:
        """Do something in a thread when a button is pressed, and say what it returns, or why it failed."""
        button.on_click(lambda _: self._start(button, work))

    def _start(self, button: widgets.Button, work: Callable[[], str | None]) -> None:
        if button in self._working or button.disabled:
            return
        self._working.add(button)
        button.add_class(_WORKING)
        self.say()
        threading.Thread(target=self._do, args=(button, work), name="panel-work", daemon=True).start()

    def _do(self, button: widgets.Button, work: Callable[[], str | None]) -> None:
        try:
            said = work()
            if said:
                self.say(said, "good", button)
        except EdgeError as error:
            self.say(str(error), "bad", button)
        except Exception as error:  # noqa: BLE001 (in a thread, nobody else would say it)
            _log.exception("A panel failed")
            self.say(f"That failed unexpectedly ({type(error).__name__}: {error}).", "bad", button)
        finally:
            self.refresh()
            with self._lock:
                self._working.discard(button)
                button.remove_class(_WORKING)
            wake_all()


def message(text: str, kind: str = "") -> str:
    """Return a line that says something; screen readers say what is bad at once."""
    role = "alert" if kind == "bad" else "status"
    return f'<div class="jupyter-edge-message jupyter-edge-{kind or "plain"}" role="{role}">{escape(text)}</div>'


def state_line(word: str, kind: str, more: str = "") -> str:
    """Return a word on a state with a mark of its kind: good, busy, bad or off."""
    rest = f' <span class="jupyter-edge-hint">{escape(more)}</span>' if more else ""
    return f'<span class="jupyter-edge-state jupyter-edge-{kind}" role="status">{escape(word)}</span>{rest}'


def section(text: str) -> widgets.HTML:
    """Return the heading of a part of a form."""
    return widgets.HTML(f'<div class="jupyter-edge-section" role="heading" aria-level="4">{escape(text)}</div>')


def hint(text: str) -> str:
    """Return a sentence that helps."""
    return f'<div class="jupyter-edge-hint">{escape(text)}</div>'


def table(listing: Listing[Any]) -> str:
    """Return a table that scrolls where it is too wide."""
    return f'<div class="jupyter-edge-table" tabindex="0">{listing._repr_html_()}</div>'


def field(kind: type[widgets.Widget], label: str, **options: Any) -> Any:
    """Return a field with its label before it."""
    layout = widgets.Layout(width="100%", max_width="44em")
    return kind(description=label, style={"description_width": _LABEL_WIDTH}, layout=layout, **options)


def button(text: str, tooltip: str, style: str = "") -> widgets.Button:
    """Return a button; ``style`` is primary, danger or nothing."""
    return widgets.Button(description=text, tooltip=tooltip, button_style=style)


class Row(widgets.HBox):
    """Widgets beside one another, in more lines where they have no room, and under them what their buttons say."""

    def __init__(self, *parts: widgets.Widget) -> None:
        self.said = widgets.HTML(layout=widgets.Layout(width="100%"))
        layout = widgets.Layout(flex_flow="row wrap", align_items="center", grid_gap="8px")
        super().__init__([*parts, self.said], layout=layout)


def read_pipelines(client: Client, wanted: object) -> tuple[list[Pipeline], Pipeline | None]:
    """Return the pipelines of the current workspace, and the one of an id among them, else the newest."""
    pipelines = list(client.list_pipelines(client.get_current_workspace()))
    return pipelines, next((one for one in pipelines if one.id() == wanted), pipelines[0] if pipelines else None)


def set_options(choice: widgets.Dropdown, options: Iterable[tuple[str, Any]], none: str) -> None:
    """Change what can be chosen, and keep what was; ``none`` is shown where there is nothing."""
    found = tuple(options) or ((none, NOTHING),)
    if tuple(choice.options) == found:
        return
    value = choice.value
    choice.options = found
    choice.value = value if value in [known for _, known in found] else found[0][1]

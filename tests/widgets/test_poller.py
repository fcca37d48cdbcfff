from __future__ import annotations

import threading

import ipywidgets as widgets

from jupyter_edge.widgets.poller import Poller, wake_all
from tests.widgets.conftest import Until


def test_it_looks_while_the_widget_is_displayed_and_no_longer(until: Until) -> None:
    looks = threading.Semaphore(0)
    widget = widgets.HTML()

    def look() -> bool:
        looks.release()
        return False

    poller = Poller(widget, look)
    assert not poller.running
    widget._view_count = 1
    wake_all()
    assert looks.acquire(timeout=10)
    widget._view_count = 2
    widget._view_count = 0
    until(lambda: "panel" not in [thread.name for thread in threading.enumerate()])
    assert not poller.running


def test_it_passes_over_what_is_not_in_sight(until: Until) -> None:
    seen: list[str] = []
    hidden, shown = widgets.HTML(), widgets.HTML()

    def look(name: str) -> bool:
        seen.append(name)
        return False

    pollers = [Poller(hidden, lambda: look("hidden")), Poller(shown, lambda: look("shown"))]
    pollers[0].paused = True
    hidden._view_count = shown._view_count = 1
    wake_all()
    until(lambda: "shown" in seen)
    assert "hidden" not in seen
    for poller in pollers:
        poller.stop()
    until(lambda: "panel" not in [thread.name for thread in threading.enumerate()])

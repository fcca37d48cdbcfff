"""Look again now and then, while somebody is looking."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import ipywidgets as widgets

SHORTEST_SECONDS = 1.0
LONGEST_SECONDS = 15.0
_running: WeakSet[Poller] = WeakSet()


class Poller:
    """Calls a function in a thread while a widget is displayed: soon after a change, ever more rarely without one.

    The front end counts a widget's views (``Widget._view_count``); where it counts none, nothing is polled.

    Args:
        widget: whose views count.
        refresh: what to call; it returns whether anything changed.
    """

    def __init__(self, widget: widgets.Widget, refresh: Callable[[], bool]) -> None:
        self.paused = False
        """Whether nothing is called for now, such as for a tab that is not selected."""
        self._refresh = refresh
        self._wake = threading.Event()
        self._run = 0
        widget._view_count = 0
        widget.observe(self._count, "_view_count")

    def wake(self) -> None:
        """Look again at once."""
        self._wake.set()

    def stop(self) -> None:
        """Look no more, until the widget is displayed anew."""
        self._run += 1
        _running.discard(self)
        self._wake.set()

    @property
    def running(self) -> bool:
        """Say whether the widget is displayed."""
        return self in _running

    def _count(self, change: Any) -> None:
        if not change.new:
            self.stop()
        elif not self.running:
            self._wake.clear()
            _running.add(self)
            self._run += 1
            threading.Thread(target=self._poll, args=(self._run,), name="panel", daemon=True).start()

    def _poll(self, run: int) -> None:
        pause = SHORTEST_SECONDS
        while True:
            woken = self._wake.wait(pause)
            if run != self._run:
                return
            self._wake.clear()
            changed = not self.paused and self._refresh()
            pause = SHORTEST_SECONDS if woken or changed else min(1.5 * pause, LONGEST_SECONDS)


def wake_all() -> None:
    """Have all displayed panels look again: something was changed from here."""
    for poller in list(_running):
        poller.wake()

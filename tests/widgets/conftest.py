from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import pytest

from jupyter_edge.widgets.base import Panel
from tests.client.conftest import (  # noqa: F401 (fixtures)
    _engine_environment,
    ccfraud,
    client,
    deployed,
    engine_home,
    model,
    new_name,
    pipeline,
    published,
    server,
    transport,
    workspace,
)

Until = Callable[[Callable[[], object]], None]
_SECONDS = 30.0


@pytest.fixture
def until() -> Until:
    """Wait for something that a thread brings about."""

    def wait(happened: Callable[[], object]) -> None:
        deadline = time.monotonic() + _SECONDS
        while not happened():
            assert time.monotonic() < deadline, "It did not happen."
            time.sleep(0.02)

    return wait


@pytest.fixture
def press(until: Until) -> Callable[[Panel, str], str]:
    """Press a panel's button by its text, wait until its work is done, and return what is said under it then."""

    def press(panel: Panel, text: str) -> str:
        (button,) = [one for one in buttons(panel) if one.description == text and one.layout.display != "none"]
        assert not button.disabled, text
        button.click()
        until(lambda: not panel._working)
        with panel._lock:
            return str(panel._lines.get(button, panel._message).value)

    return press


def buttons(widget: Any) -> list[Any]:
    """Return all buttons in a widget."""
    if isinstance(widget, widgets.Button):
        return [widget]
    return [found for child in getattr(widget, "children", ()) for found in buttons(child)]

"""The button that ends work before it is done, also while the kernel runs a cell."""

from __future__ import annotations

from collections.abc import Callable

import anywidget
import traitlets

from jupyter_edge.widgets.front_end import script, stylesheet


class CancelButton(anywidget.AnyWidget):
    """A button that calls ``act``, and whose front end does not wait for a kernel that runs a cell.

    It also asks the engine by way of the Jupyter server, if that knows the very ``job`` (its ``id`` and
    ``created_at``); else it interrupts the kernel if the cell that runs ``waits`` for this work, or says what to do.
    """

    _esm = script("cancel_button")
    _css = stylesheet("cancel_button")
    job = traitlets.Dict().tag(sync=True)
    waits = traitlets.Bool(False).tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        super().__init__()
        self.on_msg(lambda *_: self.click())

    def click(self) -> None:
        """Do what a press does."""
        self._act()

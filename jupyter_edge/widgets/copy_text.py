"""Text to be pasted elsewhere, with a button that copies it."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from jupyter_edge.widgets.front_end import script, stylesheet


class CopyText(anywidget.AnyWidget):
    """Text as it is, of fixed width, and a button that puts it on the clipboard.

    What is in ``text`` is kept where a notebook's widgets are saved; what ``show_secret`` shows is not.
    """

    _esm = script("copy_text")
    _css = stylesheet("copy_text")
    text = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode("Command").tag(sync=True)

    def __init__(self, text: str = "", label: str = "Command", **options: Any) -> None:
        self._secret = ""
        super().__init__(text=text, label=label, **options)
        self.on_msg(self._take)

    def show_secret(self, text: str) -> None:
        """Show text in place of ``text`` until this is called with none; no saved notebook holds it."""
        self._secret = text
        self.send({"secret": text})

    def __repr__(self) -> str:
        return self.text

    def _take(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        if content.get("kind") == "shown" and self._secret:
            self.send({"secret": self._secret})

"""Text to be pasted elsewhere, with a button that copies it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

_STATIC = Path(__file__).parent / "static"


class CopyText(anywidget.AnyWidget):
    """Text as it is, of fixed width, and a button that puts it on the clipboard."""

    _esm = _STATIC / "copy_text.js"
    _css = _STATIC / "copy_text.css"
    text = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode("Command").tag(sync=True)

    def __init__(self, text: str = "", label: str = "Command", **options: Any) -> None:
        super().__init__(text=text, label=label, **options)

    def __repr__(self) -> str:
        return self.text

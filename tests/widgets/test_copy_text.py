from __future__ import annotations

from jupyter_edge.widgets import CopyText


def test_its_text_is_what_is_copied_and_its_twin() -> None:
    widget = CopyText("jupyter-edge serve", "Command for here")
    assert widget.get_state()["text"] == "jupyter-edge serve"
    assert repr(widget) == "jupyter-edge serve"

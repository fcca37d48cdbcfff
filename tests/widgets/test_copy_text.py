from __future__ import annotations

from typing import Any

import pytest

from jupyter_edge.widgets import CopyText


def test_its_text_is_what_is_copied_and_its_twin() -> None:
    widget = CopyText("jupyter-edge serve", "Command for here")
    assert widget.get_state()["text"] == "jupyter-edge serve"
    assert repr(widget) == "jupyter-edge serve"


def test_a_secret_is_sent_to_each_view_until_it_is_taken_back_and_is_in_no_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[dict[str, Any]] = []
    widget = CopyText("jupyter-edge serve")
    monkeypatch.setattr(widget, "send", sent.append)
    shown = {"kind": "shown"}
    widget._handle_custom_msg(shown, [])
    assert not sent
    widget.show_secret("EDGE_BUNDLE=abc")
    widget._handle_custom_msg(shown, [])
    assert sent == [{"secret": "EDGE_BUNDLE=abc"}] * 2
    assert "abc" not in f"{widget.get_state()} {widget!r} {widget._repr_mimebundle_()}"
    widget.show_secret("")
    widget._handle_custom_msg(shown, [])
    assert sent[2:] == [{"secret": ""}]

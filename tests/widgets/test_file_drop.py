from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyter_edge.widgets import FileDrop


@pytest.fixture
def drop(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A drop zone whose messages to the browser are kept in ``sent``."""
    drop = FileDrop()
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(drop, "send", lambda content, _buffers=None: sent.append(content))
    yield drop, sent
    drop.close()


def offer(drop: FileDrop, content: dict[str, Any], *buffers: bytes) -> None:
    drop._handle_custom_msg(content, [memoryview(part) for part in buffers])


def test_a_file_arrives_in_the_pieces_that_were_asked_for(drop: Any) -> None:
    widget, sent = drop
    offer(widget, {"kind": "begin", "id": 5, "name": "C:\\models\\m.onnx", "size": 5})
    assert sent == [{"kind": "next", "id": 5, "from": 0}]
    offer(widget, {"kind": "piece", "id": 5, "from": 0}, b"abc")
    assert sent[-1] == {"kind": "next", "id": 5, "from": 3}
    assert "60%" in widget.words
    assert widget.path == ""
    offer(widget, {"kind": "piece", "id": 5, "from": 3}, b"de")
    assert sent[-1] == {"kind": "end", "id": 5}
    assert Path(widget.path).name == "m.onnx"
    assert Path(widget.path).read_bytes() == b"abcde"


def test_nothing_is_written_outside_of_its_folder(drop: Any) -> None:
    widget, _ = drop
    offer(widget, {"kind": "begin", "id": 1, "name": "../../evil.onnx", "size": 1})
    offer(widget, {"kind": "piece", "id": 1, "from": 0}, b"x")
    assert Path(widget.path).parent == Path(widget._folder.name)
    offer(widget, {"kind": "begin", "id": 2, "name": "..", "size": 1})
    assert widget.path == ""
    assert "cannot be taken" in widget.words


@pytest.mark.parametrize(("start", "piece"), [(1, b"a"), (0, b""), (0, b"more than was said")])
def test_pieces_that_do_not_fit_end_it(drop: Any, start: int, piece: bytes) -> None:
    widget, sent = drop
    offer(widget, {"kind": "begin", "id": 1, "name": "m.onnx", "size": 3})
    offer(widget, {"kind": "piece", "id": 1, "from": start}, piece)
    assert sent[-1] == {"kind": "end", "id": 1}
    assert widget.path == ""
    assert not list(Path(widget._folder.name).iterdir())


def test_a_new_file_takes_the_place_of_one_that_is_under_way(drop: Any) -> None:
    widget, _ = drop
    offer(widget, {"kind": "begin", "id": 1, "name": "a.onnx", "size": 2})
    offer(widget, {"kind": "begin", "id": 2, "name": "b.onnx", "size": 1})
    offer(widget, {"kind": "piece", "id": 1, "from": 0}, b"x")
    offer(widget, {"kind": "piece", "id": 2, "from": 0}, b"y")
    assert [path.name for path in Path(widget._folder.name).iterdir()] == ["b.onnx"]


def test_its_folder_goes_with_it(drop: Any) -> None:
    widget, _ = drop
    folder = Path(widget._folder.name)
    offer(widget, {"kind": "begin", "id": 1, "name": "a.onnx", "size": 1})
    widget.close()
    assert not folder.exists()

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient

import jupyter_edge
from jupyter_edge.compat.aliases.CVDemoUtils import CVDemo, Picture
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.vision import read_image, to_png


def yolo_output(anchors: int = 8400, classes: int = 80) -> Any:
    """A surer and a weaker box on the same dog, a bicycle that overlaps it by a fifth, and a cat that is not sure."""
    output = np.zeros((1, 4 + classes, anchors), np.float32)
    output[0, :4, 10:14] = np.array(
        [[183.4, 428, 149.9, 356], [184, 429, 150, 355], [285, 310, 375, 323], [9, 9, 9, 9]]
    ).T
    output[0, [4 + 16, 4 + 16, 4 + 1, 4 + 15], [10, 11, 12, 13]] = [0.86471, 0.85, 0.8113, 0.4]
    return output


def frame(output: Any) -> pd.DataFrame:
    return pd.DataFrame({"time": [1], "out.output0": [output.tolist()]})


EXPECTED = [
    "  Score: 86.47% | Class: Dog | Bounding Box: [108, 250, 149, 356]",
    "  Score: 81.13% | Class: Bicycle | Bounding Box: [97, 148, 375, 323]",
]

CELLS = [
    """%load_ext jupyter_edge.compat
from CVDemoUtils import CVDemo
import numpy as np, pandas as pd
tensor, picture = CVDemo().loadImageAndResize('picture.png', 640, 480)
result = pd.DataFrame({'out.output0': [np.load('output.npy').tolist()]})""",
    "CVDemo().drawYolo8Boxes(result, picture, 640, 480, 0.5, 0.25, draw=True)",
    "%unload_ext jupyter_edge.compat\nimport CVDemoUtils",
]


@pytest.fixture
def picture() -> Any:
    return np.full((480, 640, 3), 200, np.uint8)


def test_a_picture_is_loaded_as_rgb_and_resized(tmp_path: Path) -> None:
    drawn = np.zeros((30, 50, 3), np.uint8)
    drawn[:, :25] = (250, 120, 0)
    (tmp_path / "drawn.png").write_bytes(to_png(drawn))
    tensor, resized = CVDemo().loadImageAndResize(tmp_path / "drawn.png", 64, 32)
    np.testing.assert_array_equal(resized, cv2.resize(drawn, (64, 32)))
    assert tensor.dtype == np.float32
    np.testing.assert_allclose(tensor, resized.transpose(2, 0, 1)[None] / 255, atol=1e-7)
    assert tensor.flatten().shape == (3 * 32 * 64,)


@pytest.mark.parametrize("form", [lambda o: o, lambda o: o[0], lambda o: o.ravel()])
def test_lines_give_boxes_in_the_models_space_as_the_tutorial_does(form: Any, picture: Any, capsys: Any) -> None:
    CVDemo().drawYolo8Boxes(frame(form(yolo_output())), picture, 640, 480, 0.5, 0.25)
    assert capsys.readouterr().out.splitlines() == EXPECTED


def test_thresholds_are_honoured(picture: Any, capsys: Any) -> None:
    def lines(confidence: float, iou: float) -> int:
        CVDemo().drawYolo8Boxes(frame(yolo_output()), picture, 640, 480, confidence, iou)
        return len(capsys.readouterr().out.splitlines())

    assert (lines(0.3, 0.25), lines(0.82, 0.25), lines(0.5, 0.1), lines(0.5, 0.999)) == (3, 1, 1, 3)


def test_boxes_are_drawn_in_the_pictures_space(picture: Any) -> None:
    shown = CVDemo().drawYolo8Boxes(frame(yolo_output()), picture, 640, 480, 0.5, 0.25)
    assert (picture == 200).all()
    assert isinstance(shown, Picture)
    assert shown.shape == (480, 640, 3)
    for x, y in ((108, 350), (258, 350), (180, round(606 * 0.75)), (472, 200), (400, round(148.5 * 0.75))):
        assert (shown[y, x] != 200).any(), (x, y)
    assert (shown[460:] == 200).all()


def test_any_number_of_classes_and_input_size_is_understood(picture: Any, capsys: Any) -> None:
    output = np.zeros((1, 6, 2100), np.float32)
    output[0, [0, 1, 2, 3, 5], 7] = [160, 160, 40, 20, 0.75]
    shown = CVDemo().drawYolo8Boxes(frame(output), picture, 640, 480, 0.5, 0.25)
    assert capsys.readouterr().out == "  Score: 75.00% | Class: Class 1 | Bounding Box: [140, 150, 40, 20]\n"
    for x, y in ((280, 240), (360, 240), (320, 225), (320, 255)):
        assert (shown[y, x] != 200).any(), (x, y)


def test_nothing_found_is_said_and_returns_the_picture(picture: Any, capsys: Any) -> None:
    shown = CVDemo().drawYolo8Boxes(frame(yolo_output()), picture, 640, 480, 0.95, 0.25)
    assert capsys.readouterr().out == "  Nothing found with a score of 95% or more.\n"
    np.testing.assert_array_equal(shown, picture)


def test_a_result_of_another_model_is_refused_by_name(picture: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"no column 'out.output0'.*'out.variable'"):
        CVDemo().drawYolo8Boxes(pd.DataFrame({"out.variable": [[1.0]]}), picture, 640, 480, 0.5, 0.25)


def test_a_picture_prints_as_one_line_and_computes_as_an_array(picture: Any) -> None:
    shown = picture.view(Picture)
    assert repr(shown) == "<picture of 640 x 480 pixels: array of shape (480, 640, 3), uint8>"
    assert repr(shown[0, 0]) == repr(picture[0, 0])
    assert shown.mean() == 200


def test_in_a_notebook_the_picture_appears_once_and_the_array_as_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "output.npy", yolo_output())
    (tmp_path / "picture.png").write_bytes(to_png(np.full((573, 763, 3), 200, np.uint8)))
    monkeypatch.setenv("PYTHONPATH", str(Path(jupyter_edge.__file__).parent.parent))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    v4: Any = nbformat.v4
    notebook = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(notebook, timeout=120, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}).execute()
    loaded, drawn, unloaded = (cell.outputs for cell in notebook.cells)
    assert loaded == []
    stream, display, result = drawn
    assert stream.text.splitlines() == EXPECTED
    assert result.data == {"text/plain": "<picture of 640 x 480 pixels: array of shape (480, 640, 3), uint8>"}
    assert "640 x 640 space" in display.data["text/plain"]
    png = read_image(base64.b64decode(display.data["image/png"]))
    with_alpha = cv2.imdecode(np.frombuffer(base64.b64decode(display.data["image/png"]), np.uint8), -1)
    assert with_alpha is not None
    assert with_alpha[0, 0, 3] == 0, "a frame around the picture would glare in a dark theme"
    assert 640 <= png.shape[1] < 720
    assert 480 <= png.shape[0] < 560
    assert unloaded[0].ename == "ModuleNotFoundError"

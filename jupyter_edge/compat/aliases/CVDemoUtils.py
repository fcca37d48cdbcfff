"""The tutorials' computer vision helper: load a picture as a tensor, show what YOLOv8 found in it."""  # noqa: N999

from __future__ import annotations

import io
import math
from os import PathLike
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.vision import Detections, draw_boxes, image_to_tensor, read_image
from jupyter_edge.vision.drawing import Drawing
from jupyter_edge.vision.yolo import Candidates, find_candidates

if TYPE_CHECKING:
    import pandas as pd

_USUAL_SPACE = 640
_DOTS_PER_INCH = 100


class Picture(Drawing):
    """A picture that a cell shows as one line: the tutorials show it themselves, and return it as well."""

    def _repr_png_(self) -> None:
        return None


class CVDemo:
    """What the computer vision tutorials do with pictures."""

    def loadImageAndResize(  # noqa: N802
        self, path: str | PathLike[str], width: int, height: int
    ) -> tuple[npt.NDArray[np.float32], Picture]:
        """Return the picture at ``path`` as a tensor (1 x 3 x height x width, RGB, 0 to 1), and resized to draw on."""
        resized = np.asarray(cv2.resize(read_image(path), (width, height)), np.uint8)
        return image_to_tensor(resized).tensor, resized.view(Picture)

    def drawYolo8Boxes(  # noqa: N802, PLR0913, PLR0917
        self,
        inference: pd.DataFrame,
        image: npt.NDArray[np.uint8],
        width: int,
        height: int,
        confidence_thres: float,
        iou_thres: float,
        draw: bool = False,
    ) -> Picture:
        """Print a line for each object found and return a copy of ``image`` with their boxes; show it if ``draw``.

        ``inference`` has YOLOv8's output, of any number of classes, in row 0 of column ``out.output0``. As in the
        tutorials, overlapping boxes are suppressed whatever their class, and printed as left, top, width and height in
        the space of the model's input, 640 x 640. The drawn ones are scaled to ``image``, so that ``width`` and
        ``height`` say nothing more and are taken for compatibility.

        Raises:
            InvalidInputError: there is no such column, or it does not hold such an output.
        """
        found, space = _candidates(inference, confidence_thres)
        boxes = np.hstack([found.boxes[:, :2] - found.boxes[:, 2:] / 2, found.boxes[:, 2:]]).astype(int)
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), found.confidence.tolist(), 0.0, iou_thres)
        order = np.asarray(kept, int).reshape(-1)
        scale = np.array([image.shape[1], image.shape[0]] * 2) / space
        detections = Detections(found.xyxy[order] * scale, found.confidence[order], found.class_id[order], found.names)
        for name, score, box in zip(detections.class_name, detections.confidence, boxes[order].tolist(), strict=True):
            print(f"  Score: {score:.2%} | Class: {name.capitalize()} | Bounding Box: {box}")
        if not len(detections):
            print(f"  Nothing found with a score of {confidence_thres:.0%} or more.")
        picture = draw_boxes(np.asarray(image), detections).view(Picture)
        if draw:
            _show(picture, f"Printed boxes: [left, top, width, height] in the model's {space} x {space} space")
        return picture


def _candidates(inference: pd.DataFrame, confidence: float) -> tuple[Candidates, int]:
    """Return what the model saw, and the side of its square input, which the number of its anchors gives away."""
    if "out.output0" not in inference:
        raise InvalidInputError(
            f"The inference result has no column 'out.output0', where YOLOv8's output is; it has {list(inference)}."
        )
    output = inference["out.output0"].iloc[0]
    found = find_candidates(output, (_USUAL_SPACE, _USUAL_SPACE), confidence, layout="yolov8")
    return found, round(32 * math.sqrt(found.proposed / 21))  # each 32 x 32 pixels have 16 + 4 + 1 anchors


def _show(picture: Picture, caption: str) -> None:
    """Show ``picture`` in the notebook at its own size, by matplotlib but whatever its backend, and once."""
    from IPython.core.getipython import get_ipython
    from IPython.display import display
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if get_ipython() is None:
        return
    height, width = picture.shape[:2]
    figure = Figure((width / _DOTS_PER_INCH, height / _DOTS_PER_INCH), dpi=_DOTS_PER_INCH, facecolor="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(picture, interpolation="none")
    axes.set_axis_off()
    axes.set_title(caption, fontsize=9, color="gray")
    content = io.BytesIO()
    FigureCanvasAgg(figure).print_figure(content, format="png", bbox_inches="tight")
    display({"image/png": content.getvalue(), "text/plain": caption}, raw=True)

"""What a detector found in one picture, in the conventions that users know from supervision."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jupyter_edge.core.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

    from jupyter_edge.vision.drawing import Drawing
    from jupyter_edge.vision.images import ImageSource

_SHOWN_ROWS = 20


@dataclass(eq=False, repr=False)
class Detections:
    """Boxes of one picture, the surest first.

    ``xyxy`` is n x 4 float32 (left, top, right, bottom in pixels), ``confidence`` n float32 from 0 to 1, ``class_id``
    n integers that index ``names``. Index with a mask, a slice or a number for a part of them:
    ``found[found.confidence > 0.8]``. ``supervision.Detections(d.xyxy, confidence=d.confidence, class_id=d.class_id)``
    takes them as they are.
    """

    xyxy: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    class_id: npt.NDArray[np.int64]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.xyxy = np.asarray(self.xyxy, np.float32).reshape(-1, 4)
        self.confidence = np.asarray(self.confidence, np.float32).reshape(-1)
        self.class_id = np.asarray(self.class_id, np.int64).reshape(-1)
        self.names = tuple(self.names)
        if not len(self.xyxy) == len(self.confidence) == len(self.class_id):
            raise InvalidInputError(
                f"Detections need one confidence and one class for each box: there are {len(self.xyxy)} boxes, "
                f"{len(self.confidence)} confidences and {len(self.class_id)} classes."
            )

    @property
    def class_name(self) -> list[str]:
        """The name of each box's class; ``class 7`` where ``names`` does not reach."""
        return [self.names[i] if 0 <= i < len(self.names) else f"class {i}" for i in self.class_id.tolist()]

    def to_pandas(self) -> pd.DataFrame:
        """Return a DataFrame of one row per box: x_min, y_min, x_max, y_max, confidence, class_id, class_name."""
        import pandas as pd

        frame = pd.DataFrame(self.xyxy, columns=["x_min", "y_min", "x_max", "y_max"])
        return frame.assign(confidence=self.confidence, class_id=self.class_id, class_name=self.class_name)

    def draw(self, image: ImageSource) -> Drawing:
        """Return ``image`` as RGB with the boxes drawn on it: an array that a notebook shows as a picture."""
        from jupyter_edge.vision.drawing import draw_boxes

        return draw_boxes(image, self)

    def panel(self, image: ImageSource) -> Any:
        """Return the picture with these boxes, its score and classes to be tried, to be shown in a notebook."""
        widgets = importlib.import_module("jupyter_edge.widgets")  # by name: what only draws loads no widgets
        return widgets.DetectionView(image, self, confidence=float(self.confidence.min(initial=0.5)))

    def __len__(self) -> int:
        return len(self.xyxy)

    def __iter__(self) -> Iterator[Detections]:
        return (self[position] for position in range(len(self)))

    def __getitem__(self, index: Any) -> Detections:
        return Detections(self.xyxy[index], self.confidence[index], self.class_id[index], self.names)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in Counter(self.class_name).most_common())
        return f"Detections({counts or 'nothing found'})"

    def _repr_html_(self) -> str:
        head = "<tr><th>class</th><th>confidence</th><th>left</th><th>top</th><th>right</th><th>bottom</th></tr>"
        rows = [
            f"<tr><td>{escape(name)}</td><td>{score:.1%}</td>"
            + "".join(f"<td>{edge:.0f}</td>" for edge in box)
            + "</tr>"
            for name, score, box in zip(self.class_name, self.confidence, self.xyxy, strict=True)
        ]
        more = f"<p>and {len(rows) - _SHOWN_ROWS} more</p>" if len(rows) > _SHOWN_ROWS else ""
        return f"<table>{head}{''.join(rows[:_SHOWN_ROWS])}</table>{more}" if rows else "<p>nothing found</p>"

"""Turn pictures into the tensor that a vision model reads, and remember how to find the way back."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.vision.images import ImageSource, Picture, read_image

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Size = tuple[int, int]

# The gray that the YOLO family is trained with.
_PADDING_COLOUR = (114, 114, 114)


@dataclass(frozen=True)
class Placement:
    """Where a source picture lies in a model's input: ``input = source * scale + padding``, all as (x, y) in pixels."""

    source: Size
    size: Size
    scale: tuple[float, float] = (1.0, 1.0)
    padding: Size = (0, 0)

    def to_source(self, boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Map ``boxes`` (n x 4: x1, y1, x2, y2 in the model's input) to pixels of the source picture, clipped to it."""
        mapped = (boxes - np.tile(self.padding, 2)) / np.tile(self.scale, 2)
        return np.asarray(np.clip(mapped, 0, np.tile(self.source, 2)), np.float32)


@dataclass(frozen=True, eq=False, repr=False)
class ImageTensor:
    """A batch of pictures as a model's input, with the placement of each; iterate or index to get single ones.

    ``tensor`` is n x 3 x height x width (layout NCHW) or n x height x width x 3 (NHWC), channels in the order R, G, B.
    """

    tensor: npt.NDArray[Any]
    placements: tuple[Placement, ...]
    layout: str = "NCHW"

    def __len__(self) -> int:
        return len(self.placements)

    def __getitem__(self, index: int) -> ImageTensor:
        position = range(len(self))[index]
        return ImageTensor(self.tensor[position : position + 1], (self.placements[position],), self.layout)

    def __iter__(self) -> Iterator[ImageTensor]:
        return (self[position] for position in range(len(self)))

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.tensor, dtype, copy=copy)

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.tensor.shape))
        sources = ", ".join(f"{p.source[0]} x {p.source[1]}" for p in self.placements[:3])
        more = ", ..." if len(self) > 3 else ""
        return f"ImageTensor({shape} {self.tensor.dtype} {self.layout}, from {sources}{more})"

    def to_frame(self, name: str) -> pd.DataFrame:
        """Return a DataFrame of one row per picture, its cell in column ``name`` a nested list of shape 1 x (tensor's).

        Lists, because ``DataFrame.to_json`` writes them several times faster than arrays.
        """
        import pandas as pd

        return pd.DataFrame({name: [self.tensor[i : i + 1].tolist() for i in range(len(self))]})

    def to_arrow(self, name: str) -> pa.Table:
        """Return a table of a row per picture, without copying: column ``name`` is an ``arrow.fixed_shape_tensor``."""
        import pyarrow as pa

        return pa.table({name: pa.FixedShapeTensorArray.from_numpy_ndarray(self.tensor)})


def image_to_tensor(  # noqa: PLR0913
    image: ImageSource | Sequence[ImageSource],
    size: Size | None = None,
    *,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    dtype: Literal["float32", "uint8"] = "float32",
    scale: float = 1 / 255,
    fit: Literal["stretch", "letterbox"] = "stretch",
) -> ImageTensor:
    """Read one picture, or a list of them as a batch, into a tensor of ``size`` (width, height).

    Without ``size`` the pictures keep theirs. ``fit`` says what becomes of another aspect ratio: "stretch" ignores it,
    "letterbox" keeps it and pads with gray on both sides. Values are 0..255 times ``scale`` as float32, or plain 0..255
    as uint8. What a picture may be, and how to pass one in BGR, is said at `read_image`; for a model that itself wants
    BGR, pass ``read_image(picture)[..., ::-1]``.

    Raises:
        InvalidInputError: a picture cannot be read, or a parameter is none of the above.
    """
    _require(layout in {"NCHW", "NHWC"}, f"layout is 'NCHW' or 'NHWC', not {layout!r}.")
    _require(dtype in {"float32", "uint8"}, f"dtype is 'float32' or 'uint8', not {dtype!r}.")
    _require(fit in {"stretch", "letterbox"}, f"fit is 'stretch' or 'letterbox', not {fit!r}.")
    size = None if size is None else _whole_size(size)
    images: Sequence[Any] = image if isinstance(image, list | tuple) else [image]
    _require(len(images) > 0, "There is no picture in an empty list: pass at least one.")
    placed = [_place(read_image(each), size, fit) for each in images]
    _require(
        len({placement.size for _, placement in placed}) == 1,
        "Pictures of different sizes do not fit into one tensor: pass size=(width, height).",
    )
    batch: npt.NDArray[Any] = np.stack([pixels for pixels, _ in placed])
    if layout == "NCHW":
        batch = np.ascontiguousarray(batch.transpose(0, 3, 1, 2))
    if dtype == "float32":
        batch = np.multiply(batch, scale, dtype=np.float32)
    return ImageTensor(batch, tuple(placement for _, placement in placed), layout)


def _whole_size(size: Any) -> Size:
    try:
        width, height = map(operator.index, size)
    except (TypeError, ValueError):
        width = height = 0
    _require(min(width, height) > 0, f"size is (width, height) in whole pixels, not {size!r}.")
    return width, height


def _require(met: bool, sentence: str) -> None:
    if not met:
        raise InvalidInputError(sentence)


def _place(image: Picture, size: Size | None, fit: str) -> tuple[Picture, Placement]:
    height, width = image.shape[:2]
    size = size or (width, height)
    ratio = min(size[0] / width, size[1] / height)
    inner = size if fit == "stretch" else (max(1, round(width * ratio)), max(1, round(height * ratio)))
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    resized = cv2.resize(image, inner)
    right, bottom = size[0] - inner[0] - left, size[1] - inner[1] - top
    filled = cv2.copyMakeBorder(resized, top, bottom, left, right, cv2.BORDER_CONSTANT, value=_PADDING_COLOUR)
    placement = Placement((width, height), size, (inner[0] / width, inner[1] / height), (left, top))
    return np.asarray(filled, np.uint8), placement

"""Pictures as the rows that a model takes, by the schema of its file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jupyter_edge.core.errors import InvalidInputError

if TYPE_CHECKING:
    import pyarrow as pa

    from jupyter_edge.client.model import ModelVersion
    from jupyter_edge.vision import ImageTensor

_CHANNELS = 3


def picture_tensor(
    model: ModelVersion, picture: str | Path, fit: Literal["stretch", "letterbox"] = "stretch"
) -> ImageTensor:
    """Read a picture into the tensor that a model's first input takes: its size, layout and number type.

    A free height and width leave the picture as large as it is.

    Raises:
        InvalidInputError: if the input is no batch of RGB pictures, or the file is no picture.
    """
    from jupyter_edge.vision import image_to_tensor

    spec = model.schema().inputs[0]
    shape = spec.shape
    layout: Literal["NCHW", "NHWC"] | None = None
    if len(shape) == 4 and spec.dtype in {"float32", "uint8"}:
        layout = "NCHW" if shape[1] == _CHANNELS else "NHWC" if shape[3] == _CHANNELS else None
    if layout is None:
        msg = f"Model {model.name()} takes {spec.dtype} of shape {shape}, which is no RGB picture: give rows instead."
        raise InvalidInputError(msg)
    height, width = (shape[2], shape[3]) if layout == "NCHW" else (shape[1], shape[2])
    size = (width, height) if width and height else None
    dtype: Literal["float32", "uint8"] = "uint8" if spec.dtype == "uint8" else "float32"
    return image_to_tensor(picture, size, layout=layout, dtype=dtype, fit=fit)


def picture_rows(model: ModelVersion, tensor: ImageTensor) -> pa.Table:
    """Return a tensor as the rows of a request: a column named as the model's first field."""
    return tensor.to_arrow((model.tensor_fields() or [model.schema().inputs[0].name])[0])

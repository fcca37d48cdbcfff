"""Pictures as the rows that a model takes, by the schema of its file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.files import existing_file

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

    return image_to_tensor(picture, **_tensor_options(model), fit=fit)


def picture_rows(model: ModelVersion, tensor: ImageTensor) -> pa.Table:
    """Return a tensor as the rows of a request: a column named as the model's first field."""
    return tensor.to_arrow(_column(model))


def picture_program(model: ModelVersion, picture: str | Path, fit: Literal["stretch", "letterbox"]) -> str:
    """Return the Python that writes a picture to its output as an Arrow file of such rows, without asking an engine.

    Raises:
        InvalidInputError: if the model's input is no batch of RGB pictures, or there is no such file.
    """
    options = {**_tensor_options(model), "fit": fit}
    usual = {"size": None, "layout": "NCHW", "dtype": "float32", "fit": "stretch"}
    told = "".join(f", {name}={value!r}" for name, value in options.items() if value != usual[name])
    return f"""import sys
import pyarrow as pa
from jupyter_edge.vision import image_to_tensor

table = image_to_tensor({str(existing_file(picture))!r}{told}).to_arrow({_column(model)!r})
with pa.ipc.new_file(sys.stdout.buffer, table.schema) as file:
    file.write_table(table)"""


def _column(model: ModelVersion) -> str:
    return (model.tensor_fields() or [model.schema().inputs[0].name])[0]


def _tensor_options(model: ModelVersion) -> dict[str, Any]:
    """Return what a model's first input asks of ``image_to_tensor``."""
    spec = model.schema().inputs[0]
    shape = spec.shape
    layout = None
    if len(shape) == 4 and spec.dtype in {"float32", "uint8"}:
        layout = "NCHW" if shape[1] == _CHANNELS else "NHWC" if shape[3] == _CHANNELS else None
    if layout is None:
        msg = f"Model {model.name()} takes {spec.dtype} of shape {shape}, which is no RGB picture: give rows instead."
        raise InvalidInputError(msg)
    height, width = (shape[2], shape[3]) if layout == "NCHW" else (shape[1], shape[2])
    return {"size": (width, height) if width and height else None, "layout": layout, "dtype": spec.dtype}

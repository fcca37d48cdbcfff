"""Pictures in, pictures out: whatever a notebook has at hand becomes RGB bytes, and RGB bytes become PNG."""

from __future__ import annotations

import sys
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from jupyter_edge.core.errors import InvalidInputError

if TYPE_CHECKING:
    from PIL.Image import Image

Picture: TypeAlias = npt.NDArray[np.uint8]
ImageSource: TypeAlias = "str | PathLike[str] | bytes | bytearray | memoryview | npt.NDArray[Any] | Image"

# Not IMREAD_UNCHANGED: that one also skips the EXIF rotation.
_READ_FLAGS = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_ANYDEPTH


def read_image(image: ImageSource) -> Picture:
    """Return ``image`` as RGB, uint8, height x width x 3, upright.

    A path or the bytes of a file may be anything OpenCV reads (JPEG, PNG, WebP, TIFF, BMP ...); its EXIF orientation
    is applied. An array is taken as RGB, RGBA or gray (height x width, or with 1, 3 or 4 channels) of uint8, uint16,
    bool, or floats from 0 to 1; pass an OpenCV picture, which is BGR, as ``image[..., ::-1]``. Alpha is dropped, as
    training pipelines do, and 16 bits become 8. PIL images of mode "F" or "I" are taken as arrays of their type are.

    Raises:
        InvalidInputError: there is no such file, it is not a picture, or the array has no such shape or type.
    """
    if isinstance(image, np.ndarray):
        return _from_array(image)
    if isinstance(image, bytes | bytearray | memoryview):
        return _decode(np.frombuffer(image, np.uint8), "these bytes")
    if isinstance(image, str) and image.startswith(("http://", "https://")):
        raise InvalidInputError(f"{image} is an address: fetch it first, and pass the bytes of the picture.")
    if isinstance(image, str | PathLike):
        return _from_path(Path(image).expanduser())
    if "PIL.Image" in sys.modules and isinstance(image, sys.modules["PIL.Image"].Image):
        return _from_pil(image)
    raise InvalidInputError(
        f"A picture is a path, the bytes of a file, a NumPy array or a PIL image, not {type(image).__name__}."
    )


def to_png(image: ImageSource) -> bytes:
    """Return ``image`` (see `read_image`) as the bytes of an 8-bit RGB PNG file."""
    _, png = cv2.imencode(".png", cv2.cvtColor(read_image(image), cv2.COLOR_RGB2BGR))
    return png.tobytes()


def _from_path(path: Path) -> Picture:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InvalidInputError(
            f"There is no picture at {str(path)!r}, seen from {Path.cwd()}: check the path."
        ) from None
    except (OSError, ValueError) as error:  # a path with a null byte is none
        reason = getattr(error, "strerror", None) or error
        raise InvalidInputError(f"The picture {str(path)!r} cannot be read: {reason}.") from error
    return _decode(np.frombuffer(content, np.uint8), repr(str(path)))


def _decode(content: npt.NDArray[np.uint8], described: str) -> Picture:
    if not content.size:
        raise InvalidInputError(f"There is nothing in {described}: a picture was expected.")
    try:
        decoded = cv2.imdecode(content, _READ_FLAGS)
    except cv2.error as error:  # beyond OpenCV's limits on width, height or pixels
        raise InvalidInputError(f"OpenCV refuses to decode {described}: {error.err}.") from error
    if decoded is None:
        raise InvalidInputError(
            f"OpenCV cannot decode {described} as a picture: use JPEG, PNG, WebP, TIFF or BMP, or pass an array."
        )
    return _from_array(np.asarray(decoded))


def _from_pil(image: Any) -> Picture:
    from PIL import ImageOps

    try:
        upright = ImageOps.exif_transpose(image)
    except (OSError, ValueError) as error:  # Pillow reads a file only now, which may be cut off, or closed
        raise InvalidInputError(f"This PIL image cannot be read: {error}.") from error
    if upright.mode.startswith("I;16"):
        return _from_array(np.asarray(upright).astype(np.uint16))
    if upright.mode in {"F", "I"}:  # Pillow itself takes floats and 32-bit integers as 0 to 255, whatever they are
        return _from_array(np.asarray(upright))
    return _from_array(np.asarray(upright.convert("RGB")))


def _from_array(array: npt.NDArray[Any]) -> Picture:
    planes = array[..., None] if array.ndim == 2 else array
    if planes.ndim != 3 or planes.shape[2] not in {1, 3, 4}:
        raise InvalidInputError(
            f"An array of shape {array.shape} is not a picture: that is height x width, or height x width x 1, 3 or 4."
        )
    if not planes.size:
        raise InvalidInputError(f"A picture of shape {array.shape} has no pixels.")
    colour = np.repeat(planes, 3, axis=2) if planes.shape[2] == 1 else planes[..., :3]
    return np.ascontiguousarray(_to_bytes(colour))


def _to_bytes(values: npt.NDArray[Any]) -> Picture:
    """Return 0 to full scale of any accepted type as 0 to 255."""
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.uint16:
        return (values >> 8).astype(np.uint8)
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if np.issubdtype(values.dtype, np.floating) and bool(((values >= 0) & (values <= 1)).all()):
        return np.asarray(np.rint(values * 255), np.uint8)
    raise InvalidInputError(
        f"These values of type {values.dtype} are not a picture as they are: pass uint8, uint16, or floats from 0 to 1."
    )

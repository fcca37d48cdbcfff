"""Sample models and data that come with the package; LICENSE.md says how each file was made."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

NAMES = ("ccfraud.onnx", "transactions.arrow", "shapes.onnx", "shapes.png", "shapes.json")


def path(name: str) -> Path:
    """Return the path of a sample file.

    Raises:
        ValueError: if no sample has this name; the message lists those there are.
    """
    if name not in NAMES:
        raise ValueError(f"There is no sample named {name!r}; choose one of {', '.join(NAMES)}.")
    return Path(str(files(__name__) / name))

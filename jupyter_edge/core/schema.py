"""Input and output schemas of models."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a model.

    ``dtype`` is numpy's name ("float32", "int64", "bool", "str"); a ``None`` in ``shape`` is a free dimension.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class ModelSchema:
    """The inputs and outputs of a model, in the model's own order.

    ``class_names`` are those that a classifier or detector carries in its metadata, by class number; ``None`` where it
    carries none.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    class_names: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the schema as JSON values."""
        sides = {
            "inputs": [asdict(spec) for spec in self.inputs],
            "outputs": [asdict(spec) for spec in self.outputs],
        }
        return sides if self.class_names is None else sides | {"class_names": list(self.class_names)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ModelSchema:
        """Read what ``to_json`` wrote."""
        inputs, outputs = (tuple(_spec(item) for item in value[side]) for side in ("inputs", "outputs"))
        names = value.get("class_names")
        return cls(inputs, outputs, None if names is None else tuple(names))


def _spec(item: dict[str, Any]) -> TensorSpec:
    return TensorSpec(item["name"], item["dtype"], tuple(item["shape"]))

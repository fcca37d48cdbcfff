"""Answers in the form that the tutorials' text describes: one object per row, its outputs by their data type."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from jupyter_edge.core.pipeline import PipelineSpec
from jupyter_edge.core.records import Column, InferenceRecord

_LAYOUT = 1  # "v" of an array: the version of its own layout (dim, data)
_NAMES = {"float32": "Float", "float64": "Double"}


def encode(record: InferenceRecord, echoed: dict[str, Column] | None, spec: PipelineSpec) -> bytes:
    """Write a record as JSON; ``echoed`` is its input, ``None`` where that is too long to be returned."""
    model = spec.models[-1]
    rows = [
        {
            "check_failures": record.check_failures[row] if record.check_failures else [],
            "elapsed": record.elapsed,
            "model_name": model.name,
            "model_version": model.version,
            "original_data": None if echoed is None else {name: column[row] for name, column in echoed.items()},
            "outputs": [_output(column[row]) for column in record.outputs.values()],
            "pipeline_name": spec.name,
            "shadow_data": {},
            "time": record.time,
        }
        for row in range(record.rows)
    ]
    return orjson.dumps(rows, option=orjson.OPT_SERIALIZE_NUMPY)


def _output(values: Any) -> dict[str, Any]:
    kind = values.dtype.name if isinstance(values, np.ndarray) else "string"
    return {_NAMES.get(kind, kind.capitalize()): {"data": values, "dim": [1, len(values)], "v": _LAYOUT}}

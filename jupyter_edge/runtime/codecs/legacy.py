"""Answers in the form that the tutorials' text describes: one object per row, its outputs by their data type."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from jupyter_edge.core.pipeline import PipelineSpec
from jupyter_edge.core.records import Column, InferenceRecord
from jupyter_edge.runtime.codecs.json_values import writable

_LAYOUT = 1  # "v" of an array: the version of its own layout (dim, data)
_NAMES = {"float32": "Float", "float64": "Double"}


def encode(record: InferenceRecord, echoed: dict[str, Column] | None, spec: PipelineSpec) -> bytes:
    """Write a record as JSON; ``echoed`` is its input, ``None`` where that is too long to be returned."""
    model = spec.models[-1]
    inputs = None if echoed is None else {name: writable(column) for name, column in echoed.items()}
    outputs = [(_kind(column), writable(column)) for column in record.outputs.values()]
    rows = [
        {
            "check_failures": record.check_failures[row] if record.check_failures else [],
            "elapsed": record.elapsed,
            "model_name": model.name,
            "model_version": model.version,
            "original_data": None if inputs is None else {name: column[row] for name, column in inputs.items()},
            "outputs": [{kind: _array(column[row])} for kind, column in outputs],
            "pipeline_name": spec.name,
            "shadow_data": {},
            "time": record.time,
        }
        for row in range(record.rows)
    ]
    return orjson.dumps(rows, option=orjson.OPT_SERIALIZE_NUMPY)


def _kind(column: Column) -> str:
    first = column if isinstance(column, np.ndarray) else next(iter(column), None)
    kind = first.dtype.name if isinstance(first, np.ndarray) else "string"
    return _NAMES.get(kind, kind.capitalize())


def _array(values: Any) -> dict[str, Any]:
    return {"data": values, "dim": [1, len(values)], "v": _LAYOUT}

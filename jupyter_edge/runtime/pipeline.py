"""A pipeline ready to answer: its steps, one after the other."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from jupyter_edge.core.deployment import acceleration_of
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.pipeline import PipelineSpec
from jupyter_edge.core.records import Column
from jupyter_edge.core.schema import ModelSchema
from jupyter_edge.runtime.batch import Batch, Gathering, joined
from jupyter_edge.runtime.steps import Step


@dataclass(slots=True)
class Outcome:
    """The last step's outputs, flattened per row, and the nanoseconds that each step took.

    ``shapes`` has the shape that one row's value of an output has in truth, where all rows have the same.
    """

    outputs: dict[str, Column]
    elapsed: list[int]
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)


class Pipeline:
    """Runs its models one after the other; safe to use from several threads."""

    def __init__(self, spec: PipelineSpec, steps: list[Step], threads: int) -> None:
        self.spec = spec
        self.threads = threads
        self._steps = steps
        self._keeps_rows_apart: bool | None = None

    @classmethod
    def load(cls, spec: PipelineSpec, model_path: Callable[[str], Path], threads: int) -> Self:
        """Open all models; ``model_path`` maps the SHA-256 of a file, which the caller has checked, to its path.

        Raises:
            InvalidInputError: if there is no model, one cannot be loaded, or one cannot feed the next.
        """
        if not spec.models:
            msg = f"Pipeline {spec.name} has no steps: add a model with add_model_step() and deploy again."
            raise InvalidInputError(msg)
        acceleration = acceleration_of(spec.engine_config)
        steps = [Step(model, model_path(model.sha), threads, acceleration) for model in spec.models]
        for before, after in itertools.pairwise(steps):
            if len(before.schema.outputs) < len(after.fields):
                msg = (
                    f"Model {after.model.name} takes {len(after.fields)} inputs, but the step before it, "
                    f"{before.model.name}, gives {len(before.schema.outputs)}: put one before it that gives as many."
                )
                raise InvalidInputError(msg)
        return cls(spec, steps, threads)

    @property
    def row_schema(self) -> ModelSchema:
        """Return what one row holds: the columns that the first step takes, and the outputs of the last."""
        return ModelSchema(self._steps[0].row_inputs, self._steps[-1].row_outputs)

    @property
    def output_names(self) -> list[str]:
        """Return the names of the last step's outputs."""
        return [spec.name for spec in self._steps[-1].schema.outputs]

    @property
    def gathering(self) -> Gathering | None:
        """Return how requests of one row may run as one batch; ``None`` where a model takes one row at a time."""
        if any(step.model.batch_config == "single" or not step.takes_batches for step in self._steps):
            return None
        asked = next((model.dynamic_batching for model in self.spec.models if model.dynamic_batching), None)
        if asked is None:
            return Gathering()
        target = asked.batch_size_target
        limit = asked.batch_size_limit or max(target, Gathering.limit)
        return Gathering(asked.max_batch_delay_ms / 1000, target, limit)

    def keeps_rows_apart(self, batch: Batch) -> bool:
        """Tell whether a row's result is the same beside another one as alone, which no model says of itself.

        It is found out once, by running the first row of ``batch`` and one of other values alone, and both together.
        """
        if self._keeps_rows_apart is None:
            row, last = batch.row(0), batch.row(batch.rows - 1)
            other = Batch(1, {name: _changed(column) for name, column in last.columns.items()}, row.shapes)
            together = self.infer(joined([row, other])).outputs
            self._keeps_rows_apart = all(
                _is_close(column[0], together[name][number])
                for number, alone in enumerate((row, other))
                for name, column in self.infer(alone).outputs.items()
            )
        return self._keeps_rows_apart

    def infer(self, batch: Batch) -> Outcome:
        """Run all steps on one or more rows.

        Raises:
            InvalidInputError: for columns that are missing or do not fit.
            InferenceError: if a model fails on the values.
        """
        elapsed = []
        started = time.perf_counter_ns()
        columns = self._steps[0].run(batch)
        for step in self._steps[1:]:
            elapsed.append(time.perf_counter_ns() - started)
            started = time.perf_counter_ns()
            columns = step.run(Batch(batch.rows, _renamed(columns, step.fields)))
        elapsed.append(time.perf_counter_ns() - started)
        shapes = {name: column.shape[1:] for name, column in columns.items() if isinstance(column, np.ndarray)}
        return Outcome({name: _flat(column) for name, column in columns.items()}, elapsed, shapes)

    def infer_nothing(self) -> Outcome:
        """Return what no rows give: outputs of the right type, and of no size where the model leaves it open."""
        outputs: dict[str, Column] = {}
        shapes = {}
        for spec in self.row_schema.outputs:
            shapes[spec.name] = tuple(size or 0 for size in spec.shape)
            size = math.prod(shapes[spec.name])
            outputs[spec.name] = [] if spec.dtype == "str" else np.zeros((0, size), spec.dtype)
        return Outcome(outputs, [0] * len(self._steps), shapes)


def _renamed(outputs: dict[str, Column], fields: tuple[str, ...]) -> dict[str, Column]:
    """Give the outputs of a step the names of the next one's inputs: equal names first, the others in their order."""
    others = iter([column for name, column in outputs.items() if name not in fields])
    return {field: outputs[field] if field in outputs else next(others) for field in fields}


def _flat(column: Column) -> Column:
    if isinstance(column, list):
        return [value.ravel() for value in column]
    flat = column.reshape(len(column), -1)
    return flat.tolist() if flat.dtype == np.dtype(object) else flat


def _changed(column: Column) -> Column:
    """Return numbers that differ from these, but not in kind: a model may use whole ones as positions in a list."""
    if not isinstance(column, np.ndarray):
        return column
    if column.dtype.kind == "b":
        return ~column
    if column.dtype.kind == "f":
        half = np.asarray(column / 2 + 1, column.dtype)
        return np.where((half == column) | np.isnan(column), np.zeros_like(half), half)
    half = column // 2
    return np.where(half == column, np.ones_like(half), half)


def _is_close(value: Any, other: Any) -> bool:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        return bool(np.array_equal(value, other))
    largest = float(np.abs(value[np.isfinite(value)]).max(initial=0))
    return bool(np.allclose(value, other, rtol=1e-5, atol=1e-6 * largest, equal_nan=True))

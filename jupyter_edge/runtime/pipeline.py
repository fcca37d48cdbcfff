"""A pipeline ready to answer: its steps, one after the other."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.pipeline import PipelineSpec
from jupyter_edge.core.records import Column
from jupyter_edge.runtime.batch import Batch
from jupyter_edge.runtime.steps import Step


@dataclass(frozen=True)
class Outcome:
    """The last step's outputs, flattened per row, and the nanoseconds that each step took."""

    outputs: dict[str, Column]
    elapsed: list[int]


class Pipeline:
    """Runs its models one after the other; safe to use from several threads."""

    def __init__(self, spec: PipelineSpec, steps: list[Step], threads: int) -> None:
        self.spec = spec
        self.threads = threads
        self._steps = steps

    @classmethod
    def load(cls, spec: PipelineSpec, model_path: Callable[[str], Path], threads: int) -> Self:
        """Open all models; ``model_path`` maps the SHA-256 of a file, which the caller has checked, to its path.

        Raises:
            InvalidInputError: if there is no model, one cannot be loaded, or one cannot feed the next.
        """
        if not spec.models:
            msg = f"Pipeline {spec.name} has no steps: add a model with add_model_step() and deploy again."
            raise InvalidInputError(msg)
        steps = [Step(model, model_path(model.sha), threads) for model in spec.models]
        for before, after in itertools.pairwise(steps):
            if len(before.schema.outputs) < len(after.fields):
                msg = (
                    f"Model {after.model.name} takes {len(after.fields)} inputs, but the step before it, "
                    f"{before.model.name}, gives {len(before.schema.outputs)}."
                )
                raise InvalidInputError(msg)
        return cls(spec, steps, threads)

    @property
    def output_names(self) -> list[str]:
        """Return the names of the last step's outputs."""
        return [spec.name for spec in self._steps[-1].schema.outputs]

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
        return Outcome({name: _flat(column) for name, column in columns.items()}, elapsed)


def _renamed(outputs: dict[str, Column], fields: tuple[str, ...]) -> dict[str, Column]:
    """Give the outputs of a step the names of the next one's inputs: equal names first, the others in their order."""
    others = iter([column for name, column in outputs.items() if name not in fields])
    return {field: outputs[field] if field in outputs else next(others) for field in fields}


def _flat(column: Column) -> Column:
    if isinstance(column, list):
        return [value.ravel() for value in column]
    flat = column.reshape(len(column), -1)
    return flat.tolist() if flat.dtype == np.dtype(object) else flat

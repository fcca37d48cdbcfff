"""A few rows, sent to a pipeline by hand, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from jupyter_edge.core.errors import EdgeError, InvalidInputError
from jupyter_edge.core.schema import TensorSpec
from jupyter_edge.display import Listing
from jupyter_edge.widgets.base import Row, button, field, hint, table

if TYPE_CHECKING:
    import pandas as pd

    from jupyter_edge.client import ModelVersion, Pipeline

_LONGEST_ROW = 400
_SHOWN_ROWS = 20
_SHOWN_COLUMNS = 8
_SHOWN_CELL = 60


class TryIt:
    """Fields for rows as JSON, a button, and the answer's table; the first row is suggested by the model's inputs."""

    def __init__(self) -> None:
        self._rows = field(widgets.Textarea, "Rows (JSON)", rows=5, placeholder='[{"tensor": [0.1, 0.2]}]')
        self._hint = widgets.HTML()
        self._answer = widgets.HTML()
        self.button = button("Infer", "Send the rows to the deployed pipeline")
        self.parts = [self._rows, self._hint, Row(self.button), self._answer]
        self._suggested: object = None
        self._text = ""

    def suggest(self, fetch: Callable[[], ModelVersion] | None) -> None:
        """Fill in a row for a pipeline's first model, unless the user wrote one."""
        if fetch == self._suggested:
            return
        self._suggested = fetch
        self._answer.value = ""
        text, words = _suggestion(fetch)
        self._hint.value = hint(words)
        if self._rows.value == self._text:
            self._rows.value = self._text = text

    def run(self, pipeline: Pipeline) -> None:
        """Send the rows and show the answer.

        Raises:
            InvalidInputError: if they are not JSON of rows.
            EdgeError: if the pipeline refuses them.
        """
        import pandas as pd

        self._answer.value = ""
        try:
            records = json.loads(self._rows.value)
        except ValueError as error:
            msg = f"The rows are not JSON ({error}): write a list of objects, each a row."
            raise InvalidInputError(msg) from None
        if not isinstance(records, list) or not records or not all(isinstance(record, dict) for record in records):
            msg = 'The rows must be a list of objects, each a row with the pipeline\'s columns: [{"tensor": [0.1]}].'
            raise InvalidInputError(msg)
        self._answer.value = table(_listing(pipeline.infer(pd.DataFrame(records))))


def _suggestion(fetch: Callable[[], ModelVersion] | None) -> tuple[str, str]:
    if fetch is None:
        return "", "Once the pipeline has a step, a row for its inputs is suggested here."
    try:
        version = fetch()
    except EdgeError:  # of another workspace, or deleted
        return "", "Write a list of objects, each a row with the pipeline's columns."
    inputs = version.schema().inputs
    names = version.tensor_fields() or [spec.name for spec in inputs]
    sizes = [prod(_row_shape(spec)) for spec in inputs]
    if sum(sizes) > _LONGEST_ROW:
        return "", f"A row holds {sum(sizes):,} numbers, too many to write: send it with pipeline.infer() in a cell."
    record = {name: _zeros(spec) for name, spec in zip(names, inputs, strict=True)}
    return json.dumps([record]), "Change the numbers and press Infer; more objects in the list are more rows."


def _row_shape(spec: TensorSpec) -> list[int]:
    return [size or 1 for size in spec.shape[1:]]


def _zeros(spec: TensorSpec) -> Any:
    zero: Any = {"str": "", "bool": False}.get(spec.dtype, 0.0 if spec.dtype.startswith("float") else 0)
    for size in reversed(_row_shape(spec)):
        zero = [zero] * size
    return zero


def _listing(frame: pd.DataFrame) -> Listing[Any]:
    columns = [str(name) for name in frame.columns if not str(name).startswith("in.")][:_SHOWN_COLUMNS]
    rows = frame[columns].head(_SHOWN_ROWS).itertuples(index=False, name=None)
    return Listing(rows, columns, lambda values: [_short(value) for value in values])


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN_CELL else f"{text[:_SHOWN_CELL]} ..."

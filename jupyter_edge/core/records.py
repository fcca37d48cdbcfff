"""What is logged of an inference, and the sink that takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Column = np.ndarray[Any, Any] | list[Any]
"""One value per row: an array whose first axis is the row, or a list where rows differ in shape or hold text."""


@dataclass(slots=True)
class InferenceRecord:
    """The rows of one inference request, with what was found out about all of them together.

    Args:
        time: milliseconds since the epoch, one for all rows.
        rows: how many rows the request had.
        inputs: column name to values, as answered under ``in``; a dropped column is absent.
        outputs: output name to values, flattened to ``[rows, values]``.
        check_failures: the names of failed checks, one list per row; no lists at all where none failed.
        elapsed: nanoseconds to parse the input, then for each step.
        last_model: JSON text with ``model_name`` and ``model_sha`` of the last step.
        pipeline_version: UUID of the pipeline version that answered.
        dropped: paths such as ``in.images`` whose values were left out for their size.
    """

    time: int
    rows: int
    inputs: dict[str, Column]
    outputs: dict[str, Column]
    check_failures: list[list[str]]
    elapsed: list[int]
    last_model: str
    pipeline_version: str
    dropped: list[str]


class LogSink(Protocol):
    """Takes records off the request path: no method raises, and ``append`` does not block."""

    @property
    def dropped_rows(self) -> int:
        """Rows that the log lost since it was opened."""

    def backlog(self) -> int:
        """Return how many rows wait to be committed, or to be taken over by the engine."""

    def append(self, record: InferenceRecord) -> None:
        """Queue a record; where the queue or the store is full, count it as dropped."""

    def flush(self) -> None:
        """Return once everything appended before the call is committed, or counted as dropped."""


class NoLog:
    """The sink of a server that keeps no log."""

    dropped_rows = 0

    def backlog(self) -> int:
        """Return 0."""
        return 0

    def append(self, record: InferenceRecord) -> None:
        """Let the record go."""

    def flush(self) -> None:
        """Return at once."""

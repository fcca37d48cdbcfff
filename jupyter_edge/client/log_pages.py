"""The log of a pipeline page by page, however long it is, and how the values of a column of it are spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jupyter_edge.client.logs import LogQuery, Page, read_page, topic_of
from jupyter_edge.client.transport import Transport
from jupyter_edge.core.errors import InvalidInputError

_MOST_ROWS = 100_000
_MOST_BYTES = 64 << 20
_CHUNK_ROWS = 10_000
_BINS = 30
_MOST_WORDS = 12


class LogPages:
    """The pages of a log, each read when it is asked for; a page can only be reached over those before it."""

    def __init__(self, transport: Transport, pipeline_id: int) -> None:
        self._transport = transport
        self._topic = topic_of(transport, pipeline_id)
        self._query = LogQuery()
        self._page_rows = 1
        self._positions: list[dict[str, int] | None] = [None]

    def partitions(self) -> dict[str, int]:
        """Return how many rows each replica and edge has logged and the engine still keeps, by its name."""
        found = self._transport.get(f"logs/topic/{self._topic}")["partitions"]
        return {name: span["end"] - span["start"] for name, span in found.items()}

    def sample(self, *, oldest: bool = False) -> pa.Table:
        """Return the newest or the oldest row, with all its columns."""
        query = LogQuery(dataset=["*", "metadata"], oldest_first=oldest)
        return read_page(self._transport, self._topic, query.parameters(1), None).rows

    def start(self, query: LogQuery, page_rows: int) -> None:
        """Begin with the first page of other rows or columns."""
        self._query, self._page_rows, self._positions = query, page_rows, [None]

    def read(self, number: int) -> Page:
        """Return a page by its number, from 0; its ``next`` is ``None`` where it is the last.

        Raises:
            InvalidInputError: if the page before was not read.
        """
        if not 0 <= number < len(self._positions):
            msg = f"Page {number} is not known yet: read the pages before it first."
            raise InvalidInputError(msg)
        parameters = self._query.parameters(self._page_rows)
        page = read_page(self._transport, self._topic, parameters, self._positions[number])
        if page.status == "All" or not page.rows.num_rows:
            return Page(page.rows, "All", None)
        self._positions[number + 1 :] = [page.next]
        return page

    def spread(self, column: str, element: int | None = None) -> Spread:
        """Return how the values of a column are spread over the rows of the present query, the first 100,000 at most.

        ``element`` picks one number of each list; without it, all of them count.
        """
        parts: list[pa.ChunkedArray] = []
        position, rows, size, more = None, 0, 0, True
        parameters = LogQuery(
            start=self._query.start,
            end=self._query.end,
            dataset=[column],
            partitions=self._query.partitions,
            oldest_first=self._query.oldest_first,
        ).parameters(_CHUNK_ROWS)
        while more and rows < _MOST_ROWS and size < _MOST_BYTES:
            page = read_page(self._transport, self._topic, parameters, position)
            rows, size = rows + page.rows.num_rows, size + page.rows.nbytes
            if column in page.rows.column_names:
                parts.append(page.rows[column])
            position, more = page.next, page.status != "All" and page.rows.num_rows > 0
        return _spread_of(column, element, parts, rows, complete=not more)


@dataclass(frozen=True)
class Spread:
    """How often the values of a column lie in each of some ranges, or are each of some words.

    ``edges`` are the ends of the ranges, one more than ``counts``; ``words`` stand in their place where the values are
    no numbers, the most frequent first, or all the same. ``missing`` values are null or no finite number.
    ``complete`` says whether all rows that were asked for are counted.
    """

    column: str
    rows: int
    complete: bool
    counts: list[int]
    edges: list[float] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    missing: int = 0
    summary: dict[str, float] = field(default_factory=dict)

    def labels(self) -> list[str]:
        """Return what each count counts."""
        if self.words:
            return self.words
        write = written_time if self.column == "time" else _written_number
        return [f"{write(low)} to {write(high)}" for low, high in zip(self.edges[:-1], self.edges[1:], strict=True)]

    def __str__(self) -> str:
        known = "all" if self.complete else "the first"
        heading = f"{self.column}: {sum(self.counts):,} values of {known} {self.rows:,} rows"
        if self.missing:
            heading += f", {self.missing:,} missing or not finite"
        summary = ", ".join(f"{name} {_written_number(value)}" for name, value in self.summary.items())
        rows = [f"{label}: {count:,}" for label, count in zip(self.labels(), self.counts, strict=True)]
        return "\n".join([heading, *([summary] if summary else []), *rows])


def _spread_of(column: str, element: int | None, parts: list[pa.ChunkedArray], rows: int, *, complete: bool) -> Spread:
    arrays = [_values(chunk, element) for part in parts for chunk in part.chunks]
    missing = sum(array.null_count for array in arrays)
    if any(not is_number(array.type) for array in arrays):
        counted = Counter(str(value) for array in arrays for value in array.drop_null().to_pylist())
        common = counted.most_common(_MOST_WORDS)
        others = counted.total() - sum(count for _, count in common)
        shown = common + ([("others", others)] if others else [])
        return Spread(
            column, rows, complete, [count for _, count in shown], words=[word for word, _ in shown], missing=missing
        )
    numbers = np.concatenate([np.zeros(0), *(array.drop_null().to_numpy(zero_copy_only=False) for array in arrays)])
    finite = numbers[np.isfinite(numbers)].astype(float)
    missing += len(numbers) - len(finite)
    if not len(finite):
        return Spread(column, rows, complete, [], missing=missing)
    if finite.min() == finite.max():
        word = (written_time if column == "time" else _written_number)(finite[0])
        return Spread(column, rows, complete, [len(finite)], words=[word], missing=missing)
    counts, edges = _histogram(finite)
    summary = {} if column == "time" else _summary(finite)
    return Spread(column, rows, complete, counts.tolist(), edges=edges.tolist(), missing=missing, summary=summary)


def _histogram(values: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.histogram(values, bins=_BINS)
    except ValueError:  # they are too close together, or too far apart, for floats in between
        return np.array([len(values)]), np.array([values.min(), values.max()])


def _summary(values: np.ndarray[Any, Any]) -> dict[str, float]:
    measures: dict[str, Callable[[Any], Any]] = {
        "least": np.min,
        "median": np.median,
        "mean": np.mean,
        "greatest": np.max,
    }
    return {name: float(measure(values)) for name, measure in measures.items()}


def _values(array: pa.Array, element: int | None) -> pa.Array:
    """Return the single values of a column's cells, lists in lists opened."""
    if element is not None and pa.types.is_list(array.type):
        array = pc.list_element(array.filter(pc.greater(pc.list_value_length(array), element)), element)
    while pa.types.is_list(array.type):
        array = array.flatten()
    return array


def is_number(kind: pa.DataType) -> bool:
    """Say whether a column of this type holds single numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _written_number(value: float) -> str:
    return f"{value:.4g}"


def written_time(milliseconds: float) -> str:
    """Write a moment of the log, in milliseconds since the epoch, for people."""
    return str(np.datetime64(round(milliseconds), "ms")).replace("T", " ")

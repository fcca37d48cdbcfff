"""The inference log of a pipeline: read as a frame, or exported to files."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa

from jupyter_edge.client.inference import as_list, tidy_frame, tidy_table
from jupyter_edge.client.transport import Transport
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.media_types import ARROW_FILE
from jupyter_edge.core.quantities import parse_memory

DEFAULT_LIMIT = 100
_PAGE_ROWS = 10_000
_MORE_ROWS = "There are more logs available. Please set a larger limit or request a file using export_logs."
_MORE_BYTES = "The logs exceed the size limit of one answer; these are the first. Request a file using export_logs."
_OTHER_SCHEMA = "Earlier or later logs have other columns; these are the first. Request files using export_logs."
_SUPPRESSED = (
    "The inference log is above the allowable limit and the following columns may have been suppressed for various "
    "rows in the logs: {columns}. To review the dropped columns for an individual inference's suppressed data, "
    'include dataset=["metadata"] in the log request.'
)


@dataclass(frozen=True)
class LogQuery:
    """Which rows and columns of a log are wanted; newest first, or oldest first within a range of time or if asked for.

    ``partitions`` are the names of the replicas and edges whose rows are wanted; none means all.

    Raises:
        InvalidInputError: if only one end of the range is given, or a limit that is no positive number.
    """

    limit: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    dataset: Sequence[str] | None = None
    exclude: Sequence[str] | None = None
    partitions: Sequence[str] = ()
    oldest_first: bool = False

    def __post_init__(self) -> None:
        if (self.start is None) != (self.end is None):
            msg = "Give start_datetime and end_datetime together, or neither."
            raise InvalidInputError(msg)
        if self.limit is not None and self.limit < 1:
            msg = f"limit is {self.limit}: ask for at least one row."
            raise InvalidInputError(msg)

    @property
    def page_limit(self) -> int | None:
        """Return how many rows are shown at once; all of a range of time if no limit is given."""
        return self.limit or (DEFAULT_LIMIT if self.start is None else None)

    @property
    def paths(self) -> list[str]:
        """Return the wanted columns or groups of columns."""
        return as_list(self.dataset) or ["*"]

    @property
    def wants_metadata(self) -> bool:
        """Say whether metadata was asked for by name; ``*`` alone shows none."""
        return any(path.split(".")[0] == "metadata" for path in self.paths)

    def parameters(self, page_rows: int | None) -> list[tuple[str, str]]:
        """Return the query parameters of one page."""
        if self.start is None or self.end is None:
            span = [("order", "asc" if self.oldest_first else "desc")]
        else:
            span = [("time.start", _iso(self.start)), ("time.end", _iso(self.end))]
        return [
            *([("page_size", str(page_rows))] if page_rows else []),
            *span,
            *(("partition[]", name) for name in self.partitions),
            *(("dataset[]", path) for path in self.paths),
            *(("dataset.exclude[]", path) for path in as_list(self.exclude)),
            ("dataset.separator", "."),
        ]


@dataclass(frozen=True)
class Page:
    """Rows of a log: with the reason why no more came, and where the next page starts."""

    rows: pa.Table
    status: str
    next: dict[str, int] | None


def read_logs(transport: Transport, pipeline_id: int, query: LogQuery, *, arrow: bool) -> pd.DataFrame | pa.Table:
    """Return a pipeline's logged rows, with a warning where more of them exist."""
    page = read_page(transport, topic_of(transport, pipeline_id), query.parameters(query.page_limit), None)
    reasons = {"RecordLimited": _MORE_ROWS, "ByteLimited": _MORE_BYTES, "SchemaChange": _OTHER_SCHEMA}
    if page.status in reasons:
        warnings.warn(reasons[page.status], stacklevel=3)
    _warn_of_suppressed(page.rows)
    rows = _without_metadata(page.rows, query)
    return tidy_table(rows) if arrow else tidy_frame(rows.to_pandas())


def export_logs(  # noqa: PLR0913 (the parameters of the documented call)
    transport: Transport,
    pipeline_id: int,
    query: LogQuery,
    directory: Path,
    prefix: str,
    *,
    arrow: bool,
    data_size_limit: str,
) -> list[Path]:
    """Write a pipeline's log to ``<prefix>-<n>.json`` (JSON Lines) or ``.arrow`` files, and return their paths.

    A new file starts where the columns change; without rows there is no file.

    Raises:
        InvalidInputError: if ``prefix`` is more than the beginning of a file's name.
    """
    if Path(prefix).name != prefix:
        msg = f"file_prefix is {prefix!r}: give the beginning of a file's name, and the folder as directory."
        raise InvalidInputError(msg)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"The log cannot be exported to {directory} ({error.strerror}): name a folder that can be written."
        raise InvalidInputError(msg) from error
    files = _Files(directory, prefix, arrow, _size_of(data_size_limit))
    suppressed = False
    try:
        for page in _pages(transport, topic_of(transport, pipeline_id), query):
            suppressed = suppressed or _warn_of_suppressed(page.rows)
            if not files.write(_without_metadata(page.rows, query)):
                message = f"There are more logs than {data_size_limit}: set a larger data_size_limit to export them."
                warnings.warn(message, stacklevel=3)
                break
    finally:
        files.close()
    return files.paths


class _Files:
    """Numbered files of one export, each of one schema, up to a number of bytes in all."""

    def __init__(self, directory: Path, prefix: str, arrow: bool, limit: int) -> None:
        self.paths: list[Path] = []
        self._name = directory / prefix
        self._arrow = arrow
        self._left = limit
        self._schema: pa.Schema | None = None
        self._file: IO[bytes] | None = None
        self._writer: Any = None

    def write(self, rows: pa.Table) -> bool:
        """Append rows; return False where the limit cut some off."""
        rows = rows.replace_schema_metadata(None)
        if self._schema != rows.schema:
            self._start(rows.schema)
        if self._arrow:
            rows = tidy_table(rows)
            fitting = rows if rows.nbytes <= self._left else rows.slice(0, rows.num_rows * self._left // rows.nbytes)
            self._writer.write_table(fitting)
            self._left -= fitting.nbytes
            return bool(fitting.num_rows == rows.num_rows)
        return all(self._write_line(line) for line in json_lines(rows))

    def close(self) -> None:
        """Finish the open file."""
        if self._writer is not None:
            self._writer.close()
        if self._file is not None:
            self._file.close()

    def _start(self, schema: pa.Schema) -> None:
        self.close()
        path = self._name.with_name(f"{self._name.name}-{len(self.paths) + 1}.{'arrow' if self._arrow else 'json'}")
        self.paths.append(path)
        self._schema = schema
        self._file = path.open("wb")
        if self._arrow:
            self._writer = pa.ipc.new_file(self._file, tidy_table(schema.empty_table()).schema)

    def _write_line(self, line: bytes) -> bool:
        if len(line) > self._left or self._file is None:
            return False
        self._left -= self._file.write(line)
        return True


def json_lines(rows: pa.Table) -> Iterator[bytes]:
    """Encode each row as a JSON object on a line: ``time`` in ms as it is, failures counted, float32 as short text."""
    columns = {name: _values(name, rows[name]) for name in rows.column_names}
    for i in range(rows.num_rows):
        row = {name: values[i] for name, values in columns.items()}
        yield orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)


def _values(name: str, column: pa.ChunkedArray) -> Sequence[Any]:
    if name == "check_failures":
        return [0 if failures is None else len(failures) for failures in column.to_pylist()]
    if pa.types.is_list(column.type) and pa.types.is_floating(column.type.value_type):
        cells: np.ndarray[Any, Any] = column.to_pandas().to_numpy()
        return list(cells)
    return list(column.to_pylist())


def _pages(transport: Transport, topic: str, query: LogQuery) -> Iterator[Page]:
    left, position = query.limit, None
    while left is None or left > 0:
        page_rows = _PAGE_ROWS if left is None else min(left, _PAGE_ROWS)
        page = read_page(transport, topic, query.parameters(page_rows), position)
        if not page.rows.num_rows:
            return
        yield page
        if page.status == "All" or not page.next:
            return
        left = None if left is None else left - page.rows.num_rows
        position = page.next


def read_page(
    transport: Transport, topic: str, parameters: list[tuple[str, str]], position: dict[str, int] | None
) -> Page:
    """Read rows from a position on, or from the beginning."""
    response = transport.send(
        f"{transport.url}/v1/logs/topic/{topic}/records",
        json.dumps(position or {}).encode(),
        {"Accept": ARROW_FILE},
        query=parameters,
    )
    rows = pa.ipc.open_file(response.content).read_all()
    status = json.loads((rows.schema.metadata or {}).get(b"status", b'{"status": "All"}'))
    return Page(rows, status["status"], status.get("next"))


def topic_of(transport: Transport, pipeline_id: int) -> str:
    """Return the name of a pipeline's log."""
    return str(transport.post("plateau/get_topic_name", {"pipeline_pk_id": pipeline_id})["topic_name"])


def _without_metadata(rows: pa.Table, query: LogQuery) -> pa.Table:
    if query.wants_metadata:
        return rows
    return rows.select([name for name in rows.column_names if not name.startswith("metadata.")])


def _warn_of_suppressed(rows: pa.Table) -> bool:
    if "metadata.dropped" not in rows.column_names:
        return False
    columns = sorted({path for paths in rows["metadata.dropped"].to_pylist() for path in paths or []})
    if columns:
        warnings.warn(_SUPPRESSED.format(columns=columns), stacklevel=4)
    return bool(columns)


def _size_of(text: str) -> int:
    """Read a size such as ``"100MiB"`` or ``"500KB"``: a memory quantity, its ``B`` left out."""
    return parse_memory(text.replace(" ", "").removesuffix("B").replace("K", "k").replace("ki", "Ki"))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()

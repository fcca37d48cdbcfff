"""Answer requests for the log: as Arrow files and as JSON rows."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa

from jupyter_edge.core.dataset import Path, Selection
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.engine.log_query import Page, Query
from jupyter_edge.engine.log_store import LogStore

MAX_PAGE_ROWS = 100_000
DEFAULT_PAGE_ROWS = 1000


@dataclass(frozen=True)
class Request:
    """What a caller asks for, as text from outside; ``start`` and ``end`` are ISO-8601, no ``partitions`` are all."""

    page_size: str | int | None
    order: str | None
    start: str | None
    end: str | None
    positions: dict[str, int]
    selection: Selection
    partitions: list[str] | None = None

    def query(self, pipeline_id: int) -> Query:
        """Return the query that this asks for.

        Raises:
            InvalidInputError: if it cannot be answered.
        """
        bounds: dict[str, int] = {}
        if self.start:
            bounds["first"] = -(-microseconds(self.start) // 1000)
        if self.end:
            bounds["last"] = microseconds(self.end) // 1000
        return Query(
            pipeline_id,
            self._select,
            limit=_page_size(self.page_size),
            descending=_is_descending(self.order),
            positions=self.positions,
            partitions=self.partitions,
            **bounds,
        )

    def _select(self, present: list[str], known: list[str]) -> list[str]:
        names = {_path(name): name for name in [*present, *known]}
        wanted = [names[path] for path in self.selection.choose(list(names))]
        return [name for name in wanted if name in present] or ["time"]


def _path(name: str) -> Path:
    return tuple(name.split(".", 1))


def microseconds(text: str) -> int:
    """Read an ISO-8601 time, in UTC if it names no offset, as microseconds since the epoch.

    Raises:
        InvalidInputError: if it is something else.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        msg = f"{text!r} is no time: write it as 2024-01-31T12:00:00+00:00."
        raise InvalidInputError(msg) from None
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _page_size(value: str | int | None) -> int:
    try:
        size = DEFAULT_PAGE_ROWS if value is None else int(value)
    except ValueError:
        size = 0
    if size < 1:
        msg = f"{value!r} is no page size: give a number of rows from 1 to {MAX_PAGE_ROWS}."
        raise InvalidInputError(msg)
    return min(size, MAX_PAGE_ROWS)


def _is_descending(order: str | None) -> bool:
    if (order or "asc").lower() not in {"asc", "desc"}:
        msg = f"{order!r} is no order: give asc or desc."
        raise InvalidInputError(msg)
    return (order or "").lower() == "desc"


def read(logs: LogStore, pipeline_id: int | None, request: Request) -> Page:
    """Return a page of a log; of no pipeline, an empty one."""
    query = request.query(pipeline_id or 0)
    return Page(pa.table({}), "All", {}) if pipeline_id is None else logs.read(query)


def read_positions(body: bytes) -> dict[str, int]:
    """Read the ``next`` object of an earlier answer; nothing stands for the beginning.

    Raises:
        InvalidInputError: if it is something else.
    """
    try:
        value = orjson.loads(body or b"{}")
    except ValueError:
        value = None
    positions: dict[str, int] = value if isinstance(value, dict) else {"": -1}
    if any(not isinstance(position, int) or not 0 <= position < 1 << 63 for position in positions.values()):
        msg = "The body is no iterator of the log: send {} first, and then the 'next' object of the answer before."
        raise InvalidInputError(msg)
    return positions


def encode_cursor(positions: dict[str, int]) -> str:
    """Return positions as one opaque word."""
    return base64.urlsafe_b64encode(orjson.dumps(positions)).decode()


def decode_cursor(cursor: str | None) -> dict[str, int]:
    """Read what ``encode_cursor`` wrote.

    Raises:
        InvalidInputError: if it is something else.
    """
    try:
        body = base64.b64decode(cursor or "", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        body = b"-"
    return read_positions(body)


def iteration_status(page: Page) -> str:
    """Return how a page ended and where the next one begins, as JSON text."""
    return json.dumps({"status": page.status, "next": page.positions})


def arrow_file(page: Page, separator: str | None, status: str | None = None) -> bytes:
    """Return a page as an Arrow IPC file, flat with a separator and nested without; without rows it has no fields."""
    table = _flat(page.rows, separator) if separator else _nested(page.rows)
    if status and page.rows.num_rows:
        table = table.replace_schema_metadata({"status": status})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def json_rows(page: Page) -> bytes:
    """Return a page as a JSON array of nested rows; numbers are written as short as their own precision allows."""
    columns = [(_path(name), _values(page.rows.column(name))) for name in page.rows.column_names]
    rows: list[dict[str, Any]] = [{} for _ in range(page.rows.num_rows)]
    for (top, *rest), values in columns:
        for row, value in zip(rows, values, strict=True):
            if rest:
                row.setdefault(top, {})[rest[0]] = value
            else:
                row[top] = value
    return orjson.dumps(rows, option=orjson.OPT_SERIALIZE_NUMPY)


def _flat(table: pa.Table, separator: str) -> pa.Table:
    return table.rename_columns([separator.join(_path(name)) for name in table.column_names])


def _nested(table: pa.Table) -> pa.Table:
    groups: dict[str, dict[str, pa.Array]] = {}
    columns: dict[str, Any] = {}
    for name in table.column_names:
        top, *rest = _path(name)
        column = table.column(name).combine_chunks()
        columns[top] = column
        if rest:
            groups.setdefault(top, {})[rest[0]] = column
    for top, fields in groups.items():
        columns[top] = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
    return pa.table(columns)


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return a value per row; lists of numbers as arrays, which keep their precision in JSON."""
    kind = column.type
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if is_number and not column.null_count:
        return list(column.to_numpy())
    is_list = pa.types.is_list(kind) and (pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type))
    if not is_list or column.combine_chunks().flatten().null_count:
        return column.to_pylist()  # type: ignore[no-any-return]
    return [None if row is None else row.values.to_numpy() for row in column]

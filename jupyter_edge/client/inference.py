"""Inference requests and answers: frames, Arrow tables and plain JSON on the wire."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa

from jupyter_edge.client.arrow_frames import frame_of, plain_value, table_bytes, table_of
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.files import existing_file
from jupyter_edge.core.media_types import ARROW_FILE, JSON, PANDAS_RECORDS, media_type_of_file

LARGE_CELL = 4096
"""Numbers in one cell from which the tensors of a frame's answer are arrays rather than lists."""


@dataclass(frozen=True)
class Request:
    """The body of an inference request, its media types, and how its answer is read."""

    body: bytes
    content_type: str
    accept: str
    read: Callable[[bytes], Any]
    selects: bool = True

    @property
    def headers(self) -> dict[str, str]:
        """Return the request's headers."""
        return {"Content-Type": self.content_type, "Accept": self.accept}

    @property
    def query(self) -> list[tuple[str, str]]:
        """Return the query of an answer that is read here where nothing else is asked for."""
        return selection(None, None) if self.selects else []


def request_of(data: pd.DataFrame | pa.Table | dict[str, Any] | list[Any]) -> Request:
    """Encode what a user wants to infer on.

    Raises:
        InvalidInputError: for data of another kind, or without rows.
    """
    if isinstance(data, pa.Table):
        return Request(table_bytes(data), ARROW_FILE, ARROW_FILE, _read_table)
    if isinstance(data, pd.DataFrame):
        return _request_of_frame(data)
    if isinstance(data, dict):
        return _request_of_columns(data)
    if isinstance(data, list):
        return _request_of_records(data)
    msg = f"A {type(data).__name__} cannot be inferred on: give a pandas DataFrame, a pyarrow Table, a dict or a list."
    raise InvalidInputError(msg)


def request_of_file(path: str | Path) -> Request:
    """Make the request of a file, sent as it is: Arrow IPC (``.arrow``) or JSON of pandas records (``.json``)."""
    media_type = media_type_of_file(Path(path).name)
    read = _read_table if media_type == ARROW_FILE else _read_records
    return Request(existing_file(path).read_bytes(), media_type, media_type, read)


def selection(dataset: Sequence[str] | None, exclude: Sequence[str] | None) -> list[tuple[str, str]]:
    """Return the query that selects the answer's columns: all but the metadata where nothing else is asked for."""
    wanted = as_list(dataset) or ["*"]
    left_out = as_list(exclude) + ([] if "metadata" in wanted else ["metadata"])
    return [
        *(("dataset[]", path) for path in wanted),
        *(("dataset.exclude[]", path) for path in left_out),
        ("dataset.separator", "."),
    ]


def tidy_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return an answer or log as users read it: times as times, failures counted, inputs before outputs."""
    if "time" in frame:
        frame["time"] = frame["time"].astype("int64").astype("datetime64[ms]")
    if "check_failures" in frame:
        frame["check_failures"] = frame["check_failures"].map(len).astype("int64")
    names: list[str] = sorted(frame.columns.tolist(), key=_column_rank)
    return frame[names]


def tidy_table(table: pa.Table) -> pa.Table:
    """Do the same to an Arrow table: ``time`` becomes ``timestamp[ms]``, ``check_failures`` an ``int8`` count."""
    for name, convert in (("time", _as_timestamps), ("check_failures", _as_counts)):
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, convert(table[name]))
    return table.select(sorted(table.column_names, key=_column_rank))


def _request_of_columns(columns: dict[str, Any]) -> Request:
    """Encode columns, as Arrow if one is an array; the answer is JSON in any case."""
    lengths = {len(rows) if isinstance(rows, list | tuple | np.ndarray) else None for rows in columns.values()}
    if len(lengths) != 1 or None in lengths:
        msg = "A dict maps each column to its rows, as many in each: for one row, write {'tensor': [[1.0, 2.0]]}."
        raise InvalidInputError(msg)
    if any(isinstance(rows, np.ndarray) for rows in columns.values()):
        table = table_of(columns)
        if table is not None:
            return Request(table_bytes(table), ARROW_FILE, JSON, orjson.loads, selects=False)
    return _request_of_records([dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)])


def _request_of_records(records: list[Any]) -> Request:
    body = orjson.dumps(records, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY)
    return Request(body, JSON, JSON, orjson.loads, selects=False)


def _request_of_frame(frame: pd.DataFrame) -> Request:
    if frame.empty:
        msg = "The DataFrame has no rows: there is nothing to infer on."
        raise InvalidInputError(msg)
    table = table_of({name: frame[name] for name in frame}) if frame.columns.is_unique else None
    if table is not None:
        large = any(_cell_size(frame.iloc[0, i]) >= LARGE_CELL for i in range(frame.shape[1]))
        return Request(table_bytes(table), ARROW_FILE, ARROW_FILE, _read_arrays if large else _read_frame)
    return _request_of_rows(frame)


def _request_of_rows(frame: pd.DataFrame) -> Request:
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    body = orjson.dumps(frame.to_dict("records"), default=_plain, option=options)
    return Request(body, PANDAS_RECORDS, PANDAS_RECORDS, _read_records)


def _cell_size(cell: Any) -> int:
    """Return how many numbers a cell holds, from the lengths of its first elements."""
    if isinstance(cell, np.ndarray):
        return cell.size
    lengths = []
    while isinstance(cell, list | tuple) and cell:
        lengths.append(len(cell))
        cell = cell[0]
    return prod(lengths)


def _read_table(body: bytes) -> pa.Table:
    return tidy_table(pa.ipc.open_file(body).read_all())


def _read_frame(body: bytes) -> pd.DataFrame:
    return tidy_frame(frame_of(pa.ipc.open_file(body).read_all()))


def _read_arrays(body: bytes) -> pd.DataFrame:
    """Return a frame with tensors as arrays: a list of Python's numbers of a picture takes ten times the memory."""
    frame: pd.DataFrame = pa.ipc.open_file(body).read_all().to_pandas()
    return tidy_frame(frame)


def _read_records(body: bytes) -> pd.DataFrame:
    rows = orjson.loads(body)
    return tidy_frame(pd.DataFrame({name: [row[name] for row in rows] for name in (rows[0] if rows else ())}))


def _as_timestamps(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.int64()).cast(pa.timestamp("ms"))


def _as_counts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    counts = [0 if failures is None else len(failures) for failures in column.to_pylist()]
    return pa.chunked_array([pa.array(counts, pa.int8())])


def _column_rank(name: str) -> int:
    """Order columns: the time, inputs, outputs, then the rest as it comes."""
    return 0 if name == "time" else 1 if name.startswith("in.") else 2 if name.startswith("out.") else 3


def as_list(paths: Sequence[str] | None) -> list[str]:
    """Return the names of columns, also where one is given alone."""
    return [paths] if isinstance(paths, str) else list(paths or [])


def _plain(value: Any) -> Any:
    """Return JSON values for what orjson does not know: arrays that are not contiguous, times, other numbers."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    plain = plain_value(value)
    if plain is value:
        raise TypeError
    return plain

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jupyter_edge.core.records import InferenceRecord
from jupyter_edge.logs.spool_reader import SpoolReader


def record(first: int, rows: int = 1, *, width: int = 3, **changes: Any) -> InferenceRecord:
    """Make a record whose outputs are the numbers from ``first`` up, one to a row."""
    numbers = np.arange(first, first + rows, dtype=np.int64)
    values: dict[str, Any] = {
        "time": 1_700_000_000_000 + first,
        "rows": rows,
        "inputs": {"tensor": np.repeat(numbers.astype(np.float32)[:, None], width, axis=1)},
        "outputs": {"number": numbers[:, None]},
        "check_failures": [[] for _ in range(rows)],
        "elapsed": [100, 200],
        "last_model": '{"model_name":"counter","model_sha":"00"}',
        "pipeline_version": "11111111-1111-1111-1111-111111111111",
        "dropped": [],
    }
    return InferenceRecord(**(values | changes))


def read(payload: bytes) -> Any:
    return pa.ipc.open_stream(payload).read_all()


def numbers_in(payload: bytes) -> list[int]:
    """Return the numbers that ``record`` put into the rows of a payload."""
    return [number for (number,) in read(payload).column("out.number").to_pylist()]


def numbers(path: Path) -> list[int]:
    """Return the numbers that ``record`` put into the rows of a spool."""
    with SpoolReader(path) as reader:
        return [number for batch in reader.pending(10_000, 1 << 30) for number in numbers_in(batch.payload)]


def as_stream(table: pa.Table, **options: Any) -> bytes:
    """Return a table as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)

"""How much a pipeline was asked and how long it took, over time: from the log's rows, and from counted requests."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow.fs import LocalFileSystem
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from jupyter_edge.engine import log_rows
from jupyter_edge.engine.log_grid import Grid, TimeBucket
from jupyter_edge.engine.log_rows import Segment
from jupyter_edge.engine.log_tables import SLOT_MS, LogPartition, LogSegment, RequestCount

_QUANTILES = (0.5, 0.95, 0.99)
_TEXTS = pa.list_(pa.string())
_SCHEMA = pa.schema(
    [("time", pa.int64()), ("metadata.elapsed", pa.list_(pa.uint64())), ("check_failures", _TEXTS)],
)

Array = npt.NDArray[Any]


def read_timings(
    session: Session, folder: Path, pipeline_id: int, partition: str | None, grid: Grid
) -> list[TimeBucket]:
    """Return what happened in each stretch of the grid, in one partition or all.

    Raises:
        FileNotFoundError: if rows were compacted while they were read: read again.
    """
    table = _load(session, folder, _segments(session, pipeline_id, partition, grid))
    places, totals, failed = _measure(table, grid)
    rows = np.bincount(places, minlength=grid.count)
    failures = np.bincount(places[failed], minlength=grid.count)
    parts = np.split(totals[np.argsort(places, kind="stable")], np.cumsum(rows)[:-1])
    counts = _counts(session, pipeline_id, partition, grid)
    return [
        _bucket(grid, number, parts[number], int(failures[number]), counts.get(number)) for number in range(grid.count)
    ]


def _bucket(grid: Grid, number: int, totals: Array, failures: int, counts: tuple[int, int] | None) -> TimeBucket:
    quantiles = np.quantile(totals, _QUANTILES) / 1e6 if len(totals) else (None, None, None)
    p50, p95, p99 = (None if value is None else float(value) for value in quantiles)
    requests, errors = counts or (None, None)
    return TimeBucket(
        time=grid.first + number * grid.width,
        rows=len(totals),
        rows_per_second=len(totals) * 1000 / grid.width,
        p50=p50,
        p95=p95,
        p99=p99,
        check_failures=failures,
        requests=requests,
        errors=errors,
    )


def _segments(session: Session, pipeline_id: int, partition: str | None, grid: Grid) -> list[Segment]:
    owners = select(LogPartition.id).where(LogPartition.pipeline_id == pipeline_id)
    if partition is not None:
        owners = owners.where(LogPartition.name == partition)
    within = (LogSegment.max_time >= grid.first, LogSegment.min_time < grid.end)
    found = session.execute(log_rows.find_segments(LogSegment.partition_id.in_(owners), *within))
    return [Segment(*row) for row in found]


def _load(session: Session, folder: Path, segments: list[Segment]) -> pa.Table:
    """Read the columns that timings need: of files, all row groups at once."""
    groups: dict[str, list[int]] = defaultdict(list)
    tables = []
    for segment in segments:
        if segment.file and segment.row_group is not None:
            groups[segment.file].append(segment.row_group)
        else:
            tables.append(log_rows.load(session, folder, segment, _SCHEMA))
    form, disk = ds.ParquetFileFormat(), LocalFileSystem()
    fragments = [
        form.make_fragment(str(folder / name), disk, row_groups=sorted(which)) for name, which in groups.items()
    ]
    if fragments:
        tables.append(ds.FileSystemDataset(fragments, _SCHEMA, form).to_table())
    return pa.concat_tables(tables) if tables else _SCHEMA.empty_table()


def _measure(table: pa.Table, grid: Grid) -> tuple[Array, Array, Array]:
    """Return of each row within the grid: which stretch it is in, the nanoseconds it took, whether a check failed."""
    times = table.column("time").to_numpy()
    elapsed = table.column("metadata.elapsed").combine_chunks()
    failed = pc.greater(pc.list_value_length(table.column("check_failures")), 0).to_numpy()
    sums = np.concatenate([[0], np.cumsum(elapsed.values.to_numpy().astype(np.int64))])
    offsets = elapsed.offsets.to_numpy()
    totals = sums[offsets[1:]] - sums[offsets[:-1]]
    inside = (times >= grid.first) & (times < grid.end)
    places = ((times[inside] - grid.first) // grid.width).astype(np.uint16)  # few bits: sorted by radix
    return places, totals[inside], failed[inside].astype(bool)


def _counts(session: Session, pipeline_id: int, partition: str | None, grid: Grid) -> dict[int, tuple[int, int]]:
    wanted = [RequestCount.pipeline_id == pipeline_id, RequestCount.time >= grid.first, RequestCount.time < grid.end]
    if partition is not None:
        wanted.append(RequestCount.partition == partition)
    sums = (func.sum(RequestCount.answered), func.sum(RequestCount.errors))
    found: dict[int, tuple[int, int]] = {}
    for time, answered, errors in session.execute(
        select(RequestCount.time, *sums).where(*wanted).group_by(RequestCount.time)
    ):
        number = (time - grid.first) // grid.width
        before = found.get(number, (0, 0))
        found[number] = (before[0] + answered, before[1] + errors)
    return found


def add_counts(session: Session, pipeline_id: int, counts: dict[tuple[str, int], tuple[int, int]]) -> None:
    """Add requests, and the errors among them, to what was counted by partition and moment (ms since the epoch)."""
    for (partition, moment), (answered, errors) in counts.items():
        key = {"pipeline_id": pipeline_id, "partition": partition, "time": moment // SLOT_MS * SLOT_MS}
        row = session.get(RequestCount, key)
        if row is None:
            row = RequestCount(**key, answered=0, errors=0)
            session.add(row)
        row.answered += answered
        row.errors += errors

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest

from jupyter_edge.client import InvalidInputError
from jupyter_edge.client.logs import LogQuery, json_lines

NOON = datetime(2023, 10, 31, 12, tzinfo=UTC)


def test_a_line_keeps_milliseconds_short_floats_and_flat_names() -> None:
    rows = pa.table(
        {
            "time": pa.array([1698784607697, 1698784607697]),
            "out.variable": pa.array([[1.0094898], None], pa.list_(pa.float32())),
            "check_failures": pa.array([["low"], []], pa.list_(pa.string())),
            "metadata.elapsed": pa.array([[191202, 1255615], []], pa.list_(pa.uint64())),
            "metadata.partition": ["shop-7", "engine-1"],
        }
    )
    first, second = json_lines(rows)
    assert first.endswith(b"\n")
    assert json.loads(first) == {
        "time": 1698784607697,
        "out.variable": [1.0094898],
        "check_failures": 1,
        "metadata.elapsed": [191202, 1255615],
        "metadata.partition": "shop-7",
    }
    assert json.loads(second)["out.variable"] is None


def test_the_newest_rows_come_first_without_a_range_and_in_order_within_one() -> None:
    assert LogQuery().parameters(5) == [
        ("page_size", "5"),
        ("order", "desc"),
        ("dataset[]", "*"),
        ("dataset.separator", "."),
    ]
    within = LogQuery(start=NOON, end=NOON.astimezone(timezone(timedelta(hours=2))) + timedelta(hours=1))
    assert within.parameters(None) == [
        ("time.start", "2023-10-31T12:00:00+00:00"),
        ("time.end", "2023-10-31T13:00:00+00:00"),
        ("dataset[]", "*"),
        ("dataset.separator", "."),
    ]


def test_metadata_is_wanted_only_where_it_is_named() -> None:
    assert not LogQuery().wants_metadata
    assert not LogQuery(dataset=["*"]).wants_metadata
    assert LogQuery(dataset=["time", "metadata.partition"]).wants_metadata
    assert LogQuery(dataset="metadata").wants_metadata


def test_half_a_range_or_no_rows_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="together"):
        LogQuery(start=NOON)
    with pytest.raises(InvalidInputError, match="limit is 0"):
        LogQuery(limit=0)

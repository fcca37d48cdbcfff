from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_edge.core import arrow_columns as arrow
from jupyter_edge.core.arrow_columns import Column
from jupyter_edge.core.arrow_ipc import size_of, write

NUMBERS = ["|b1", "<f2", "<f4", "<f8", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8"]


def read(rows: int, columns: list[Column], *, as_file: bool = True) -> Any:
    parts = write(rows, columns, as_file=as_file)
    data = b"".join(parts)
    assert len(data) == sum(map(size_of, parts))
    table = (pa.ipc.open_file if as_file else pa.ipc.open_stream)(data).read_all()
    table.validate(full=True)
    return table


def mixed(rows: int) -> list[Column]:
    """Return columns of every kind."""
    even = np.arange(2 * rows).reshape(rows, 2)
    some = ["ä" * (row % 3) if row % 4 else None for row in range(rows)]
    return [
        arrow.lists("even", arrow.even_offsets(rows, 2), arrow.numbers("inner", even, nullable=False)),
        arrow.lists("uneven", arrow.offsets(range(rows)), arrow.texts("item", ["x"] * (rows * (rows - 1) // 2))),
        arrow.texts("some", some),
        arrow.same_text("same", "ö", rows),
        arrow.runs("runs", [1, rows - 1][:rows], arrow.texts("", ["a", None][:rows])),
        arrow.structs("s", rows, [arrow.numbers("n\0", even[:, 0] > 2), arrow.structs("none", rows, [])]),
        arrow.lists(
            "null", arrow.even_offsets(rows, 0), arrow.texts("item", []), [row % 2 == 1 for row in range(rows)]
        ),
        arrow.runs(
            "again", [1] * rows, arrow.lists("", arrow.even_offsets(rows, 1), arrow.numbers("item", even[:, 0]))
        ),
    ]


def expected(rows: int) -> list[dict[str, Any]]:
    return [
        {
            "even": [2 * row, 2 * row + 1],
            "uneven": ["x"] * row,
            "some": "ä" * (row % 3) if row % 4 else None,
            "same": "ö",
            "runs": None if row else "a",
            "s": {"n\0": row > 1, "none": {}},
            "null": [] if row % 2 else None,
            "again": [2 * row],
        }
        for row in range(rows)
    ]


@pytest.mark.parametrize("as_file", [True, False])
def test_columns_of_every_kind_are_read_by_pyarrow(as_file: bool) -> None:
    for rows in (3, 0, 1, 1001, 9):
        table = read(rows, mixed(rows), as_file=as_file)
        assert table.to_pylist() == expected(rows)
        assert {field.name: str(field.type) for field in table.schema} == {
            "even": "list<inner: int64 not null>",
            "uneven": "list<item: string>",
            "some": "string",
            "same": "string",
            "runs": "run_end_encoded<run_ends: int32, values: string>",
            "s": "struct<n\0: bool, none: struct<>>",
            "null": "list<item: string>",
            "again": "run_end_encoded<run_ends: int32, values: list<item: int64>>",
        }


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_of_every_type_are_read_by_pyarrow(kind: str) -> None:
    values = np.arange(77).astype(kind)
    for pieces in ([values], [values[:3], values[3:3], values[3:]], [values.reshape(11, 7)[:, ::-1]]):
        column = read(77, [arrow.numbers("a", *pieces)])["a"]
        assert column.type == pa.from_numpy_dtype(kind)
        assert column.to_pylist() == [value for piece in pieces for value in piece.ravel().tolist()]


@pytest.mark.parametrize("kind", [">f4", ">i2"])
def test_big_endian_numbers_are_turned_round(kind: str) -> None:
    assert read(3, [arrow.numbers("a", np.arange(3).astype(kind))])["a"].to_pylist() == [0, 1, 2]


@given(st.lists(st.none() | st.text(), max_size=20))
def test_texts_and_nulls_are_read_by_pyarrow(values: list[str | None]) -> None:
    column = read(len(values), [arrow.texts("a", values)])["a"]
    assert (column.to_pylist(), column.null_count) == (values, values.count(None))


def test_large_lists_and_texts_are_read_by_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "MAX_OFFSET", 2)
    items = arrow.texts("item", ["abc", "", "d"])
    table = read(2, [arrow.lists("a", arrow.offsets([2, 1]), items)])
    assert str(table.schema.field("a").type) == "large_list<item: large_string>"
    assert table["a"].to_pylist() == [["abc", ""], ["d"]]


def test_metadata_of_columns_are_kept() -> None:
    column = arrow.numbers("a", np.zeros(1))
    field = column.field._replace(metadata=(("k", "ä"), ("", "\0")), nullable=False)
    assert (
        read(1, [column._replace(field=field)])
        .schema.field("a")
        .equals(pa.field("a", pa.float64(), nullable=False, metadata={"k": "ä", "": "\0"}), check_metadata=True)
    )


@pytest.mark.parametrize("as_file", [True, False])
def test_all_buffers_are_aligned_to_64_bytes(as_file: bool) -> None:
    data = pa.py_buffer(b"".join(write(5, mixed(5), as_file=as_file)))
    table = (pa.ipc.open_file if as_file else pa.ipc.open_stream)(data).read_all()
    buffers = [buffer for column in table.columns for buffer in column.chunk(0).buffers()]
    places = [buffer.address - data.address for buffer in buffers if buffer is not None and buffer.size]
    assert len(places) > 12
    assert {place % 64 for place in places} == {0}


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="'b', 3"):
        write(2, [arrow.numbers("a", np.zeros(2)), arrow.numbers("b", np.zeros(3))], as_file=True)


def test_the_metadata_are_of_version_5() -> None:
    stream = b"".join(write(1, [arrow.numbers("a", np.zeros(1))], as_file=False))
    assert {message.metadata_version for message in pa.ipc.MessageReader.open_stream(stream)} == {
        pa.ipc.MetadataVersion.V5
    }

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from jupyter_edge.core.errors import EdgeError
from jupyter_edge.runtime.batch import Batch
from jupyter_edge.runtime.codecs import arrow_frame, arrow_reader
from jupyter_edge.runtime.codecs.arrow_messages import RECORD_BATCH, messages

KINDS = {
    "fixed": pa.list_(pa.float32(), 3),
    "list": pa.list_(pa.float32()),
    "nested": pa.list_(pa.list_(pa.int16(), 1)),
    "scalar": pa.float64(),
    "text": pa.string(),
}


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    arrow_frame._kept.clear()


def values_of(kind: Any, seed: int) -> Any:
    numbers = np.random.default_rng(seed).integers(1, 100, (4, 3)).tolist()
    if kind == pa.float64():
        return [row[0] / 7 for row in numbers]
    if kind == pa.string():
        return [f"{row[0]:03}" for row in numbers]
    return [[[number] for number in row] for row in numbers] if "list<item: fixed" in str(kind) else numbers


def body_of(names: tuple[str, ...], seed: int, *, stream: bool = False) -> bytes:
    table = pa.table({name: pa.array(values_of(KINDS[name], seed), KINDS[name]) for name in names})
    sink = io.BytesIO()
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def fresh(body: bytes | bytearray) -> Batch | str:
    arrow_frame._kept.clear()
    try:
        return arrow_reader.decode(body)
    except EdgeError as error:
        return str(error)


def as_batch(read: Batch | str | None) -> Batch:
    assert isinstance(read, Batch)
    return read


def as_lists(batch: Batch | str) -> Any:
    if isinstance(batch, str):
        return batch
    columns = {
        name: (getattr(c, "dtype", None), np.shape(c), np.array(c).tolist()) for name, c in batch.columns.items()
    }
    return batch.rows, batch.shapes, repr(columns)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("names", [("fixed",), ("list",), ("nested",), ("scalar",), ("fixed", "list", "scalar")])
def test_a_body_that_differs_in_numbers_is_read_as_if_it_were_the_first(names: tuple[str, ...], stream: bool) -> None:
    first, second = body_of(names, 1, stream=stream), body_of(names, 2, stream=stream)
    expected = as_lists(fresh(second))
    fresh(first)
    assert as_lists(as_batch(arrow_frame.read_again(second))) == expected


def test_text_is_not_kept() -> None:
    fresh(body_of(("text", "list"), 1))
    assert arrow_frame.read_again(body_of(("text", "list"), 1)) is None


def test_a_body_that_differs_elsewhere_is_read_anew() -> None:
    good = body_of(("list", "scalar"), 1)
    for place in range(len(good)):
        changed = bytearray(good)
        changed[place] ^= 0x41
        expected = as_lists(fresh(bytes(changed)))
        fresh(good)
        try:
            read: Batch | str = arrow_reader.decode(changed)
        except EdgeError as error:
            read = str(error)
        assert as_lists(read) == expected


def test_numbers_that_say_how_others_are_read_are_not_kept() -> None:
    body = bytearray(body_of(("list", "scalar"), 1))
    header = next(header for kind, header, _ in messages(body) if kind == RECORD_BATCH)
    offsets, numbers = (header.first_place(2) + 16 * number for number in (1, 5))
    header.data[numbers : numbers + 8] = header.data[offsets : offsets + 8]
    assert np.asarray(as_batch(fresh(body)).columns["scalar"])[:1].view(np.int32).tolist() == [0, 3]
    assert arrow_frame.read_again(body) is None


def test_unaligned_numbers_are_copied() -> None:
    body = body_of(("scalar",), 1)
    expected = as_lists(fresh(body))
    moved = bytearray(b"?" + body)
    del moved[:1]
    assert not np.ndarray(1, np.float64, moved).flags.aligned
    again = as_batch(arrow_frame.read_again(moved))
    assert np.asarray(again.columns["scalar"]).flags.aligned
    assert as_lists(again) == expected


def test_only_few_are_kept() -> None:
    for length in range(40):
        fresh_table = pa.table({"a" * (8 * length + 1): [1.0, 2.0]})
        sink = io.BytesIO()
        with pa.ipc.new_file(sink, fresh_table.schema) as writer:
            writer.write_table(fresh_table)
        arrow_reader.decode(sink.getvalue())
    assert 0 < len(arrow_frame._kept) <= arrow_frame._MAX_KEPT

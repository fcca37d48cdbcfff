"""The compiled way to read numbers: what it reads is what Python's libraries read, to the bit, or it reads nothing."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_edge.core.errors import EdgeError
from jupyter_edge.runtime.batch import Batch
from jupyter_edge.runtime.codecs import compiled_numbers, long_list, records
from jupyter_edge.runtime.codecs.compiled_numbers import CompiledNumbers
from jupyter_edge.runtime.exchange import Request
from tests.runtime import models
from tests.runtime.answers import respond
from tests.runtime.codecs.test_long_list import damaged_lists, equal
from tests.runtime.conftest import HandlerMaker

NUMBERS = ["0", "-0", "-0.0", "0.0", "1", "-1", "7.25", "1e3", "1E+3", "1e-3", "-2.5e+0", "0e9999", "0.0E-9999"]
NUMBERS += ["0.1", "0.10000000149011612", "3.4028234663852886e38", "1.7976931348623157e308", "2.2250738585072014e-308"]
NUMBERS += ["5e-324", "2.4703282292062327208e-324", "1e-400", "-1e-400", "9007199254740993", "9007199254740993.0"]
NUMBERS += ["123456789012345", "1234567890123456", "123456789012345678", "9223372036854775807", "-9223372036854775808"]
NUMBERS += ["9223372036854775808", "18446744073709551615", "18446744073709551616", "1" + "0" * 400 + ".5e-400"]
NUMBERS += [
    "0.30000000000000004440892098500626161694526672363281251",
    "1.00000000000000011102230246251565404236316680908",
]
NO_NUMBERS = [
    "",
    "-",
    "+1",
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "-.5",
    "1.e5",
    "1e",
    "1e+",
    "1.5e",
    "1.5e-",
    "1e5.5",
    "1.5.5",
]
NO_NUMBERS += ["inf", "-inf", "nan", "NaN", "Infinity", "-Infinity", "nan(1)", "0x10", "1_0", "1d5", "1f", "١", "1e400"]
NO_NUMBERS += [
    "-1e400",
    "null",
    "true",
    '"1"',
    "{}",
    "[]",
    "1 2",
    "1\x00",
    "\x0b1",
    "1\x0c",
    "- 1",
    "1 .5",
    "1 e5",
    "1/**/",
]


def text_of(number: str) -> bytes:
    return b"[1.5, %b, 2.5]" % number.encode()


def read(compiled: CompiledNumbers, text: bytes, depth: int = 1, threads: int = 1) -> np.ndarray[Any, Any] | None:
    """Read a text that nothing stands behind in memory: no NUL either, as Python keeps one behind bytes."""
    return compiled.read(np.frombuffer(text, np.uint8).copy().data, depth, threads)


@contextlib.contextmanager
def reading_any_size(way: CompiledNumbers | None, window: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_list, "compiled_numbers", way)
        patch.setattr(long_list, "LONG", 0)
        patch.setattr(records, "_LARGE", 0)
        patch.setattr(compiled_numbers, "_WINDOW", window)
        yield


def outcome(body: bytes, way: CompiledNumbers | None, window: int, threads: int) -> Batch | str:
    with reading_any_size(way, window):
        try:
            return records.decode(body, threads)
        except EdgeError as error:
            return str(error)


def same(one: Batch | str, other: Batch | str) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    arrays = [isinstance(column, np.ndarray) for batch in (one, other) for column in batch.columns.values()]
    return equal(one, other) if all(arrays) and len(arrays) == 2 else repr(one) == repr(other)


@pytest.mark.parametrize(
    "shape", [(3000,), (5, 600), (3, 20, 50), (20, 50, 3), (1, 1, 3000), (2, 1, 3, 1, 500), (900, 1)]
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\n", ":")])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_numbers_of_any_shape_are_read_on_any_number_of_threads(
    compiled: CompiledNumbers, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], separators: tuple[str, str],
    threads: int,
) -> None:  # fmt: skip
    values = np.random.default_rng(0).normal(size=shape) * 1e3
    text = json.dumps(values.tolist(), separators=separators).encode()
    for window in (1, 7, 1000, 1 << 20):
        monkeypatch.setattr(compiled_numbers, "_WINDOW", window)
        found = read(compiled, text, len(shape), threads)
        assert found is not None
        np.testing.assert_array_equal(found, values, strict=True)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_what_it_is_for_others(compiled: CompiledNumbers, number: str) -> None:
    for body in (
        b'[{"a":%b}]' % text_of(number),
        b'[{"a":[%b]}]' % number.encode(),
        b'[{"a":[1,%b]}]' % number.encode(),
    ):
        assert same(outcome(body, compiled, 4, 1), outcome(body, None, 4, 1)), body


@pytest.mark.parametrize(
    "number", ["7.25", "1E+3", "0.10000000149011612", "1.7976931348623157e308", "1234567890123456"]
)
def test_most_numbers_are_left_to_nobody_else(compiled: CompiledNumbers, number: str) -> None:
    found = read(compiled, text_of(number))
    assert found is not None
    assert found.tolist() == [1.5, float(number), 2.5]


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_what_is_no_number_of_json_is_not_read(compiled: CompiledNumbers, number: str) -> None:
    assert read(compiled, text_of(number)) is None
    assert read(compiled, b"[%b]" % number.encode()) is None
    assert read(compiled, b"[1,%b" % number.encode()) is None


@pytest.mark.parametrize(
    ("values", "dtype"), [([1, -2, 10**15 - 1], "int64"), ([-0, 0], "int64"), ([1, 2.5, 10**17 + 1], "float64")]
)
def test_whole_numbers_stay_whole_only_where_all_are(
    compiled: CompiledNumbers, values: list[float], dtype: str
) -> None:
    found = read(compiled, json.dumps(values).encode())
    assert found is not None
    np.testing.assert_array_equal(found, np.array(values, dtype), strict=True)


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        (b"[[1.5,2.5],[1.5]]", 2),
        (b"[[1.5],[1.5,2.5]]", 2),
        (b"[[1.5],2.5]", 2),
        (b"[1.5,[2.5]]", 1),
        (b"[[1.5],[[2.5]]]", 2),
        (b"[[[1.5],[1.5]],[[1.5]]]", 3),
        (b"[[[1.5]],[[1.5],[1.5]]]", 3),
        (b"[[[1.5,1.5]],[[1.5],[1.5]]]", 3),
        (b"[1.5]", 2),
        (b"[[1.5]]", 1),
        (b"[1.5", 1),
        (b"1.5]", 1),
        (b"[1.5]]", 1),
        (b"[[1.5]", 1),
        (b"[1.5],[1.5]", 1),
        (b"[[1.5]],[[1.5]]", 2),
        (b"[]", 1),
        (b"[[1.5],[]]", 2),
        (b"[,1.5]", 1),
        (b"[1.5,]", 1),
        (b"[1.5,,1.5]", 1),
        (b"[1.5]x", 1),
        (b"]1.5[", 1),
        (b" ", 1),
        (b"," * 100, 1),
        (b"[" * 33 + b"1.5" + b"]" * 33, 33),
        (b"1.5", 0),
    ],
)
def test_what_is_no_array_is_not_read(
    compiled: CompiledNumbers, monkeypatch: pytest.MonkeyPatch, text: bytes, depth: int
) -> None:
    for window in range(1, len(text) + 2):
        monkeypatch.setattr(compiled_numbers, "_WINDOW", window)
        assert read(compiled, text, depth, 2) is None


def test_one_thread_does_all_the_work_where_there_is_but_one(compiled: CompiledNumbers) -> None:
    text = json.dumps(np.random.default_rng(0).random(500_000).tolist()).encode()
    before, own_before = time.process_time_ns(), time.thread_time_ns()
    assert read(compiled, text) is not None
    used, own = time.process_time_ns() - before, time.thread_time_ns() - own_before
    assert used - own < own / 4  # with a second thread, about as much


def test_a_long_list_is_read_on_the_threads_of_the_deployment(
    library: Path, tmp_path: Path, make_handler: HandlerMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    class Asked(CompiledNumbers):
        def read(self, text: bytes | bytearray | memoryview, depth: int, threads: int) -> np.ndarray[Any, Any] | None:
            asked.append(threads)
            return super().read(text, depth, threads)

    monkeypatch.setattr(long_list, "compiled_numbers", Asked(library))
    pipeline = models.pipeline_of(models.doubling(tmp_path / "doubling.onnx", ("n", 3, 200, 200)))
    pipeline.threads = 3
    values = np.random.default_rng(0).random((3, 200, 200), np.float32)
    body = json.dumps([{"x": values.tolist()}]).encode()
    assert len(body) > long_list.LONG
    answer = respond(make_handler(pipeline), Request("POST", "/pipelines/line", {}, bytearray(body)))
    (row,) = json.loads(answer.body)
    np.testing.assert_array_equal(np.array(row["out"]["y"], np.float32), (values * 2).ravel())
    assert asked == [3]


ANY_NUMBER = (
    st.sampled_from(NUMBERS + NO_NUMBERS)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.from_regex(r"-?[0-9]{1,25}(\.[0-9]{0,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
)
ANY_TEXT = st.binary(min_size=1) | st.text("0123456789.,-+eE[]\t\n\r ", min_size=1).map(str.encode)


@pytest.mark.fuzz
@given(damaged_lists(), st.integers(1, 60), st.integers(1, 3))
def test_a_damaged_body_is_read_as_others_read_it(
    compiled: CompiledNumbers, body: bytes, window: int, threads: int
) -> None:
    assert same(outcome(body, compiled, window, threads), outcome(body, None, window, threads))


@pytest.mark.fuzz
@given(st.lists(ANY_NUMBER, min_size=1, max_size=6), st.integers(1, 60))
def test_any_numbers_are_read_as_others_read_them(compiled: CompiledNumbers, numbers: list[str], window: int) -> None:
    body = b'[{"a":[%b]}]' % ",".join(numbers).encode()
    assert same(outcome(body, compiled, window, 2), outcome(body, None, window, 2))


@pytest.mark.fuzz
@given(ANY_TEXT, st.integers(0, 4), st.integers(1, 60))
def test_any_bytes_are_read_as_what_they_are_or_not_at_all(
    compiled: CompiledNumbers, text: bytes, depth: int, window: int
) -> None:
    with reading_any_size(compiled, window):
        found = read(compiled, text, depth, 2)
    if found is not None:
        np.testing.assert_array_equal(found, np.array(json.loads(text)), strict=True)

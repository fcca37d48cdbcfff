from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_edge.core.records import InferenceRecord
from jupyter_edge.logs.records import MAX_PAYLOAD, encode
from tests.logs.helpers import numbers_in, read, record


def test_records_of_one_schema_share_a_batch_in_order() -> None:
    ((rows, payload),) = encode([record(0, 2), record(2, 3), record(5, 1, elapsed=[7, 8])])
    table = read(payload)
    assert rows == table.num_rows == 6
    assert numbers_in(payload) == [0, 1, 2, 3, 4, 5]
    assert table.column("time").to_pylist() == [1_700_000_000_000 + first for first in (0, 0, 2, 2, 2, 5)]
    assert table.column("in.tensor").to_pylist()[4] == [4.0, 4.0, 4.0]
    assert table.column("metadata.elapsed").to_pylist()[4:] == [[100, 200], [7, 8]]
    assert table.column("metadata.last_model").to_pylist() == [record(0).last_model] * 6
    assert table.column_names == [
        "time",
        "in.tensor",
        "out.number",
        "check_failures",
        "metadata.last_model",
        "metadata.pipeline_version",
        "metadata.elapsed",
        "metadata.dropped",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": {"tensor": np.zeros((1, 3))}},
        {"inputs": {"tensor": np.zeros((1, 4), np.float32)}},
        {"inputs": {"image": np.zeros((1, 3), np.float32)}},
        {"inputs": {}, "dropped": ["in.tensor"]},
        {"pipeline_version": "2"},
        {"elapsed": [1, 2, 3]},
    ],
)
def test_another_schema_begins_a_new_batch(changes: dict[str, Any]) -> None:
    payloads = [payload for _, payload in encode([record(0), record(1, **changes), record(2)])]
    assert [numbers_in(payload) for payload in payloads] == [[0], [1], [2]]


@pytest.mark.parametrize(
    ("column", "kind", "values"),
    [
        (np.array([1.5, 2.5], np.float32), "float", [1.5, 2.5]),
        (np.array([[1], [2]], ">i4"), "list<item: int32>", [[1], [2]]),
        (np.array([True, False]), "bool", [True, False]),
        (np.array([[[1, 2]], [[3, 4]]], np.float16), "list<item: float>", [[1, 2], [3, 4]]),
        (np.array(["a", "b"]), "string", ["a", "b"]),
        (["a", None], "string", ["a", None]),
        ([1, None], "double", [1.0, None]),
        ([[1, 2], [3]], "list<item: int64>", [[1, 2], [3]]),
        ([[[1, 2], [3, 4]], [[5, 6]]], "list<item: int64>", [[1, 2, 3, 4], [5, 6]]),
        ([np.zeros(1, np.float32), np.ones(2, np.float32)], "list<item: float>", [[0], [1, 1]]),
        ([["a", "b"], ["c"]], "list<item: string>", [["a", "b"], ["c"]]),
        ([["a", "b"], ["c", "d"]], "list<item: string>", [["a", "b"], ["c", "d"]]),
        ([{"a": 1}, "text"], "string", ['{"a": 1}', "text"]),
        ([[1], None], "string", ["[1]", None]),
    ],
)
def test_a_column_has_the_type_of_its_values(column: Any, kind: str, values: list[Any]) -> None:
    ((_, payload),) = encode([record(0, 2, inputs={"x": column})])
    found = read(payload).column("in.x")
    assert str(found.type) == kind
    as_list = found.to_pylist()
    assert [_plain(value) for value in as_list] == [_plain(value) for value in values]


def test_failed_checks_and_dropped_paths_are_kept_by_row() -> None:
    failures = [["too high"], [], ["a", "b"]]
    ((_, payload),) = encode([record(0, 3, check_failures=failures, inputs={}, dropped=["in.tensor"])])
    assert read(payload).column("check_failures").to_pylist() == failures
    assert read(payload).column("metadata.dropped").to_pylist() == [["in.tensor"]] * 3


def test_where_no_check_failed_each_row_says_so() -> None:
    ((rows, payload),) = encode([record(0, 3, check_failures=[]), record(3)])
    assert rows == 4
    assert read(payload).column("check_failures").to_pylist() == [[]] * 4


def test_a_record_over_the_limit_is_cut_by_rows_and_small_ones_are_gathered() -> None:
    width = MAX_PAYLOAD // 4 // 3
    found = list(encode([record(0, 10, width=width), record(10), record(11)]))
    assert all(len(payload) <= MAX_PAYLOAD * 1.1 for _, payload in found)
    assert found[-1][0] == 2
    assert [number for _, payload in found for number in numbers_in(payload)] == list(range(12))


def test_texts_over_the_limit_are_cut_and_gathered_by_their_length() -> None:
    text = "x" * (MAX_PAYLOAD // 4)
    records = [record(number, inputs={"text": [text]}) for number in range(10)]
    found = list(encode([*records, record(10, 10, inputs={"text": [text] * 10})]))
    assert all(len(payload) <= MAX_PAYLOAD * 1.1 for _, payload in found)
    assert max(rows for rows, _ in found) == 3
    assert [number for _, payload in found for number in numbers_in(payload)] == list(range(20))


texts = st.text(max_size=5)
numbers = st.floats(allow_nan=False, width=32)
columns = st.one_of(st.lists(numbers, max_size=4), texts, numbers, st.lists(texts, max_size=3), st.none())


@given(st.lists(st.lists(columns, min_size=1, max_size=4), min_size=1, max_size=5))
def test_no_value_is_lost_whatever_the_rows_hold(rows: list[list[Any]]) -> None:
    records = [record(0, len(column), inputs={"x": column}) for column in rows]
    tables = [read(payload) for _, payload in encode(records)]
    found = [value for table in tables for value in table.column("in.x").to_pylist()]
    sent = [value for column in rows for value in column]
    assert [_plain(value) for value in found] == [_plain(value) for value in sent]


def _plain(value: Any) -> Any:
    """Return a value as the log may keep it: odd mixtures become JSON, and a missing number not a number."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    try:
        decoded = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        decoded = value
    return [_plain(item) for item in decoded] if isinstance(decoded, list) else decoded


@pytest.mark.parametrize("kind", ["f2", "f4", ">f8", "i8", "u1", "?"])
def test_payloads_of_one_schema_hold_their_own_rows(kind: str) -> None:
    def batch(first: int, rows: int) -> InferenceRecord:
        values = (np.arange(rows * 4).reshape(rows, 2, 2) + first).astype(kind)
        return record(first, rows, inputs={"tensor": values, "scalar": values[:, 0, 0]})

    for records in ([batch(0, 3)], [batch(5, 1), batch(6, 400)], [batch(50, 7)]):
        ((rows, payload),) = encode(records)
        table = read(payload)
        table.validate(full=True)
        sent = np.concatenate([each.inputs["tensor"] for each in records])
        assert rows == table.num_rows == len(sent)
        assert table.column("in.tensor").to_pylist() == sent.reshape(rows, 4).tolist()
        assert table.column("in.scalar").to_pylist() == sent[:, 0, 0].tolist()


def test_a_column_of_other_length_than_its_record_is_refused() -> None:
    with pytest.raises(ValueError, match="tensor"):
        list(encode([record(0, 2, inputs={"tensor": np.zeros((3, 1))})]))

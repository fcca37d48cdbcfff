from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jupyter_edge.client import InvalidInputError
from jupyter_edge.client.inference import LARGE_CELL, request_of, request_of_file, selection
from jupyter_edge.core.media_types import ARROW_FILE, JSON, PANDAS_RECORDS

RECORDS = [
    {"time": 1698784607697, "out.y": [1.5], "in.x": [1.0], "check_failures": ["low"], "metadata.elapsed": [1, 2]},
    {"time": 1698784607697, "out.y": [2.5], "in.x": [2.0], "check_failures": [], "metadata.elapsed": [1, 2]},
]
ANSWER = pa.table(
    {
        "time": pa.array([1698784607697] * 2, pa.int64()),
        "out.y": pa.array([[1.5], [2.5]], pa.list_(pa.float32())),
        "in.x": pa.array([[1.0], [2.0]], pa.list_(pa.float32())),
        "check_failures": pa.array([["low"], []], pa.list_(pa.string())),
    }
)


def arrow_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def test_a_frame_of_rows_travels_as_arrow() -> None:
    frame = pd.DataFrame({"x": [[1.0, 2.0], [3.0, 4.0]], "id": ["a", None], "n": [1, 2], 7: [True, False]})
    request = request_of(frame)
    assert request.headers == {"Content-Type": ARROW_FILE, "Accept": ARROW_FILE}
    table = pa.ipc.open_file(request.body).read_all()
    assert table.to_pylist() == [
        {"x": [1.0, 2.0], "id": "a", "n": 1, "7": True},
        {"x": [3.0, 4.0], "id": None, "n": 2, "7": False},
    ]
    assert json.loads(table.schema.field("x").metadata[b"tensor_type"]) == {"shape": [2]}


@pytest.mark.parametrize(
    "column",
    [
        [[1.0], [1.0, 2.0]],
        [{"k": 1}, {"k": 2}],
        [True, None],
        ["a", 1],
        [[1.0, 2.0], np.array([0.1, 0.2], "float32")],
        [2**63, 1],
        [[], []],
    ],
)
def test_what_arrow_cannot_say_travels_as_pandas_records(column: list[object]) -> None:
    request = request_of(pd.DataFrame({"x": pd.Series(column, dtype=object)}))
    assert request.headers == {"Content-Type": PANDAS_RECORDS, "Accept": PANDAS_RECORDS}
    shortest = [
        value.astype(str).astype(float).tolist() if isinstance(value, np.ndarray) else value for value in column
    ]
    assert repr([row["x"] for row in json.loads(request.body)]) == repr(shortest)


def test_columns_of_the_same_name_are_left_to_pandas_to_warn_of() -> None:
    frame = pd.DataFrame([[1.0, 2.0]], columns=["a", "a"])
    with pytest.warns(UserWarning, match="not unique"):
        assert request_of(frame).content_type == PANDAS_RECORDS


def test_a_dict_of_columns_travels_as_the_records_of_its_rows() -> None:
    columns = {"x": [[1.0, 2.0], np.array([3.0, 4.0])], "n": (1, 2)}
    expected = [{"x": [1.0, 2.0], "n": 1}, {"x": [3.0, 4.0], "n": 2}]
    assert json.loads(request_of(columns).body) == json.loads(request_of(expected).body) == expected


@pytest.mark.parametrize("columns", [{}, {"x": 1.0}, {"x": "text"}, {"x": [1.0], "y": [1.0, 2.0]}])
def test_a_dict_that_is_no_table_is_refused(columns: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match="each column to its rows"):
        request_of(columns)


def test_cells_that_json_has_no_words_for_are_written_all_the_same() -> None:
    slanted = np.arange(6.0).reshape(2, 3).T
    frame = pd.DataFrame(
        {"x": [slanted], "when": [pd.Timestamp("2023-10-31T20:36:33Z")], "n": [np.float32(0.5)], "json": [{}]}
    )
    (row,) = json.loads(request_of(frame).body)
    assert row == {"x": slanted.tolist(), "when": "2023-10-31T20:36:33+00:00", "n": 0.5, "json": {}}


def test_an_array_column_of_a_dict_travels_as_arrow_and_is_answered_as_records() -> None:
    values = np.arange(6, dtype="float32").reshape(2, 3)
    request = request_of({"x": values, "n": [1, 2]})
    assert request.headers == {"Content-Type": ARROW_FILE, "Accept": JSON}
    assert pa.ipc.open_file(request.body).read_all()["x"].to_pylist() == values.tolist()
    assert request.read(b'[{"anything": [1]}]') == [{"anything": [1]}]
    assert not request.selects
    unsayable = {"x": values, "n": [{"k": 1}, {"k": 2}]}
    assert json.loads(request_of(unsayable).body)[1] == {"x": [3.0, 4.0, 5.0], "n": {"k": 2}}


@pytest.mark.parametrize("nested", [True, False])
def test_pictures_travel_with_their_shape(nested: bool) -> None:
    picture = np.random.default_rng(1).random((1, 3, 64, 64), dtype="float32")
    frame = pd.DataFrame({"images": [picture.tolist() if nested else picture], "name": ["dog"]})
    request = request_of(frame)
    assert request.headers == {"Content-Type": ARROW_FILE, "Accept": ARROW_FILE}
    table = pa.ipc.open_file(request.body).read_all()
    assert json.loads(table.schema.field("images").metadata[b"tensor_type"]) == {"shape": [1, 3, 64, 64]}
    np.testing.assert_array_equal(np.asarray(table["images"][0].as_py(), "float32"), picture.ravel())
    assert table["name"].to_pylist() == ["dog"]


def test_the_answer_to_a_frame_is_a_tidy_frame() -> None:
    frame = pd.DataFrame({"x": [[1.0], [2.0]]})
    by_arrow = request_of(frame).read(arrow_bytes(ANSWER))
    by_json = request_of(frame.assign(json=pd.Series([{}, {}], dtype=object))).read(json.dumps(RECORDS).encode())
    assert list(by_json.columns) == ["time", "in.x", "out.y", "check_failures", "metadata.elapsed"]
    for answer in (by_json, by_arrow):
        assert answer["time"].dtype == "datetime64[ms]"
        assert answer["time"][0] == pd.Timestamp("2023-10-31T20:36:47.697")
        assert answer["check_failures"].tolist() == [1, 0]
        assert answer["out.y"].tolist() == [[1.5], [2.5]]
    pd.testing.assert_frame_equal(by_arrow, by_json.drop(columns="metadata.elapsed"))


def test_the_answer_to_a_frame_of_large_tensors_is_the_same_frame_with_arrays() -> None:
    request = request_of(pd.DataFrame({"x": [np.zeros(LARGE_CELL)]}))
    frame = request.read(arrow_bytes(ANSWER))
    assert list(frame.columns) == ["time", "in.x", "out.y", "check_failures"]
    assert frame["time"].dtype == "datetime64[ms]"
    assert frame["check_failures"].tolist() == [1, 0]
    assert frame["out.y"][1].tolist() == [2.5]


def test_a_table_travels_as_it_is_and_answers_with_a_tidy_table() -> None:
    table = pa.table({"x": pa.array([[1.0], [2.0]])})
    request = request_of(table)
    assert pa.ipc.open_file(request.body).read_all().equals(table)
    answer = request.read(arrow_bytes(ANSWER))
    assert answer.schema.field("time").type == pa.timestamp("ms")
    assert answer.schema.field("check_failures").type == pa.int8()
    assert answer["check_failures"].to_pylist() == [1, 0]
    assert answer.column_names == ["time", "in.x", "out.y", "check_failures"]


def test_json_is_sent_and_returned_untouched() -> None:
    request = request_of({"inputs": [1, 2]})
    assert request.headers == {"Content-Type": JSON, "Accept": JSON}
    assert request.read(b'[{"anything": [1]}]') == [{"anything": [1]}]
    assert not request.selects


def test_files_are_sent_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "x.df.json").write_bytes(b'[{"x": [1.0]}]')
    (tmp_path / "x.arrow").write_bytes(b"ARROW1")
    assert request_of_file(tmp_path / "x.df.json").body == b'[{"x": [1.0]}]'
    assert request_of_file(str(tmp_path / "x.arrow")).content_type == ARROW_FILE


def test_what_cannot_be_inferred_on_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="str cannot"):
        request_of("text")
    with pytest.raises(InvalidInputError, match="no rows"):
        request_of(pd.DataFrame({"x": []}))
    with pytest.raises(InvalidInputError, match="There is no file"):
        request_of_file(tmp_path / "x.json")
    with pytest.raises(InvalidInputError, match=r"\.arrow"):
        request_of_file(tmp_path / "x.csv")


def test_metadata_is_left_out_unless_it_is_asked_for() -> None:
    separator = ("dataset.separator", ".")
    assert selection(None, None) == [("dataset[]", "*"), ("dataset.exclude[]", "metadata"), separator]
    assert selection(["*", "metadata"], None) == [("dataset[]", "*"), ("dataset[]", "metadata"), separator]
    assert selection(["time"], ["in"]) == [
        ("dataset[]", "time"),
        ("dataset.exclude[]", "in"),
        ("dataset.exclude[]", "metadata"),
        separator,
    ]

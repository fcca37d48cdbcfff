from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jupyter_edge.client import Pipeline
from jupyter_edge.client.arrow_frames import frame_of, table_of
from jupyter_edge.client.inference import _request_of_rows, request_of
from jupyter_edge.core.media_types import ARROW_FILE

ROWS = 3
COLUMNS: dict[str, Any] = {
    "whole numbers": [1, 2, 3],
    "large ones": [2**63 - 1, -(2**63), 0],
    "unsigned": np.array([2**64 - 1, 0, 1], "uint64"),
    "mixed numbers": pd.Series([1, 2.5, True], dtype=object),
    "booleans": [True, False, True],
    "nulls among numbers": pd.Series([0.1, None, 3], dtype=object),
    "NaN": [0.1, np.nan, 1e300],
    "nothing": [None, None, None],
    "float32": np.array([0.1, 1e-30, 3.0], "float32"),
    "float32 objects": pd.Series([np.float32(0.1)] * 3, dtype=object),
    "float16": np.array([0.1, 2.0, 3.0], "float16"),
    "nullable": pd.Series([1, None, 3], dtype="Int64"),
    "texts": ["a", None, "ü \U0001f600"],
    "texts and NaN": pd.Series(["a", np.nan, pd.NA], dtype=object),
    "nullable floats": pd.Series([0.1, None, 3], dtype="Float32"),
    "categories": pd.Categorical(["a", "b", "a"]),
    "times": pd.to_datetime(["2023-10-31T20:36:33.5Z", "NaT", "2024-01-01T00:00:00.0Z"]),
    "vectors": [[1.0, 0.1]] * 3,
    "vectors of whole numbers": [[1, 2]] * 3,
    "vectors with null": [[1.0, None]] * 3,
    "float32 vectors": list(np.linspace(0, 1, 6, dtype="float32").reshape(3, 2)),
    "float16 vectors": list(np.linspace(0, 1, 6).astype("float16").reshape(3, 2)),
    "float32 vectors with NaN": [np.array([0.1, np.nan], "float32")] * 3,
    "boolean vectors": [[True, False]] * 3,
    "tensors": list(np.random.default_rng(0).random((3, 2, 3, 4), dtype="float32")),
    "nested lists": [[[1, 2], [3, 4]]] * 3,
    "text lists": [["a"], ["b", None], []],
    "nested text lists": [[["a"]], [["b", "c"], []], []],
    "one each": [[0.5]] * 3,
}


def shown(answer: pd.DataFrame) -> list[object]:
    """Return all that a user sees of an answer but its moment: names, dtypes, and values with their types."""
    rest = answer.drop(columns=["time", "metadata.elapsed"])
    return [answer.dtypes.astype(str).to_dict(), *(repr(rest[name].tolist()) for name in rest)]


def test_an_answer_looks_the_same_by_arrow_as_by_json(deployed: Pipeline) -> None:
    tensors = np.random.default_rng(0).standard_normal((ROWS, 29)).astype("float32")
    metadata = ["*", "metadata"]
    for name, column in COLUMNS.items():
        frame = pd.DataFrame({"tensor": list(tensors), name: column})
        assert request_of(frame).content_type == ARROW_FILE, name
        by_json = deployed._infer(_request_of_rows(frame), metadata, None, 60)
        assert shown(deployed.infer(frame, dataset=metadata)) == shown(by_json), name


def test_an_answer_to_columns_is_the_same_by_arrow_as_by_json(deployed: Pipeline) -> None:
    tensors = np.random.default_rng(0).standard_normal((ROWS, 29)).astype("float32")
    numbers = np.array([0.1, 1, 2], "float32")
    by_arrow = deployed.infer({"tensor": tensors, "n": numbers})
    by_json = deployed.infer([{"tensor": row, "n": n} for row, n in zip(tensors, numbers, strict=True)])
    assert [(row["in"], row["out"]) for row in by_arrow] == [(row["in"], row["out"]) for row in by_json]


def test_an_input_that_an_edge_leaves_out_is_none() -> None:
    answer = frame_of(pa.table({"in.x": pa.array([None, None], pa.list_(pa.float32()))}))
    assert answer["in.x"].tolist() == [None, None]


def test_lists_of_several_lengths_are_read_by_their_digits() -> None:
    ragged = pa.array([[[0.1], [0.2, 0.3]], [], None], pa.list_(pa.list_(pa.float32())))
    answer = frame_of(pa.table({"out.x": ragged.slice(0), "out.half": pa.array(np.array([0.1] * 3, "float16"))}))
    assert answer["out.x"].tolist() == [[[0.1], [0.2, 0.3]], [], None]
    assert answer["out.half"].tolist() == [0.1] * 3
    assert frame_of(pa.table({"out.x": ragged.slice(1)}))["out.x"].tolist() == [[], None]


def test_json_in_a_column_is_read() -> None:
    values = pa.array(['{"k": [1]}', None], pa.json_(pa.string()))
    assert frame_of(pa.table({"in.x": values}))["in.x"].tolist() == [{"k": [1]}, None]


@pytest.mark.parametrize("names", [[(1, 2)], [True], [None]])
def test_names_that_are_neither_texts_nor_whole_numbers_are_left_to_json(names: list[object]) -> None:
    assert table_of({name: [1.0] for name in names}) is None

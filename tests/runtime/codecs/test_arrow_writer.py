from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from jupyter_edge.core.dataset import Path
from jupyter_edge.runtime.answer import Constant, Layout, Values
from jupyter_edge.runtime.codecs import arrow_reader
from jupyter_edge.runtime.codecs.arrow_writer import ArrowWriter

Leaves = dict[Path, Any]


def values_of(rows: int, leaves: Leaves, shapes: dict[str, tuple[int, ...]] | None = None) -> Values:
    return Values(rows, leaves, shapes or {})


def encode(values: Values, separator: str | None = None) -> bytes:
    return ArrowWriter(Layout(tuple(values.by_path), separator)).write(values)


def written(leaves: Leaves, rows: int, separator: str | None = None, **shapes: tuple[int, ...]) -> Any:
    return pa.ipc.open_file(encode(values_of(rows, leaves, shapes), separator)).read_all()


def test_an_answer_has_the_schema_that_clients_expect() -> None:
    leaves: Leaves = {
        ("time",): Constant(1698784607697),
        ("in", "tensor"): np.ones((2, 3), np.float32),
        ("in", "index"): ["a", "b"],
        ("out", "v"): np.array([[0.5], [1.5]], np.float32),
        ("check_failures",): Constant([]),
        ("metadata", "last_model"): Constant("m"),
        ("metadata", "elapsed"): Constant([1, 2]),
        ("metadata", "dropped"): Constant(["in.x"]),
    }
    table = written(leaves, 2)
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds == {
        "time": "int64",
        "in": "struct<tensor: list<item: float>, index: string>",
        "out": "struct<v: list<inner: float not null>>",
        "check_failures": "list<item: string>",
        "metadata": "struct<last_model: string, elapsed: list<steps: uint64>, dropped: list<item: string>>",
    }
    assert json.loads(table.schema.field("in").type.field("tensor").metadata[b"tensor_type"]) == {"shape": [3]}
    assert table.to_pylist()[1] == {
        "time": 1698784607697,
        "in": {"tensor": [1, 1, 1], "index": "b"},
        "out": {"v": [1.5]},
        "check_failures": [],
        "metadata": {"last_model": "m", "elapsed": [1, 2], "dropped": ["in.x"]},
    }


def test_flattened_columns_have_the_types_of_nested_ones() -> None:
    table = written({("out", "v"): np.ones((1, 2), np.float32), ("metadata", "elapsed"): Constant([1])}, 1, ".")
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds == {"out.v": "list<inner: float not null>", "metadata.elapsed": "list<steps: uint64>"}
    ragged = written({("out", "v"): [np.ones(1), np.ones(2)]}, 2)
    assert str(ragged.schema.field("out").type) == "struct<v: list<inner: double not null>>"


def test_values_of_higher_rank_are_flat_lists_with_their_shape() -> None:
    table = written({("in", "a"): np.arange(12).reshape(2, 2, 3), ("in", "b"): np.zeros((2, 4))}, 2, ".", b=(2, 2))
    assert table["in.a"].to_pylist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    shapes = [json.loads(field.metadata[b"tensor_type"])["shape"] for field in table.schema]
    assert shapes == [[2, 3], [2, 2]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", None], ["a", None]),
        ([["a"], ["b", "c"]], [["a"], ["b", "c"]]),
        ([np.array([1.0]), np.array([2.0, 3.0])], [[1.0], [2.0, 3.0]]),
        ([np.ones((1, 2)), np.zeros((2, 2))], [[[1, 1]], [[0, 0], [0, 0]]]),
        ([np.zeros((0, 2, 3)), np.zeros((1, 0, 3))], [[], [[]]]),
        ([{"k": [1]}, 5], ['{"k":[1]}', "5"]),
        (np.array([True, False]), [True, False]),
        (np.array([1.5, 2.5], np.float16), [1.5, 2.5]),
        (Constant(None), [None, None]),
        (Constant([]), [[], []]),
        (Constant(["in.x", "ä"]), [["in.x", "ä"]] * 2),
        (["", "ä\0"], ["", "ä\0"]),
        ([["a", None], []], [["a", None], []]),
    ],
)
def test_columns_of_every_kind_are_written(values: Any, expected: list[Any]) -> None:
    assert written({("a",): values}, 2)["a"].to_pylist() == expected


def test_a_column_that_only_json_can_carry_says_that_it_is_json() -> None:
    assert written({("a",): [{"k": 1}, None]}, 2).schema.field("a").type == pa.json_(pa.string())


def test_an_answer_without_rows_is_an_arrow_file() -> None:
    assert written({}, 0).num_rows == 0


def mixed(rows: int) -> Values:
    random = np.random.default_rng(rows)
    leaves: Leaves = {
        ("time",): Constant(rows),
        ("in", "a"): random.random((rows, 29)),
        ("in", "b"): random.random(rows).astype(np.float16),
        ("in", "none"): np.zeros((rows, 0)),
        ("out", "v"): random.integers(0, 255, (rows, 2, 3), np.uint8),
        ("check_failures",): Constant([]),
        ("metadata", "last_model"): Constant("m" * (rows % 7 + 1)),
        ("metadata", "elapsed"): Constant([rows, 2]),
        ("metadata", "dropped"): Constant([]),
    }
    return values_of(rows, leaves, {"a": (29,)})


def test_files_of_one_schema_hold_their_own_rows_however_many_there_are() -> None:
    schemas = []
    layout = Layout((*mixed(1).by_path, ("metadata", "model")), None, {("metadata", "model"): Constant("m")})
    writer = ArrowWriter(layout)
    for rows in (3, 1, 1001, 64, 2, 1001):
        file = writer.write(mixed(rows))
        assert file == b"".join(writer._parts(mixed(rows)))  # without what was kept
        table = pa.ipc.open_file(file).read_all()
        table.validate(full=True)
        numbers: Any = mixed(rows).by_path["in", "a"]
        assert table["in"].combine_chunks().field("a").to_pylist() == numbers.tolist()
        assert table["metadata"].combine_chunks().field("model").to_pylist() == ["m"] * rows
        schemas.append(table.schema)
    assert all(schema.equals(schemas[0], check_metadata=True) for schema in schemas)


def test_answers_of_other_schemas_share_nothing() -> None:
    writers = {name: ArrowWriter(Layout((("in", name),), ".")) for name in "ab"}
    for name, values, shape in (
        ("a", np.ones((2, 3)), (3,)),
        ("b", np.ones((2, 3)), (3,)),
        ("a", np.ones((2, 4)), (4,)),
        ("a", np.ones((2, 4)), (2, 2)),
        ("a", np.ones((2, 3), np.int8), (3,)),
    ):
        for rows in (2, 1):
            file = writers[name].write(values_of(rows, {("in", name): values[:rows]}, {name: shape}))
            table = pa.ipc.open_file(file).read_all()
            assert table[f"in.{name}"].to_pylist() == values[:rows].tolist()
            assert json.loads(table.schema.field(0).metadata[b"tensor_type"]) == {"shape": list(shape)}


def test_numbers_have_a_shape_and_those_that_all_rows_share_have_none() -> None:
    shared = written({("a",): Constant([1, 2])}, 1)
    own = written({("a",): np.array([[1, 2]], np.uint64)}, 1)
    assert shared.equals(own)
    assert (shared.schema.field("a").metadata, own.schema.field("a").metadata) == (
        None,
        {b"tensor_type": b'{"shape":[2]}'},
    )


def test_half_of_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode(values_of(1, {("a",): ["\ud800"]}))


def test_the_own_reader_reads_what_is_written() -> None:
    leaves: Leaves = {("n",): np.ones((3, 2)), ("t",): ["a", None, ""], ("b",): np.array([True, False, True])}
    batch = arrow_reader.decode(encode(values_of(3, leaves)))
    assert (batch.rows, batch.shapes) == (3, {"n": (2,)})
    for (name,), values in leaves.items():
        np.testing.assert_array_equal(batch.columns[name], values)


def test_each_row_can_be_a_file_of_its_own() -> None:
    leaves: Leaves = {("in", "x"): ["a", "b"], ("in", "n"): np.array([[1], [2]]), ("time",): Constant(7)}
    files = ArrowWriter(Layout(tuple(leaves), None)).write_rows(values_of(2, leaves))
    rows = [pa.ipc.open_file(file).read_all().to_pylist() for file in files]
    assert rows == [[{"in": {"x": "a", "n": [1]}, "time": 7}], [{"in": {"x": "b", "n": [2]}, "time": 7}]]

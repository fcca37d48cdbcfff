from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from jupyter_edge.core.errors import InferenceError, InvalidInputError
from jupyter_edge.core.pipeline import PipelineSpec
from jupyter_edge.runtime.batch import Batch, as_column
from jupyter_edge.runtime.pipeline import Pipeline
from tests.runtime import models

ELEMENTS: dict[int, list[Any]] = {
    TensorProto.FLOAT: [[1.5, -2.0], [float("nan"), 4.0]],
    TensorProto.DOUBLE: [[1.5, 1e300], [0.1, 4.0]],
    TensorProto.FLOAT16: [[1.5, -2.0], [0.5, 4.0]],
    TensorProto.BOOL: [[True, False], [False, True]],
    TensorProto.INT8: [[-128, 127], [0, 1]],
    TensorProto.INT16: [[-32768, 127], [0, 1]],
    TensorProto.INT32: [[-(2**31), 127], [0, 1]],
    TensorProto.INT64: [[-(2**63), 2**53 + 1], [0, 1]],
    TensorProto.UINT8: [[255, 127], [0, 1]],
    TensorProto.UINT16: [[65535, 127], [0, 1]],
    TensorProto.UINT32: [[2**32 - 1, 127], [0, 1]],
    TensorProto.UINT64: [[2**64 - 1, 2**63], [0, 1]],
}


def infer(pipeline: Pipeline, **columns: Any) -> dict[str, Any]:
    rows = len(next(iter(columns.values())))
    return dict(pipeline.infer(Batch(rows, columns)).outputs)


@pytest.mark.parametrize("element", ELEMENTS, ids=TensorProto.DataType.Name)
def test_every_numeric_element_type_goes_through_unchanged(tmp_path: Path, element: int) -> None:
    pipeline = models.pipeline_of(models.echo(tmp_path / "echo.onnx", element))
    sent = np.array(ELEMENTS[element], np.uint64 if element == TensorProto.UINT64 else None)
    assert np.array_equal(infer(pipeline, x=sent)["y"], sent, equal_nan=True)


def test_text_goes_through_unchanged(tmp_path: Path) -> None:
    pipeline = models.pipeline_of(models.echo(tmp_path / "echo.onnx", TensorProto.STRING, ("n",)))
    assert infer(pipeline, x=["süß", ""])["y"] == [["süß"], [""]]


def test_lists_of_text_go_through_unchanged(tmp_path: Path) -> None:
    pipeline = models.pipeline_of(models.echo(tmp_path / "echo.onnx", TensorProto.STRING))
    assert infer(pipeline, x=[["a", "b"], ["c", "d"]])["y"] == [["a", "b"], ["c", "d"]]


def test_numbers_are_cast_to_what_the_model_takes(doubling: Pipeline) -> None:
    outputs = infer(doubling, x=np.array([[1, 2, 3]]))
    assert outputs["y"].dtype == np.float32
    assert outputs["y"].tolist() == [[2, 4, 6]]


@pytest.mark.parametrize(
    ("element", "value", "reason"),
    [
        (TensorProto.INT64, [[1.5, 2.0]], "cannot hold exactly"),
        (TensorProto.INT8, [[1, 128]], "cannot hold exactly"),
        (TensorProto.UINT8, [[-1, 1]], "cannot hold exactly"),
        (TensorProto.INT64, [[2.0**53, 1.0]], "holds float64 values between 1.0 and 9007199254740992.0, which may be"),
        (TensorProto.INT64, [[float("nan"), 1.0]], "holds null or NaN"),
        (TensorProto.BOOL, [[2, 0]], "cannot hold exactly"),
        (TensorProto.STRING, [[1, 2]], "holds integer"),
    ],
)
def test_numbers_that_the_model_cannot_hold_are_refused(tmp_path: Path, element: int, value: Any, reason: str) -> None:
    pipeline = models.pipeline_of(models.echo(tmp_path / "echo.onnx", element))
    with pytest.raises(InvalidInputError, match=rf"Column 'x' should hold .* {reason}"):
        infer(pipeline, x=np.array(value))


@pytest.mark.parametrize("value", [["a"], [["a", "b", "c"]], [None], [{"a": 1}], [[1, "a", 2]], [[1.0, None, {}]]])
def test_what_is_no_number_is_refused_with_the_column_named(doubling: Pipeline, value: list[Any]) -> None:
    with pytest.raises(InvalidInputError, match="Column 'x' should hold float32 of shape .3. per row, and holds"):
        infer(doubling, x=value)


def test_null_is_named_where_a_row_has_it_in_place_of_values(doubling: Pipeline) -> None:
    for column in ([None], [[1, 2, 3], None]):
        with pytest.raises(InvalidInputError, match="Column 'x' .* null"):
            infer(doubling, x=as_column(column))


def test_several_inputs_and_outputs_keep_their_names(tmp_path: Path) -> None:
    pipeline = models.pipeline_of(models.adding(tmp_path / "adding.onnx"))
    outputs = infer(pipeline, b=np.array([1, 2]), a=np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert list(outputs) == ["total", "double"]
    assert outputs["total"].tolist() == [[2, 3], [5, 6]]
    assert outputs["double"].tolist() == [[2], [4]]


def test_tensor_fields_name_the_columns_by_position(tmp_path: Path) -> None:
    pipeline = models.pipeline_of(models.adding(tmp_path / "adding.onnx"), tensor_fields=("points", "a"))
    outputs = infer(pipeline, a=np.array([10]), points=np.array([[1.0, 2.0]]), unknown=["kept"])
    assert outputs["total"].tolist() == [[11, 12]]


def test_tensor_fields_of_another_number_than_inputs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="names 1 columns, but its inputs are a, b"):
        models.pipeline_of(models.adding(tmp_path / "adding.onnx"), tensor_fields=("a",))


def test_a_missing_column_is_named_with_those_that_came(doubling: Pipeline) -> None:
    with pytest.raises(InvalidInputError, match="Column 'x' is missing: model doubling needs x, .* has X, z"):
        infer(doubling, X=np.zeros((1, 3)), z=["a"])


def test_steps_feed_each_other_by_position(tmp_path: Path) -> None:
    first, second = models.doubling(tmp_path / "first.onnx"), models.doubling(tmp_path / "second.onnx", source="other")
    outcome = models.pipeline_of(first, second).infer(Batch(1, {"x": np.array([[1.0, 2.0, 3.0]])}))
    assert np.asarray(outcome.outputs["y"]).tolist() == [[4, 8, 12]]
    assert len(outcome.elapsed) == 2
    assert all(nanoseconds > 0 for nanoseconds in outcome.elapsed)


def test_steps_feed_each_other_by_name_where_names_match(tmp_path: Path) -> None:
    adding = models.adding(tmp_path / "adding.onnx")
    after = models.echo(tmp_path / "after.onnx", TensorProto.INT64, ("n",))
    renamed = models.save(
        tmp_path / "renamed.onnx",
        [helper.make_node("Identity", ["double"], ["chosen"])],
        [("double", TensorProto.INT64, ("n",))],
        [("chosen", TensorProto.INT64, ("n",))],
        {},
    )
    columns = {"a": np.array([[1.0, 2.0]]), "b": np.array([7])}
    assert infer(models.pipeline_of(adding, renamed), **columns)["chosen"].tolist() == [[14]]
    with pytest.raises(InvalidInputError, match="cannot hold exactly|shape"):
        infer(models.pipeline_of(adding, after), **{**columns, "a": np.array([[0.5, 0.25]])})


def test_a_step_that_needs_more_than_the_one_before_gives_is_refused(tmp_path: Path) -> None:
    first, second = models.doubling(tmp_path / "first.onnx"), models.adding(tmp_path / "second.onnx")
    with pytest.raises(InvalidInputError, match="second takes 2 inputs, but the step before it, first, gives 1"):
        models.pipeline_of(first, second)


def test_a_pipeline_without_steps_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="has no steps"):
        Pipeline.load(PipelineSpec("empty", "1", 1, ()), Path, 1)


@pytest.mark.parametrize("shape", [(2, 2, 4), (2, 1, 2, 4), (2, 8)], ids=["as it is", "leading 1", "flattened"])
@pytest.mark.parametrize("batch", [1, "n"])
def test_a_row_comes_in_any_of_three_shapes(tmp_path: Path, shape: tuple[int, ...], batch: Any) -> None:
    pipeline = models.pipeline_of(models.doubling(tmp_path / "image.onnx", (batch, 2, 4)))
    values = np.arange(16.0).reshape(shape)
    assert infer(pipeline, x=values)["y"].tolist() == (values * 2).reshape(2, 8).tolist()


@pytest.mark.parametrize("shape", [(1, 4, 2), (1, 2, 4, 1, 3), (1, 7), (1,), (1, 2, 2, 4)])
def test_a_row_of_another_shape_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pipeline = models.pipeline_of(models.doubling(tmp_path / "image.onnx", (1, 2, 4)))
    with pytest.raises(InvalidInputError, match="Column 'x' should hold float32 of shape .2, 4. per row"):
        infer(pipeline, x=np.zeros(shape))


def test_a_flattened_row_is_shaped_by_what_it_says_where_the_model_leaves_it_open(tmp_path: Path) -> None:
    pipeline = models.pipeline_of(models.doubling(tmp_path / "open.onnx", ("n", "h", "w")))
    batch = Batch(1, {"x": np.arange(6.0).reshape(1, 6)}, {"x": (2, 3)})
    assert np.asarray(pipeline.infer(batch).outputs["y"]).tolist() == [[0, 2, 4, 6, 8, 10]]
    with pytest.raises(InvalidInputError, match="shape .any, any. per row, and holds shape .6."):
        infer(pipeline, x=np.zeros((1, 6)))


def test_a_flattened_row_that_says_another_shape_is_refused_as_it_would_be_nested(tmp_path: Path) -> None:
    pipeline = models.pipeline_of(models.doubling(tmp_path / "picture.onnx", ("n", 3, 4, 5)))
    batch = Batch(1, {"x": np.zeros((1, 60))}, {"x": (4, 5, 3)})
    with pytest.raises(InvalidInputError, match=r"of shape \[3, 4, 5\] per row, and holds shape \[4, 5, 3\]"):
        pipeline.infer(batch)
    for said in [(3, 4, 5), (1, 3, 4, 5), (60,), (7, 7)]:
        assert np.shape(pipeline.infer(Batch(1, batch.columns, {"x": said})).outputs["y"]) == (1, 60)


def test_null_is_not_a_number_in_rows_of_differing_lengths_too(tmp_path: Path) -> None:
    pipeline = models.pipeline_of(models.doubling(tmp_path / "sequence.onnx", ("n", "length")))
    first, second = infer(pipeline, x=[[1, None], [2**60 + 1]])["y"]
    assert np.array_equal(first, [2, np.nan], equal_nan=True)
    assert second.tolist() == [2**61]


def test_rows_of_differing_lengths_run_one_by_one(tmp_path: Path) -> None:
    pipeline = models.pipeline_of(models.doubling(tmp_path / "sequence.onnx", ("n", "length")))
    outputs = infer(pipeline, x=[[1, 2, 3], [4.5]])["y"]
    assert [row.tolist() for row in outputs] == [[2, 4, 6], [9]]


def test_a_model_without_batch_dimension_gets_each_row_whole(tmp_path: Path) -> None:
    pipeline = models.pipeline_of(models.doubling(tmp_path / "whole.onnx", (4, 2)))
    assert infer(pipeline, x=np.ones((3, 8)))["y"].tolist() == [[2] * 8] * 3


def test_a_scalar_model_gets_each_row_alone(tmp_path: Path) -> None:
    pipeline = models.pipeline_of(models.doubling(tmp_path / "scalar.onnx", ()))
    assert infer(pipeline, x=np.array([1.0, 2.0]))["y"].tolist() == [[2], [4]]


def test_outputs_that_do_not_follow_the_rows_are_found_row_by_row(tmp_path: Path) -> None:
    pipeline = models.pipeline_of(models.finding(tmp_path / "finding.onnx"))
    outputs = infer(pipeline, x=np.array([[1.0, 0, 2], [0, 0, 3], [4, 5, 6]]))["found"]
    assert [row.tolist() for row in outputs] == [[0, 0, 0, 2], [0, 2], [0, 0, 0, 0, 1, 2]]


def test_as_many_rows_as_an_output_is_long_are_still_told_apart(tmp_path: Path) -> None:
    pipeline = models.pipeline_of(models.finding(tmp_path / "finding.onnx"))
    outputs = infer(pipeline, x=np.array([[1.0, 0, 2], [0, 3, 4]]))["found"]
    assert [row.tolist() for row in outputs] == [[0, 0, 0, 2], [0, 0, 1, 2]]


def test_as_many_values_found_as_there_are_rows_are_each_rows_own(tmp_path: Path) -> None:
    path = models.listing(tmp_path / "listing.onnx")
    rows = np.array([[1.0, 2, 0], [0, 0, 0], [0, 0, 4]])
    for first in ([0, 1], [2, 1, 0], [0, 1, 2]):  # in the first run of a model, and once one row has told
        pipeline = models.pipeline_of(path)
        for order in (first, [0, 1, 2], [0, 1]):
            found = infer(pipeline, x=rows[order])["found"]
            assert [row.tolist() for row in found] == [[[0, 0, 0, 1], [], [0, 2]][row] for row in order]
    assert pipeline.gathering is None


@pytest.mark.parametrize("name", ["m", None])
def test_rows_as_long_as_they_are_many_are_not_mistaken_for_values_of_each(tmp_path: Path, name: str | None) -> None:
    nodes = [helper.make_node("Transpose", ["x"], ["y"])]
    values: list[models.Value] = [("x", TensorProto.FLOAT, ("n", name)), ("y", TensorProto.FLOAT, (name, "n"))]
    pipeline = models.pipeline_of(models.save(tmp_path / "turning.onnx", nodes, values[:1], values[1:], {}))
    for _ in range(2):
        assert infer(pipeline, x=np.array([[1.0, 2], [3, 4]]))["y"].tolist() == [[1, 2], [3, 4]]


def test_a_row_that_alone_has_no_dimension_for_rows_leaves_batches_possible(tmp_path: Path) -> None:
    nodes = [helper.make_node("Squeeze", ["x"], ["y"])]
    path = models.save(
        tmp_path / "squeezing.onnx", nodes, [("x", TensorProto.FLOAT, ("n", 1))], [("y", TensorProto.FLOAT, None)], {}
    )
    pipeline = models.pipeline_of(path)
    for rows in (1, 3, 1, 4):
        assert infer(pipeline, x=np.arange(float(rows)).reshape(rows, 1))["y"].tolist() == [[n] for n in range(rows)]
    assert pipeline.gathering is not None


def test_single_refuses_several_rows(tmp_path: Path) -> None:
    pipeline = models.pipeline_of(models.doubling(tmp_path / "one.onnx"), batch_config="single")
    assert infer(pipeline, x=np.ones((1, 3)))["y"].tolist() == [[2, 2, 2]]
    with pytest.raises(InvalidInputError, match="one takes one row per request, and 2 came"):
        infer(pipeline, x=np.ones((2, 3)))


def test_a_model_that_fails_says_which_and_why(tmp_path: Path) -> None:
    pipeline = models.pipeline_of(models.failing(tmp_path / "failing.onnx"))
    with pytest.raises(InferenceError, match="Model failing failed on this input: .*reshape"):
        infer(pipeline, x=np.ones((1, 3)))

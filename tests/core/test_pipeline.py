from __future__ import annotations

import json

import pytest

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.pipeline import ModelRef, ModelSpec, PipelineSpec, definition_of, models_of
from jupyter_edge.core.schema import ModelSchema, TensorSpec

MODEL = ModelSpec(
    name="ccfraud",
    version="7af40d06-d18f-4b3f-9dd3-0a15248f01c8",
    sha="ab" * 32,
    size=111,
    schema=ModelSchema((TensorSpec("x", "float32", (None, 29)),), (TensorSpec("y", "float32", (None, 1)),)),
    tensor_fields=("tensor",),
    batch_config="single",
)


def test_a_specification_survives_its_json_form() -> None:
    spec = PipelineSpec("edge-pipeline", "a5752acc", 21, (MODEL,), {"engine": {"cpu": 1}})
    assert PipelineSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_what_is_no_specification_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="publish the pipeline again"):
        PipelineSpec.from_json({"name": "p"})


def test_a_definition_names_its_models_in_order() -> None:
    models = [ModelRef("a", "1", "aa"), ModelRef("b", "2", "bb")]
    assert models_of(definition_of("p", models)) == models


def test_a_definition_without_steps_has_no_models() -> None:
    assert models_of({}) == []


@pytest.mark.parametrize(
    "step", [{"Average": {}}, {"ModelInference": {"models": []}}, "step", {"ModelInference": None}]
)
def test_a_step_that_is_not_known_is_named(step: object) -> None:
    with pytest.raises(InvalidInputError, match="is not known"):
        models_of({"steps": [step]})

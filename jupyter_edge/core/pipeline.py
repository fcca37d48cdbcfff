"""Pipelines: the definition that a user builds, and the specification that a runtime is started with."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from jupyter_edge.core.batching import DynamicBatchingConfig
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.schema import ModelSchema


@dataclass(frozen=True)
class ModelRef:
    """A model version as a definition's steps name it; ``sha`` is the hex SHA-256 of the uploaded file."""

    name: str
    version: str
    sha: str


@dataclass(frozen=True)
class ModelSpec:
    """All that a runtime needs to run one model version.

    ``tensor_fields`` names the request's columns, mapped to the model's inputs by position; ``batch_config`` is
    ``"single"`` where a request may hold one row only. ``dynamic_batching`` says how requests of one row are gathered,
    ``None`` runs together what arrives at the same moment.
    """

    name: str
    version: str
    sha: str
    size: int
    schema: ModelSchema
    tensor_fields: tuple[str, ...] | None = None
    batch_config: str | None = None
    runtime: str = "onnx"
    dynamic_batching: DynamicBatchingConfig | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the model as JSON values."""
        return asdict(self) | {"schema": self.schema.to_json()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ModelSpec:
        """Read what ``to_json`` wrote."""
        fields, batching = value["tensor_fields"], value.get("dynamic_batching")
        return cls(
            name=value["name"],
            version=value["version"],
            sha=value["sha"],
            size=value["size"],
            schema=ModelSchema.from_json(value["schema"]),
            tensor_fields=None if fields is None else tuple(fields),
            batch_config=value["batch_config"],
            runtime=value["runtime"],
            # Absent from what was published by earlier versions.
            dynamic_batching=None if batching is None else DynamicBatchingConfig.from_dict(batching),
        )


@dataclass(frozen=True)
class PipelineSpec:
    """A pipeline version ready to run: the config of a published artifact, and the file a deployment starts from.

    ``models`` run one after the other, each fed with the outputs of the one before; ``engine_config`` holds the
    resources that were asked for (``{"engine": {"resources": ...}}``).
    """

    name: str
    version: str
    workspace_id: int
    models: tuple[ModelSpec, ...]
    engine_config: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the specification as JSON values."""
        return asdict(self) | {"models": [model.to_json() for model in self.models]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> PipelineSpec:
        """Read what ``to_json`` wrote.

        Raises:
            InvalidInputError: if the value is no pipeline specification.
        """
        try:
            return cls(
                name=value["name"],
                version=value["version"],
                workspace_id=value["workspace_id"],
                models=tuple(ModelSpec.from_json(model) for model in value["models"]),
                engine_config=value["engine_config"],
            )
        except (KeyError, TypeError, IndexError) as error:
            msg = f"This pipeline specification cannot be read ({error!r}): publish the pipeline again."
            raise InvalidInputError(msg) from error


def definition_of(name: str, models: list[ModelRef]) -> dict[str, Any]:
    """Return the stored definition of a pipeline whose steps run ``models`` one after the other."""
    return {"id": name, "steps": [{"ModelInference": {"models": [asdict(model)]}} for model in models]}


def models_of(definition: dict[str, Any]) -> list[ModelRef]:
    """Return the models of a definition's steps, in order; none for a definition without steps.

    Raises:
        InvalidInputError: for a step other than a single model, naming it.
    """
    return [_model_of(step) for step in definition.get("steps", [])]


def _model_of(step: dict[str, Any]) -> ModelRef:
    try:
        (model,) = step["ModelInference"]["models"]
        return ModelRef(model["name"], model["version"], model["sha"])
    except (KeyError, TypeError, ValueError):
        kinds = ", ".join(step) if isinstance(step, dict) else repr(step)
        msg = f"The pipeline step {kinds} is not known: a step is one model, as add_model_step() makes it."
        raise InvalidInputError(msg) from None

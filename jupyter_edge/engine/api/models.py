"""Endpoints on models, their versions and configs."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from jupyter_edge.engine import models
from jupyter_edge.engine.api.dependencies import Id, RequestBody, State, json_router
from jupyter_edge.engine.api.pages import Paged, PageRequest, paged
from jupyter_edge.engine.tables import Model, ModelConfig, ModelVersion, timestamp

router = json_router("models")
_OWNER = '""'  # what clients of this API have always been answered


def _check_base64(text: str) -> str:
    base64.b64decode(text, validate=True)
    return text


Base64Text = Annotated[str, AfterValidator(_check_base64)]
TensorFields = list[Annotated[str, Field(min_length=1)]]


class FileInfo(TypedDict):
    """The uploaded file; ``sha`` is the hex SHA-256 of its bytes, ``version`` the model version's UUID."""

    file_name: str
    sha: str
    version: str
    size: int


class VersionItem(TypedDict):
    """A model version; ``schema`` is what the file takes and gives, with the class names that it carries, if any."""

    id: int
    name: str
    visibility: str
    workspace_id: int
    conversion: dict[str, Any]
    file_info: FileInfo
    schema: dict[str, Any]
    image_path: None
    status: str
    task_id: None


class BatchingItem(TypedDict):
    """How requests of one row are gathered: milliseconds to wait, rows that need not wait, most rows of a batch."""

    max_batch_delay_ms: int
    batch_size_target: int
    batch_size_limit: int | None


class ConfigItem(TypedDict):
    """Runtime settings of a model version; ``tensor_fields`` names a request's columns in the order of the inputs."""

    id: int
    model_version_id: int
    runtime: str
    tensor_fields: list[str] | None
    filter_threshold: float | None
    input_schema: str | None
    output_schema: str | None
    batch_config: str | None
    dynamic_batching_config: BatchingItem | None


class VersionAndConfig(TypedDict):
    """A model version with its newest config."""

    model_version: VersionItem
    config: ConfigItem


class VersionAnswer(TypedDict):
    """The version that was asked for."""

    model_version: VersionAndConfig


class ConfigAnswer(TypedDict):
    """The config that was made or asked for."""

    model_config: ConfigItem


class ModelItem(TypedDict):
    """A model."""

    id: int
    name: str
    owner_id: str
    created_at: str
    updated_at: str


class ModelsAnswer(Paged):
    """Models, newest first."""

    models: list[ModelItem]


class VersionRow(TypedDict):
    """A version of a model; ``model_id`` is the model's name, ``models_pk_id`` its id, ``model_version`` a UUID."""

    sha: str
    models_pk_id: int
    model_version: str
    owner_id: str
    model_id: str
    id: int
    file_name: str
    image_path: None
    status: str


class ModelWithVersions(ModelItem):
    """A model with its versions, oldest first."""

    models: list[VersionRow]


class ModelWithConfig(ModelItem):
    """A model with the newest config of its newest version."""

    workspace_id: int
    model_config: ConfigItem


class VersionId(RequestBody):
    """Which model version."""

    model_version_id: Id


class NewBatching(RequestBody):
    """How requests of one row are gathered."""

    max_batch_delay_ms: Annotated[int, Field(ge=0, le=60_000, strict=True)] = 10
    batch_size_target: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] = 4
    batch_size_limit: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] | None = None


class NewSettings(RequestBody):
    """How a model version is run; the schemas are Arrow IPC schemas in base64."""

    tensor_fields: TensorFields | None = None
    filter_threshold: Annotated[float, Field(allow_inf_nan=False)] | None = None
    input_schema: Base64Text | None = None
    output_schema: Base64Text | None = None
    batch_config: Literal["single"] | None = None
    dynamic_batching_config: NewBatching | None = None

    def columns(self) -> dict[str, Any]:
        """Return what a config keeps of them."""
        return self.model_dump(include=set(NewSettings.model_fields)) | {"tensor_fields": self.tensor_fields or None}


class NewConfig(VersionId, NewSettings):
    """A model version and the settings of its new config."""


class ConfigOf(RequestBody):
    """Whose newest config: ``model_id`` is the id of a model version."""

    model_id: Id


class WorkspaceFilter(PageRequest):
    """Of which workspace; of all where none is given."""

    workspace_id: Id | None = None


class ModelId(RequestBody):
    """Which model."""

    id: Id


class ModelPrimaryKey(RequestBody):
    """Which model; its name may come along."""

    models_pk_id: Id
    model_id: str | None = None


@router.post("/get_version_by_id")
def get_version_by_id(body: VersionId, state: State) -> VersionAnswer:
    """Look a model version up, with its newest config."""
    with state.sessions() as session:
        version = models.get_version(session, body.model_version_id)
        return {"model_version": {"model_version": _version(version), "config": _config(version.configs[-1])}}


@router.post("/insert_model_config")
def insert_model_config(body: NewConfig, state: State) -> ConfigAnswer:
    """Add a config to a model version; deployments that are made later use it."""
    with state.sessions.begin() as session:
        return {"model_config": _config(models.add_config(session, body.model_version_id, body.columns()))}


@router.post("/get_config_by_id")
def get_config_by_id(body: ConfigOf, state: State) -> ConfigAnswer:
    """Look up the newest config of a model version."""
    with state.sessions() as session:
        return {"model_config": _config(models.get_version(session, body.model_id).configs[-1])}


@router.post("/list")
def list_models(body: WorkspaceFilter, state: State) -> ModelsAnswer:
    """List models."""
    with state.sessions() as session:
        page = models.list_models(session, body.workspace_id, body.window())
        return {"models": [_model(model) for model in page.rows], **paged(page)}


@router.post("/get")
def get_model(body: ModelId, state: State) -> ModelWithVersions:
    """Look a model up, with its versions."""
    with state.sessions() as session:
        model = models.get_model(session, body.id)
        return {**_model(model), "models": _rows(model)}


@router.post("/list_versions")
def list_versions(body: ModelPrimaryKey, state: State) -> list[VersionRow]:
    """List the versions of a model, oldest first."""
    with state.sessions() as session:
        return _rows(models.get_model(session, body.models_pk_id))


@router.post("/get_by_id")
def get_by_id(body: ModelId, state: State) -> ModelWithConfig:
    """Look a model up, with the newest config of its newest version."""
    with state.sessions() as session:
        model = models.get_model(session, body.id)
        config = _config(model.versions[-1].configs[-1])
        return {**_model(model), "workspace_id": model.workspace_id, "model_config": config}


@router.post("/delete")
def delete_model(body: ModelId, state: State) -> None:
    """Delete a model with all its versions; one that a deployment or a publish uses is refused with 409."""
    with state.sessions.begin() as session:
        models.delete_model(session, body.id)


def _model(model: Model) -> ModelItem:
    return {
        "id": model.id,
        "name": model.name,
        "owner_id": _OWNER,
        "created_at": timestamp(model.created_at),
        "updated_at": timestamp(model.updated_at),
    }


def _rows(model: Model) -> list[VersionRow]:
    return [
        {
            "sha": version.sha,
            "models_pk_id": model.id,
            "model_version": version.version,
            "owner_id": _OWNER,
            "model_id": model.name,
            "id": version.id,
            "file_name": version.file_name,
            "image_path": None,
            "status": version.status,
        }
        for version in model.versions
    ]


def _version(version: ModelVersion) -> VersionItem:
    return {
        "id": version.id,
        "name": version.model.name,
        "visibility": version.visibility,
        "workspace_id": version.model.workspace_id,
        "conversion": version.conversion,
        "file_info": {
            "file_name": version.file_name,
            "sha": version.sha,
            "version": version.version,
            "size": version.size,
        },
        "schema": version.schema,
        "image_path": None,
        "status": version.status,
        "task_id": None,
    }


def _config(config: ModelConfig) -> ConfigItem:
    return {
        "id": config.id,
        "model_version_id": config.model_version_id,
        "runtime": config.runtime,
        "tensor_fields": config.tensor_fields,
        "filter_threshold": config.filter_threshold,
        "input_schema": config.input_schema,
        "output_schema": config.output_schema,
        "batch_config": config.batch_config,
        "dynamic_batching_config": cast("BatchingItem | None", config.dynamic_batching_config),
    }

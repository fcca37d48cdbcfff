"""Models: a name in a workspace, and the versions uploaded under it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from jupyter_edge.client.panels import load_panel
from jupyter_edge.client.twins import Kinds, TwinListing, Twins, reading, workspace_name
from jupyter_edge.core.batching import DynamicBatchingConfig, require_one_way
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.framework import Acceleration, Architecture, Framework
from jupyter_edge.core.pipeline import ModelRef
from jupyter_edge.core.schema import ModelSchema
from jupyter_edge.display import Details, list_time, table_time
from jupyter_edge.display.twins import post

if TYPE_CHECKING:
    from jupyter_edge.client.client import Client


class ModelVersion(Twins, Details):
    """One uploaded model file with its runtime settings; ``id()`` is the version's own."""

    def __init__(self, client: Client, data: dict[str, Any]) -> None:
        self._client = client
        self._version: dict[str, Any] = data["model_version"]
        self._config: dict[str, Any] = data["config"]

    def id(self) -> int:
        """Return the id of this version."""
        return int(self._version["id"])

    def name(self) -> str:
        """Return the model's name."""
        return str(self._version["name"])

    def workspace_id(self) -> int:
        """Return the id of the model's workspace."""
        return int(self._version["workspace_id"])

    def version(self) -> str:
        """Return the UUID of this version, the same on an edge."""
        return str(self._version["file_info"]["version"])

    def sha(self) -> str:
        """Return the hex SHA-256 of the uploaded file."""
        return str(self._version["file_info"]["sha"])

    def file_name(self) -> str:
        """Return the name of the uploaded file."""
        return str(self._version["file_info"]["file_name"])

    def framework(self) -> Framework:
        """Return the framework the file was uploaded for."""
        return Framework((self._version["conversion"] or {}).get("framework") or Framework.ONNX)

    def arch(self) -> Architecture | None:
        """Return the processor architecture the file was uploaded for, if one was named."""
        arch = (self._version["conversion"] or {}).get("arch")
        return None if arch is None else Architecture(arch)

    def accel(self) -> Acceleration | None:
        """Return the accelerator the file was uploaded for, if one was named."""
        accel = (self._version["conversion"] or {}).get("accel")
        return None if accel is None else Acceleration(accel)

    def runtime(self) -> str:
        """Return what runs the model; ``onnx`` is native: no Python of the user's own runs on the way."""
        return str(self._config["runtime"])

    def tensor_fields(self) -> list[str] | None:
        """Return the request's columns, mapped to the model's inputs by position; ``None``: the inputs' own names."""
        fields = self._config["tensor_fields"]
        return None if fields is None else list(fields)

    def schema(self) -> ModelSchema:
        """Return the inputs and outputs of the model file."""
        return ModelSchema.from_json(self._version["schema"])

    def class_names(self) -> tuple[str, ...] | None:
        """Return the names of a detector's or classifier's classes, if its file carries them in its metadata."""
        return self.schema().class_names

    def batch_config(self) -> str | None:
        """Return ``"single"`` where a request may hold one row only."""
        batch = self._config["batch_config"]
        return None if batch is None else str(batch)

    def dynamic_batching_config(self) -> DynamicBatchingConfig | None:
        """Return how requests of one row are gathered, if that was configured."""
        batching = self._config["dynamic_batching_config"]
        return None if batching is None else DynamicBatchingConfig.from_dict(batching)

    def status(self) -> str:
        """Ask the engine for the version's status: ``ready``, ``error``, or on the way there."""
        self._load()
        return str(self._version["status"])

    def configure(
        self,
        tensor_fields: Sequence[str] | None = None,
        batch_config: str | None = None,
        dynamic_batching_config: DynamicBatchingConfig | None = None,
        **options: Any,
    ) -> Self:
        """Set how the model is run, and return this version, so that it chains on ``upload_model``.

        Args:
            tensor_fields: the request's columns, one for each input of the model, in the model's order.
            batch_config: ``"single"`` to allow one row in a request only.
            dynamic_batching_config: how requests of one row are gathered; without it, those that arrive at the same
                moment run together.
            options: ``filter_threshold``, ``input_schema`` and ``output_schema``, which the engine stores.

        Raises:
            InvalidInputError: for settings that do not fit the model, or an option that is not known.
        """
        unknown = set(options) - {"runtime", "filter_threshold", "input_schema", "output_schema"}
        if unknown:
            msg = f"configure() has no option {', '.join(sorted(unknown))}: give tensor_fields or batch_config."
            raise InvalidInputError(msg)
        options.pop("runtime", None)
        settings = model_settings(tensor_fields, batch_config, dynamic_batching_config) | options
        body = {key: value for key, value in settings.items() if value is not None}
        self._client.transport.post("models/insert_model_config", {"model_version_id": self.id(), **body})
        self._load()
        return self

    def panel(self) -> Any:
        """Return the form that uploads and sets up models, at this model, to be shown in a notebook."""
        return load_panel("UploadPanel")(self._client, self.name())

    def config_id(self) -> int:
        """Return the id of the runtime settings."""
        return int(self._config["id"])

    def ref(self) -> ModelRef:
        """Return what a pipeline's definition says of this version."""
        return ModelRef(self.name(), self.version(), self.sha())

    def details(self) -> dict[str, object]:
        """Return the rows of the version's table."""
        single, batching = "single (one row in a request)", self.dynamic_batching_config()
        return {
            "Name": self.name(),
            "Version": self.version(),
            "File Name": self.file_name(),
            "SHA": self.sha(),
            "Status": self._version["status"],
            "Framework": self.framework().value,
            "Runtime": f"{self.runtime()} (native)",
            "Tensor Fields": ", ".join(self.tensor_fields() or []) or "the model's own inputs",
            "Batch Config": single if self.batch_config() == "single" else self.batch_config(),
            "Dynamic Batching": "" if batching is None else batching_words(batching),
            "Architecture": self.arch(),
            "Acceleration": self.accel(),
        }

    def __repr__(self) -> str:
        return (
            f"ModelVersion(name={self.name()!r}, id={self.id()}, version={self.version()!r}, "
            f"tensor_fields={self.tensor_fields()!r}, batch_config={self.batch_config()!r})"
        )

    def _twins(self) -> Kinds:
        return reading(
            post("models/get_version_by_id", {"model_version_id": self.id()}),
            f"print(client.get_model({self.name()!r}, {self.version()!r}))",
            lambda: workspace_name(self._client, self.workspace_id()),
        )

    def _load(self) -> None:
        fresh = self._client.transport.post("models/get_version_by_id", {"model_version_id": self.id()})
        self._version, self._config = fresh["model_version"]["model_version"], fresh["model_version"]["config"]


def model_settings(
    tensor_fields: Sequence[str] | None = None,
    batch_config: str | None = None,
    dynamic_batching_config: DynamicBatchingConfig | None = None,
) -> dict[str, Any]:
    """Return how a model is run, as the engine takes it.

    Raises:
        InvalidInputError: for settings that fit no model.
    """
    require_one_way(batch_config, dynamic_batching_config)
    if isinstance(tensor_fields, str):
        msg = f"tensor_fields is the text {tensor_fields!r}: give a list of column names, [{tensor_fields!r}]."
        raise InvalidInputError(msg)
    return {
        "tensor_fields": tensor_fields and list(tensor_fields),
        "batch_config": batch_config,
        "dynamic_batching_config": dynamic_batching_config and dynamic_batching_config.to_json(),
    }


def batching_words(batching: DynamicBatchingConfig) -> str:
    """Return in words how requests are gathered."""
    limit = "" if batching.batch_size_limit is None else f", never more than {batching.batch_size_limit}"
    return f"waits up to {batching.max_batch_delay_ms} ms for {batching.batch_size_target} rows{limit}"


class Model(Twins, Details):
    """A model's name in a workspace, with all versions uploaded under it."""

    def __init__(self, client: Client, data: dict[str, Any]) -> None:
        self._client = client
        self._data = data

    def id(self) -> int:
        """Return the id of the name, which no version has."""
        return int(self._data["id"])

    def name(self) -> str:
        """Return the model's name."""
        return str(self._data["name"])

    def owner_id(self) -> str:
        """Return the owner's id as the engine gives it."""
        return str(self._data["owner_id"])

    def created_at(self) -> datetime:
        """Return when the first version was uploaded."""
        return datetime.fromisoformat(self._data["created_at"])

    def updated_at(self) -> datetime:
        """Return when the latest version was uploaded."""
        return datetime.fromisoformat(self._data["updated_at"])

    def versions(self) -> list[ModelVersion]:
        """Return the uploaded versions, the oldest first."""
        return [get_model_version(self._client, version_id) for version_id in self._version_ids()]

    def version_count(self) -> int:
        """Return how many versions were uploaded."""
        return len(self._version_ids())

    def latest_version(self) -> ModelVersion:
        """Return the version uploaded last."""
        return get_model_version(self._client, self._version_ids()[-1])

    def status(self) -> str:
        """Return the status of the latest version."""
        return self.latest_version().status()

    def details(self) -> dict[str, object]:
        """Return the rows of the model's table."""
        return {
            "Name": self.name(),
            "Versions": ", ".join(version.version() for version in self.versions()),
            "Created At": table_time(self.created_at()),
            "Last Updated": table_time(self.updated_at()),
        }

    def __repr__(self) -> str:
        return f"Model(name={self.name()!r}, id={self.id()})"

    def _twins(self) -> Kinds:
        return reading(
            post("models/get", {"id": self.id()}),
            f"print(next(model for model in client.list_models() if model.name() == {self.name()!r}))",
            lambda: workspace_name(self._client, self.latest_version().workspace_id()),
        )

    def _version_ids(self) -> list[int]:
        found = self._client.transport.post("models/get", {"id": self.id()})["models"]
        return [int(version["id"]) for version in found]


def get_model_version(client: Client, version_id: int) -> ModelVersion:
    """Return a model version by its id."""
    answer = client.transport.post("models/get_version_by_id", {"model_version_id": version_id})
    return ModelVersion(client, answer["model_version"])


def list_models(client: Client, workspace_id: int) -> TwinListing[Model]:
    """Return the models of a workspace, the newest first."""
    body = {"workspace_id": workspace_id}
    found = client.transport.post("models/list", body)["models"]
    return TwinListing(
        [Model(client, data) for data in found],
        ["name", "versions", "created", "last_updated"],
        lambda model: [
            model.name(),
            model.version_count(),
            list_time(model.created_at()),
            list_time(model.updated_at()),
        ],
        reading(post("models/list", body), "print(client.list_models())", lambda: workspace_name(client, workspace_id)),
    )

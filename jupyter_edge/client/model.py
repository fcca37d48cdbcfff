"""Models: a name in a workspace, and the versions uploaded under it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from jupyter_edge.client.jobs import Job, get_job, wait_for_job
from jupyter_edge.client.panels import load_panel
from jupyter_edge.client.transport import Answer
from jupyter_edge.client.twins import Kinds, Twins, reading, workspace_name
from jupyter_edge.client.upload import ModelUpload
from jupyter_edge.core.batching import DynamicBatchingConfig, require_one_way
from jupyter_edge.core.errors import EdgeError, InvalidInputError
from jupyter_edge.core.files import existing_file
from jupyter_edge.core.framework import Framework
from jupyter_edge.core.naming import check_name
from jupyter_edge.core.pipeline import ModelRef
from jupyter_edge.core.schema import ModelSchema
from jupyter_edge.display import Details, Dots, Listing, list_time, table_time
from jupyter_edge.display.twins import post

if TYPE_CHECKING:
    from jupyter_edge.client.client import Client

_UPLOAD_SECONDS = 600.0


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
        require_one_way(batch_config, dynamic_batching_config)
        if isinstance(tensor_fields, str):
            msg = f"tensor_fields is the text {tensor_fields!r}: give a list of column names, [{tensor_fields!r}]."
            raise InvalidInputError(msg)
        settings = {
            "tensor_fields": tensor_fields and list(tensor_fields),
            "batch_config": batch_config,
            "dynamic_batching_config": dynamic_batching_config and dynamic_batching_config.to_json(),
            **options,
        }
        body = {key: value for key, value in settings.items() if value is not None and key != "runtime"}
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
            "Dynamic Batching": "" if batching is None else _batching_text(batching),
            "Architecture": (self._version["conversion"] or {}).get("arch"),
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


def _batching_text(batching: DynamicBatchingConfig) -> str:
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


def list_models(client: Client, workspace_id: int) -> Listing[Model]:
    """Return the models of a workspace, the newest first."""
    found = client.transport.post("models/list", {"workspace_id": workspace_id})["models"]
    return Listing(
        [Model(client, data) for data in found],
        ["name", "versions", "created", "last_updated"],
        lambda model: [
            model.name(),
            model.version_count(),
            list_time(model.created_at()),
            list_time(model.updated_at()),
        ],
    )


def upload_model(  # noqa: PLR0913 (what an upload needs)
    client: Client,
    workspace_id: int,
    name: str,
    path: str | Path,
    framework: Framework | str | None,
    *,
    settings: dict[str, Any] | None = None,
) -> ModelVersion:
    """Send a model file to the engine and return the new version once the engine has checked it.

    ``settings``, as ``configure`` sends them, are checked with it: if they do not fit, nothing is kept.
    """
    path, metadata = _checked(workspace_id, name, path, framework)
    metadata |= settings or {}
    dots = Dots(f"Uploading {path.name} ({path.stat().st_size / 1e6:.1f} MB) ", patience=1.0)
    answer = _send(client, path, metadata, lambda _: dots.tick(), {})
    wait_for_job(client.transport, answer.job_id, dots, _UPLOAD_SECONDS, InvalidInputError)
    (version,) = answer.value["insert_models"]["returning"][0]["models"]
    return get_model_version(client, version["id"])


def start_upload(  # noqa: PLR0913 (what an upload needs)
    client: Client,
    workspace_id: int,
    name: str,
    path: str | Path,
    framework: Framework | str | None,
    *,
    on_sent: Callable[[float], None] | None = None,
) -> Job:
    """Send a model file to the engine and return the job that checks it."""
    path, metadata = _checked(workspace_id, name, path, framework)
    answer = _send(client, path, metadata, on_sent or (lambda _: None), {"Prefer": "respond-async"})
    if answer.job_id is None:
        msg = f"The engine at {client.api_endpoint} started no job for the upload: it is older than this package."
        raise EdgeError(msg)
    return get_job(client.transport, answer.job_id)


def _send(
    client: Client, path: Path, metadata: dict[str, Any], on_sent: Callable[[float], None], headers: dict[str, str]
) -> Answer:
    with ModelUpload(metadata, path, on_sent) as body:
        url = f"{client.transport.url}/v1/api/models/upload"
        headers = {"Content-Type": body.content_type, **headers}
        return client.transport.answer_of(client.transport.send(url, body, headers, timeout=_UPLOAD_SECONDS))


def _checked(
    workspace_id: int, name: str, path: str | Path, framework: Framework | str | None
) -> tuple[Path, dict[str, Any]]:
    """Return the file and what is said of it, once both are known to be usable."""
    check_name("model", name)
    path = existing_file(path)
    conversion: dict[str, Any] = {
        "arch": None,
        "framework": _framework_of(path, framework).value,
        "python_version": "3.11",
        "requirements": [],
    }
    return path, {"name": name, "visibility": "private", "workspace_id": workspace_id, "conversion": conversion}


def _framework_of(path: Path, framework: Framework | str | None) -> Framework:
    known = ", ".join(kind.value for kind in Framework)
    if framework is None and path.suffix.lower() == ".onnx":
        return Framework.ONNX
    try:
        return Framework(str(framework))
    except ValueError:
        wrong = "Nothing" if framework is None else repr(framework)
        msg = f"{wrong} names the framework of {path.name}: give framework=Framework.ONNX (known: {known})."
        raise InvalidInputError(msg) from None

"""Model files: what is said of one, and sending it to the engine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_edge.client.jobs import Job, get_job, wait_for_job
from jupyter_edge.client.model import ModelVersion, get_model_version, model_settings
from jupyter_edge.client.transport import Answer
from jupyter_edge.client.upload import ModelUpload
from jupyter_edge.core.batching import DynamicBatchingConfig
from jupyter_edge.core.deployment import DeploymentConfigBuilder
from jupyter_edge.core.errors import EdgeError, InvalidInputError
from jupyter_edge.core.files import existing_file
from jupyter_edge.core.framework import Acceleration, Architecture, Framework
from jupyter_edge.core.naming import check_name
from jupyter_edge.display import Dots

if TYPE_CHECKING:
    from jupyter_edge.client.client import Client

_UPLOAD_SECONDS = 600.0


@dataclass(frozen=True)
class ModelWish:
    """What a model version is to be; what is ``None`` may be as it is.

    Raises:
        InvalidInputError: by ``sha`` and ``metadata``, for a file that is not there, or settings that fit no model.
    """

    name: str
    file: str | Path | None = None
    framework: Framework | str | None = None
    tensor_fields: Sequence[str] | None = None
    batch_config: str | None = None
    dynamic_batching_config: DynamicBatchingConfig | None = None
    arch: Architecture | str | None = None
    accel: Acceleration | str | None = None

    def is_met_by(self, version: ModelVersion) -> bool:
        """Say whether a version is of the same file, with the same settings."""
        wanted = {
            "sha": self.sha(),
            "tensor_fields": None if self.tensor_fields is None else list(self.tensor_fields),
            "batch_config": self.batch_config,
            "dynamic_batching_config": self.dynamic_batching_config,
            "arch": self.arch,
            "accel": self.accel,
        }
        return all(value is None or getattr(version, name)() == value for name, value in wanted.items())

    def sha(self) -> str | None:
        """Return the hex SHA-256 of the file."""
        if self.file is None:
            return None
        with existing_file(self.file).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def metadata(self, workspace_id: int) -> dict[str, Any]:
        """Return what an upload says of the file, which there has to be."""
        check_name("model", self.name)
        hardware = DeploymentConfigBuilder()
        if self.arch is not None:
            hardware.arch(self.arch)
        if self.accel is not None:
            hardware.accel(self.accel)
        framework = _framework_of(existing_file(self.file or ""), self.framework)
        settings = model_settings(self.tensor_fields, self.batch_config, self.dynamic_batching_config)
        return {
            "name": self.name,
            "visibility": "private",
            "workspace_id": workspace_id,
            "conversion": {"framework": framework.value, **hardware.build()["engine"]},
            **{name: value for name, value in settings.items() if value},
        }


def upload_model(client: Client, wish: ModelWish) -> ModelVersion:
    """Send a model file to the engine and return the new version once the engine has checked it.

    Settings that do not fit the model end in an error, and nothing is kept.
    """
    path, metadata = _checked(client, wish)
    dots = Dots(f"Uploading {path.name} ({path.stat().st_size / 1e6:.1f} MB) ", patience=1.0)
    answer = _send(client, path, metadata, lambda _: dots.tick(), {})
    wait_for_job(client.transport, answer.job_id, dots, _UPLOAD_SECONDS, InvalidInputError)
    (version,) = answer.value["insert_models"]["returning"][0]["models"]
    return get_model_version(client, version["id"])


def start_upload(client: Client, wish: ModelWish, on_sent: Callable[[float], None] | None) -> Job:
    """Send a model file to the engine and return the job that checks it."""
    path, metadata = _checked(client, wish)
    answer = _send(client, path, metadata, on_sent or (lambda _: None), {"Prefer": "respond-async"})
    if answer.job_id is None:
        msg = f"The engine at {client.api_endpoint} started no job for the upload: it is older than this package."
        raise EdgeError(msg)
    return get_job(client.transport, answer.job_id)


def _checked(client: Client, wish: ModelWish) -> tuple[Path, dict[str, Any]]:
    metadata = wish.metadata(client.get_current_workspace().id())
    return existing_file(wish.file or ""), metadata


def _send(
    client: Client, path: Path, metadata: dict[str, Any], on_sent: Callable[[float], None], headers: dict[str, str]
) -> Answer:
    with ModelUpload(metadata, path, on_sent) as body:
        url = f"{client.transport.url}/v1/api/models/upload"
        headers = {"Content-Type": body.content_type, **headers}
        return client.transport.answer_of(client.transport.send(url, body, headers, timeout=_UPLOAD_SECONDS))


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

"""The endpoint that takes a model file."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any, Literal

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from typing_extensions import TypedDict

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.framework import Acceleration, Architecture, Framework
from jupyter_edge.core.naming import check_name
from jupyter_edge.engine.api.dependencies import JOB_HEADER, Id, RequestBody, State
from jupyter_edge.engine.api.errors import sentence_of
from jupyter_edge.engine.api.models import NewSettings
from jupyter_edge.engine.jobs import JobContext
from jupyter_edge.engine.models import NewVersion, add_version, check_settings
from jupyter_edge.engine.state import EngineState
from jupyter_edge.engine.uploads import Upload, inspect, receive
from jupyter_edge.engine.workspaces import get_workspace

router = APIRouter(prefix="/v1/api/models", tags=["models"])


class Conversion(RequestBody):
    """What kind of model the file is, and what is to run it where a deployment or publish names nothing."""

    framework: str
    arch: Architecture | None = None
    accel: Acceleration | None = None
    python_version: str | None = None
    requirements: tuple[str, ...] = ()


class UploadMetadata(NewSettings):
    """The part ``metadata`` of an upload, with the settings of the version's first config.

    A version that these do not fit is not made.
    """

    name: str
    workspace_id: Id
    visibility: Literal["private", "public"] = "private"
    conversion: Conversion


class InsertedVersion(TypedDict):
    """The id of the new model version."""

    id: int


class InsertedModel(TypedDict):
    """The versions that were added to a model."""

    models: list[InsertedVersion]


class InsertedModels(TypedDict):
    """The models to which versions were added."""

    returning: list[InsertedModel]


class UploadAnswer(TypedDict):
    """The one new model version; none where the caller does not wait for the check."""

    insert_models: InsertedModels


_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["metadata", "file"],
                "properties": {
                    "metadata": UploadMetadata.model_json_schema(),
                    "file": {"type": "string", "format": "binary"},
                },
            },
            "encoding": {"metadata": {"contentType": "application/json"}},
        }
    },
}


@router.post("/upload", openapi_extra={"requestBody": _FORM})
@router.post("/upload_and_convert", openapi_extra={"requestBody": _FORM})
async def upload_model(request: Request, response: Response, state: State) -> UploadAnswer:
    """Store a model file and add it as a version; it is checked by a job, whose id is in ``Jupyter-Edge-Job``.

    The answer waits for the job, or with ``Prefer: respond-async`` (RFC 7240, section 4.1) is a 202 at once.
    """

    def read(metadata: bytes) -> UploadMetadata:
        return _read_metadata(state, metadata)

    upload = await receive(request, state.blobs, read)
    try:
        name = upload.metadata.name
        job_id, outcome = await asyncio.to_thread(
            state.jobs.submit, "upload", lambda job: _add(state, upload, job), name
        )
    except BaseException:
        upload.blob.discard()
        raise
    response.headers[JOB_HEADER] = str(job_id)
    if "respond-async" in request.headers.get("prefer", "").lower():
        response.status_code = 202
        return {"insert_models": {"returning": []}}
    version_id = await _outcome(request, state, job_id, outcome)
    return {"insert_models": {"returning": [{"models": [{"id": version_id}]}]}}


def _read_metadata(state: EngineState, text: bytes) -> UploadMetadata:
    try:
        metadata = UploadMetadata.model_validate(orjson.loads(text))
    except ValidationError as error:
        msg = f"In the upload's metadata: {sentence_of(error.errors()[0])}"
        raise InvalidInputError(msg) from None
    except ValueError:
        msg = "The upload's part 'metadata' is not JSON."
        raise InvalidInputError(msg) from None
    check_name("model", metadata.name)
    framework = metadata.conversion.framework
    if framework != Framework.ONNX:
        msg = f"This engine runs models of the framework 'onnx', not {framework!r}: convert the model to ONNX first."
        raise InvalidInputError(msg)
    with state.sessions() as session:
        get_workspace(session, metadata.workspace_id)
    return metadata


def _add(state: EngineState, upload: Upload[UploadMetadata], job: JobContext) -> int:
    metadata, settings = upload.metadata, upload.metadata.columns()
    with upload.blob as blob:
        job.report(0.1, f"Checking {upload.file_name}")
        schema = inspect(blob.path, upload.file_name, job)
        check_settings(metadata.name, schema, settings)
        job.report(0.8, f"Keeping {upload.file_name}")
        sha = blob.commit().removeprefix("sha256:")
    conversion = metadata.conversion.model_dump(mode="json")
    if conversion["accel"] is None:
        del conversion["accel"]  # which clients of this API do not know
    new = NewVersion(
        workspace_id=metadata.workspace_id,
        name=metadata.name,
        visibility=metadata.visibility,
        conversion=conversion,
        file_name=upload.file_name,
        settings=settings,
    )
    return add_version(state.sessions, new, sha, blob.size, schema)


async def _outcome(request: Request, state: EngineState, job_id: int, outcome: Future[int]) -> int:
    """Wait for a job; a caller who goes away cancels it."""
    result = asyncio.wrap_future(outcome)
    gone: asyncio.Future[Any] = asyncio.ensure_future(request.receive())  # the body is read: only the end can come
    await asyncio.wait({result, gone}, return_when=asyncio.FIRST_COMPLETED)
    if gone.done():
        await asyncio.to_thread(state.jobs.cancel, job_id)
    gone.cancel()
    return await result

"""Uploads: a multipart body written straight into the blob store, and checked before it becomes a model version."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Generic, TypeVar

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from jupyter_edge.core.errors import InvalidInputError, TooLargeError
from jupyter_edge.core.schema import ModelSchema
from jupyter_edge.engine.jobs import JobContext
from jupyter_edge.oci.blobs import BlobStore, BlobWriter

MAX_MODEL_SIZE = 2 << 30  # protobuf's own limit for one message, which an ONNX file is
MAX_METADATA_SIZE = 1 << 20
_WRITE_SIZE = 1 << 20
_CHECK_SECONDS = 300
_ENDED_EARLY = "The upload ended before its last byte, so nothing of it was kept: send it again."
_log = logging.getLogger(__name__)
Metadata = TypeVar("Metadata")


class UploadForm:
    """Takes a multipart body apart as it arrives: ``metadata`` and ``file`` parts; others are passed over."""

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            msg = "An upload is multipart/form-data with the parts 'metadata' (JSON) and 'file'."
            raise InvalidInputError(msg)
        self.metadata = bytearray()
        self.metadata_done = False
        self.file_name: str | None = None
        self.file_bytes = bytearray()
        self.done = False
        self._part = ""
        self._headers: dict[bytes, bytes] = {}
        self._header = (bytearray(), bytearray())
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._headers.clear,
                "on_header_begin": self._begin_header,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin_part,
                "on_part_data": self._add_data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            InvalidInputError: if they are no multipart body, or hold more of something than they may.
        """
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            msg = f"The upload is no multipart body: {error}."
            raise InvalidInputError(msg) from None

    def _begin_header(self) -> None:
        self._header = (bytearray(), bytearray())

    def _end_header(self) -> None:
        field, value = self._header
        self._headers[bytes(field).lower()] = bytes(value)

    def _begin_part(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._part = options.get(b"name", b"").decode(errors="replace")
        if self._part == "file":
            if self.file_name is not None:
                msg = "The upload has two parts 'file': upload one file at a time."
                raise InvalidInputError(msg)
            self.file_name = _base_name(options.get(b"filename", b"").decode(errors="replace"))

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._part == "file":
            self.file_bytes += data[start:end]
        elif self._part == "metadata":
            self.metadata += data[start:end]
            if len(self.metadata) > MAX_METADATA_SIZE:
                msg = (
                    f"The part 'metadata' is larger than {MAX_METADATA_SIZE} bytes: send the model as the part 'file'."
                )
                raise InvalidInputError(msg)

    def _end_part(self) -> None:
        self.metadata_done = self.metadata_done or self._part == "metadata"
        self._part = ""

    def _end(self) -> None:
        self.done = True


@dataclass(frozen=True)
class Upload(Generic[Metadata]):
    """An upload that is whole on disk and not yet checked: ``blob`` is to be committed or discarded."""

    metadata: Metadata
    blob: BlobWriter
    file_name: str


async def receive(request: Request, blobs: BlobStore, read: Callable[[bytes], Metadata]) -> Upload[Metadata]:
    """Write the part ``file`` to disk as it arrives.

    ``read`` gets the part ``metadata`` as soon as it is there, in a thread, and may raise to refuse the rest. Whatever
    is raised, nothing is kept.

    Raises:
        InvalidInputError: if the body is damaged, ends early, or lacks a part.
        TooLargeError: if the file is larger than ``MAX_MODEL_SIZE``.
        StorageFullError: if the disk has no room for it.
    """
    form = UploadForm(request.headers.get("content-type", ""))
    _check_size(int(request.headers.get("content-length", 0)) - MAX_METADATA_SIZE)
    blob = await asyncio.to_thread(blobs.writer)
    try:
        metadata = await _receive(request, form, blob, read)
    except BaseException as error:
        blob.discard()
        if isinstance(error, ClientDisconnect):
            raise InvalidInputError(_ENDED_EARLY) from None
        raise
    return Upload(metadata, blob, form.file_name or "model")


async def _receive(request: Request, form: UploadForm, blob: BlobWriter, read: Callable[[bytes], Metadata]) -> Metadata:
    found: list[Metadata] = []
    async for chunk in request.stream():
        form.feed(chunk)
        if form.metadata_done and not found:
            found.append(await asyncio.to_thread(read, bytes(form.metadata)))
        if len(form.file_bytes) >= _WRITE_SIZE or form.done:
            _check_size(blob.size + len(form.file_bytes))
            await asyncio.to_thread(blob.write, bytes(form.file_bytes))
            form.file_bytes.clear()
    if not form.done:
        raise InvalidInputError(_ENDED_EARLY)
    if not found or not blob.size:
        missing = "file" if found else "metadata"
        msg = f"The upload's part '{missing}' is missing or empty: send 'metadata' (JSON), then 'file'."
        raise InvalidInputError(msg)
    return found[0]


def inspect(path: Path, name: str, context: JobContext) -> ModelSchema:
    """Have a process of its own open the model file, called ``name`` in messages, and return the schema that it finds.

    Raises:
        InvalidInputError: with what is wrong with the file, or if it cannot be opened within five minutes.
        JobCancelledError: if the job is cancelled meanwhile.
    """
    command = [sys.executable, "-m", "jupyter_edge.runtime.inspect", str(path)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            output, complaints = _communicate(process, context)
        finally:
            process.kill()
    try:
        answer = json.loads(output)
        if "error" in answer:
            raise InvalidInputError(answer["error"].replace(path.name, name))
        return ModelSchema.from_json(answer)
    except (ValueError, KeyError, TypeError):
        _log.warning("Checking a model ended with %s: %s", process.returncode, complaints.decode(errors="replace"))
        msg = (
            f"The model cannot be opened here: its check ended with status {process.returncode}; see the engine's log."
        )
        raise InvalidInputError(msg) from None


def _communicate(process: subprocess.Popen[bytes], context: JobContext) -> tuple[bytes, bytes]:
    for _ in range(_CHECK_SECONDS * 5):
        context.check()
        try:
            return process.communicate(timeout=0.2)
        except subprocess.TimeoutExpired:
            continue
    msg = (
        f"The model could not be opened within {_CHECK_SECONDS} seconds: it is too large for this machine, or the "
        "machine is busy; try again."
    )
    raise InvalidInputError(msg)


def _check_size(size: int) -> None:
    if size > MAX_MODEL_SIZE:
        msg = f"The model file is larger than {MAX_MODEL_SIZE >> 30} GiB, the limit of the ONNX format for one file."
        raise TooLargeError(msg)


def _base_name(name: str) -> str:
    return PureWindowsPath(PurePosixPath(name).name).name[:255] or "model"

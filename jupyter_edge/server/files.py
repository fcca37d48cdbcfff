"""Files that the contents manager shows, uploaded as models and inferred on without a way through the browser."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import httpx
from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from jupyter_server.services.contents.filemanager import FileContentsManager
from jupyter_server.utils import ApiPath, to_os_path
from tornado.web import HTTPError, authenticated

from jupyter_edge.client.upload import ModelUpload
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.media_types import ARROW_FILE, media_type_of_file
from jupyter_edge.core.naming import check_name
from jupyter_edge.server.handlers import EdgeHandler
from jupyter_edge.server.link import Answer, EngineProblem

_PIECE = 1 << 20
_REMOTE_LIMIT = 256 << 20  # of a file that a contents manager hands over in one piece only
_COLUMNS = "dataset[]=*&dataset.exclude[]=metadata&dataset.separator=."


class FileHandler(EdgeHandler):
    """Base of handlers that use a file: the caller must be allowed to do with it what they ask for."""

    async def arguments(self, **kinds: type) -> list[Any]:
        """Return the fields of the body, in the order of ``kinds``.

        Raises:
            HTTPError: 400, if one is missing or of another type.
        """
        body = self.get_json_body() or {}
        for name, kind in kinds.items():
            if not isinstance(body.get(name), kind) or body[name] == "":
                raise HTTPError(400, f"The field {name!r} is missing, or not of type {kind.__name__}.")
        return [body[name] for name in kinds]

    async def admit(self, action: str) -> None:
        """Ask the server's authorizer about its contents: what may not be read there may not be read here.

        Raises:
            HTTPError: 403, if it refuses.
        """
        if not await ensure_async(self.authorizer.is_authorized(self, self.current_user, action, "contents")):
            raise HTTPError(403, f"User is not authorized to {action} on resource: contents.")

    @asynccontextmanager
    async def file(self, path: str) -> AsyncIterator[Path]:
        """Lend a file as it is on this machine; one of another contents manager as a copy.

        Raises:
            HTTPError: if there is none, or the contents manager does not show it.
        """
        contents: Any = self.contents_manager
        shown = await ensure_async(contents.get(path, content=False, type="file"))
        if isinstance(contents, FileContentsManager):
            found = Path(to_os_path(ApiPath(path), contents.root_dir))
            if not found.is_file():
                raise HTTPError(400, f"{path} is no regular file.")
            yield found
            return
        if (shown["size"] or 0) > _REMOTE_LIMIT:
            limit = _REMOTE_LIMIT >> 20
            raise HTTPError(413, f"{path} is larger than {limit} MiB, and its storage hands it over in one piece only.")
        model = await ensure_async(contents.get(path, content=True, type="file", format="base64"))
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, path.rpartition("/")[2])
            copy.write_bytes(base64.b64decode(model["content"]))
            yield copy

    async def keep(self, name: str, folder: str, source: Path) -> str:
        """Move a file into a folder of the contents manager under a name that is free there; return its path."""
        contents: Any = self.contents_manager
        free = await ensure_async(contents.increment_filename(name, folder))
        path = f"{folder}/{free}".strip("/")
        if isinstance(contents, FileContentsManager):
            source.replace(to_os_path(ApiPath(path), contents.root_dir))
        else:
            content = base64.b64encode(source.read_bytes()).decode()
            model = {"type": "file", "format": "base64", "content": content}
            await ensure_async(contents.save(model, path))
        return path

    async def relay_refusal(self, answer: Answer) -> None:
        """Answer with what the engine says against it."""
        body = await answer.response.aread()
        self.set_status(answer.response.status_code, answer.response.reason_phrase)
        token = answer.token.reveal().encode()
        self.finish(body.replace(token, b"*" * len(token)))


class UploadHandler(FileHandler):
    """Models from files of this server."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Take ``{path, name, workspace_id}`` and answer ``{job}``, the engine's job that checks the model."""
        path, name, workspace_id = await self.arguments(path=str, name=str, workspace_id=int)
        await self.admit("read")
        conversion = {"framework": "onnx"}
        described = {"name": name, "visibility": "private", "workspace_id": workspace_id, "conversion": conversion}
        async with self.file(path) as file:
            with ModelUpload(described, file, lambda _: self.activity.note()) as body:
                headers = {
                    "Content-Type": body.content_type,
                    "Content-Length": str(len(body)),
                    "Prefer": "respond-async",
                }
                try:
                    await self.link.start_first()
                    answer = await self.link.send("POST", "/v1/api/models/upload", headers, _pieces(body.read))
                except EngineProblem as problem:
                    self.refuse(problem)
                    return
        try:
            if answer.response.is_error:
                await self.relay_refusal(answer)
            else:
                job = answer.response.headers.get("jupyter-edge-job")
                self.finish(json.dumps({"job": int(job) if job else None}))
        finally:
            await answer.response.aclose()


class InferHandler(FileHandler):
    """Inference on files of this server; what is answered becomes a file beside them."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Take ``{path, pipeline, deployment}``: a file, a pipeline's name and the id of its deployment.

        Answers ``{path, rows, columns, head}``: where the answer is, as an Arrow file, and its first rows as text.
        """
        path, pipeline, deployment = await self.arguments(path=str, pipeline=str, deployment=int)
        folder, _, file_name = path.strip("/").rpartition("/")
        try:
            check_name("pipeline", pipeline)  # which becomes a part of the answer's file name
            media_type = media_type_of_file(file_name)
        except InvalidInputError as error:
            raise HTTPError(400, str(error)) from None
        await self.admit("read")
        await self.admit("write")
        self.activity.note()
        headers = {"Content-Type": media_type, "Accept": ARROW_FILE}
        target = f"/v1/api/pipelines/infer/{pipeline}-{deployment}/{pipeline}?{_COLUMNS}"
        async with self.file(path) as file:
            with file.open("rb") as body:
                headers["Content-Length"] = str(os.fstat(body.fileno()).st_size)
                try:
                    answer = await self.link.send("POST", target, headers, _pieces(body.read))
                except EngineProblem as problem:
                    self.refuse(problem)
                    return
            await self._keep_answer(answer, f"{PurePosixPath(file_name).stem}.{pipeline}.arrow", folder, file.parent)

    async def _keep_answer(self, answer: Answer, name: str, folder: str, place: Path) -> None:
        try:
            if answer.response.is_error:
                await self.relay_refusal(answer)
                return
            with tempfile.TemporaryDirectory(dir=place, prefix=".jupyter-edge-") as private:
                whole = Path(private, "answer.arrow")
                with whole.open("wb") as out:
                    async for chunk in answer.response.aiter_bytes(_PIECE):
                        await asyncio.to_thread(out.write, chunk)
                shown = await asyncio.to_thread(_glance, whole)
                kept = await self.keep(name, folder, whole)
            self.finish(json.dumps({"path": kept, **shown}))
        except httpx.HTTPError as error:
            raise HTTPError(502, f"The engine's answer ended half-way ({type(error).__name__}): try again.") from None
        except OSError as error:
            msg = f"The answer could not be written beside the file ({error.strerror}): make room, or copy the file."
            raise HTTPError(507, msg) from None
        finally:
            await answer.response.aclose()


async def _pieces(read: Callable[[int], bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(read, _PIECE):
        yield piece


def _glance(path: Path) -> dict[str, Any]:
    from jupyter_edge.server.glance import glance

    return glance(path)

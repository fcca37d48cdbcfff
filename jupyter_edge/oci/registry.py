"""An OCI registry: the distribution-spec 1.1 over a blob store that it shares with others.

A blob that the store already holds needs no upload: a mount request without or with any ``from`` links it, and so does
a manifest that names it. Deleting a blob here takes it out of the repository only.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import inspect
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from jupyter_edge.core.errors import DigestError, EdgeError, InvalidInputError, StorageFullError
from jupyter_edge.oci.blobs import CHUNK_SIZE, BlobStore, BlobWriter, digest_of, hex_of
from jupyter_edge.oci.catalog import Catalog
from jupyter_edge.oci.manifest import (
    IMAGE_INDEX,
    IMAGE_MANIFEST,
    MAX_MANIFEST_SIZE,
    blobs_of,
    manifests_of,
    parse_manifest,
    referrer_of,
)
from jupyter_edge.oci.reference import is_digest, is_repository, is_tag

SESSION_LIFETIME = 3600.0
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_CONTENT_RANGE = re.compile(r"(?:bytes )?([0-9]{1,18})-([0-9]{1,18})(?:/.*)?")
_COUNT = re.compile(r"[0-9]{1,18}")
_RESTRICTED_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(f"{_RESTRICTED_NAME}/{_RESTRICTED_NAME}")  # RFC 6838, section 4.2

Handler = Callable[[Request, str], Response | Awaitable[Response]]


class RefusedError(Exception):
    """A request that is answered with an error of the specification's section "Error codes"."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.response = JSONResponse({"errors": [{"code": code, "message": message}]}, status, headers)


@dataclass
class Upload:
    """An upload session; it lives in this process, its bytes in the store's folder of unfinished blobs."""

    repository: str
    writer: BlobWriter
    touched: float
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def range(self) -> str:
        """Return which bytes have arrived, as the Range header writes it."""
        return f"0-{max(self.writer.size - 1, 0)}"


def create_registry(blobs: BlobStore, root: Path, authorize: Callable[[str, str], bool]) -> Starlette:
    """Return the registry as an application that answers under ``/v2/``.

    ``root`` is the folder of repositories, tags and links; ``authorize`` says whether a username and password may use
    the registry.
    """
    registry = _Registry(blobs, Catalog(root, blobs))

    def route(path: str, **handlers: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            handler = handlers["GET" if request.method == "HEAD" and "HEAD" not in handlers else request.method]
            return await _answer(handler, request, authorize)

        return Route(path, endpoint, methods=list(handlers))

    return Starlette(
        routes=[
            route("/v2/", GET=lambda request, name: JSONResponse({})),
            route("/v2/{name:path}/blobs/uploads/", POST=registry.start_upload),
            route(
                "/v2/{name:path}/blobs/uploads/{session}",
                GET=registry.upload_status,
                PATCH=registry.upload_chunk,
                PUT=registry.finish_upload,
                DELETE=registry.cancel_upload,
            ),
            route("/v2/{name:path}/blobs/{digest}", GET=registry.blob, DELETE=registry.delete_blob),
            route(
                "/v2/{name:path}/manifests/{reference}",
                GET=registry.manifest,
                PUT=registry.put_manifest,
                DELETE=registry.delete_manifest,
            ),
            route("/v2/{name:path}/tags/list", GET=registry.tags),
            route("/v2/{name:path}/referrers/{digest}", GET=registry.referrers),
        ]
    )


async def _answer(handler: Handler, request: Request, authorize: Callable[[str, str], bool]) -> Response:
    try:
        _check_credentials(request, authorize)
        name = request.path_params.get("name", "")
        if name and not is_repository(name):
            raise RefusedError(400, "NAME_INVALID", "The repository's name breaks the specification's rule.")
        if inspect.iscoroutinefunction(handler):
            response: Response = await handler(request, name)
        else:
            response = await run_in_threadpool(handler, request, name)  # type: ignore[arg-type]
    except RefusedError as refusal:
        response = refusal.response
    except DigestError as error:
        response = RefusedError(400, "DIGEST_INVALID", str(error)).response
    except InvalidInputError as error:
        response = RefusedError(400, "MANIFEST_INVALID", str(error)).response
    except EdgeError as error:
        response = RefusedError(error.status, "UNKNOWN", str(error)).response
    except ClientDisconnect:
        response = Response(status_code=400)  # nobody is there to read it
    response.headers["Docker-Distribution-API-Version"] = "registry/2.0"
    return response


def _check_credentials(request: Request, authorize: Callable[[str, str], bool]) -> None:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        username = password = ""
    if scheme.lower() != "basic" or not authorize(username, password):
        challenge = {"WWW-Authenticate": 'Basic realm="jupyter-edge", charset="UTF-8"'}
        raise RefusedError(401, "UNAUTHORIZED", "The registry asks for a username and a password.", challenge)


class _Registry:
    def __init__(self, blobs: BlobStore, catalog: Catalog) -> None:
        self._blobs = blobs
        self._catalog = catalog
        self._uploads: dict[str, Upload] = {}

    async def start_upload(self, request: Request, name: str) -> Response:
        query = request.query_params
        mount = query.get("mount", "")
        if is_digest(mount) and await run_in_threadpool(self._catalog.link_blob, name, mount):
            return _created(f"/v2/{name}/blobs/{mount}", mount)
        self._drop_idle()
        upload = Upload(name, self._blobs.writer(), time.monotonic())
        session = str(uuid.uuid4())
        self._uploads[session] = upload
        if "digest" in query:
            return await self._finish(request, session, upload)
        return self._progress(session, upload, 202)

    def upload_status(self, request: Request, name: str) -> Response:
        session, upload = self._upload(request, name)
        return self._progress(session, upload, 204)

    async def upload_chunk(self, request: Request, name: str) -> Response:
        async with self._locked_upload(request, name) as (session, upload):
            await self._receive(request, session, upload)
        return self._progress(session, upload, 202)

    async def finish_upload(self, request: Request, name: str) -> Response:
        async with self._locked_upload(request, name) as (session, upload):
            return await self._finish(request, session, upload)

    async def cancel_upload(self, request: Request, name: str) -> Response:
        async with self._locked_upload(request, name) as (session, upload):
            self._drop(session, upload)
        return Response(status_code=204)

    def blob(self, request: Request, name: str) -> Response:
        digest = request.path_params["digest"]
        if not self._catalog.has_blob(name, digest):
            raise RefusedError(404, "BLOB_UNKNOWN", f"The repository holds no blob {digest}.")
        if not _is_byte_range(request.headers.get("Range", "")):
            # Anything else is answered with the whole blob (RFC 9110, section 14.2).
            request.scope["headers"] = [item for item in request.scope["headers"] if item[0] != b"range"]
        headers = {"Docker-Content-Digest": digest, "ETag": f'"{digest}"'}
        return FileResponse(self._blobs.path(digest), media_type="application/octet-stream", headers=headers)

    def delete_blob(self, request: Request, name: str) -> Response:
        digest = request.path_params["digest"]
        if not self._catalog.unlink_blob(name, digest):
            raise RefusedError(404, "BLOB_UNKNOWN", f"The repository holds no blob {digest}.")
        return Response(status_code=202)

    def manifest(self, request: Request, name: str) -> Response:
        reference = _reference(request)
        digest = reference if is_digest(reference) else self._catalog.resolve(name, reference)
        found = digest and self._catalog.manifest(name, digest)
        if not digest or not found:
            raise _manifest_unknown(reference)
        content, media_type = found
        headers = {"Docker-Content-Digest": digest, "Content-Type": media_type}
        return Response(content, headers=headers)

    async def put_manifest(self, request: Request, name: str) -> Response:
        reference = _reference(request)
        content = await _limited_body(request)
        digest = digest_of(content)
        if is_digest(reference) and reference != digest:
            raise RefusedError(400, "DIGEST_INVALID", f"The manifest has the digest {digest}.")
        tag = None if is_digest(reference) else reference
        return await run_in_threadpool(
            self._store_manifest, name, content, request.headers.get("Content-Type", ""), tag
        )

    def delete_manifest(self, request: Request, name: str) -> Response:
        reference = _reference(request)
        remove = self._catalog.remove_manifest if is_digest(reference) else self._catalog.remove_tag
        if not remove(name, reference):
            raise _manifest_unknown(reference)
        return Response(status_code=202)

    def tags(self, request: Request, name: str) -> Response:
        if not self._catalog.exists(name):
            raise RefusedError(404, "NAME_UNKNOWN", f"There is no repository {name}.")
        last, limit = request.query_params.get("last", ""), request.query_params.get("n")
        tags = [tag for tag in self._catalog.tags(name) if tag > last]
        if limit is None:
            return JSONResponse({"name": name, "tags": tags})
        if not _COUNT.fullmatch(limit):
            raise RefusedError(400, "UNSUPPORTED", "The number n of tags is no whole number.")
        page = tags[: int(limit)]
        response = JSONResponse({"name": name, "tags": page})
        if page and len(page) < len(tags):
            query = urlencode({"n": limit, "last": page[-1]})
            response.headers["Link"] = f'</v2/{name}/tags/list?{query}>; rel="next"'
        return response

    def referrers(self, request: Request, name: str) -> Response:
        descriptors = self._catalog.referrers(name, request.path_params["digest"])
        headers = {}
        kind = request.query_params.get("artifactType")
        if kind is not None:
            descriptors = [descriptor for descriptor in descriptors if descriptor.get("artifactType") == kind]
            headers["OCI-Filters-Applied"] = "artifactType"
        index = {"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": descriptors}
        return Response(json.dumps(index), headers=headers | {"Content-Type": IMAGE_INDEX})

    def _upload(self, request: Request, name: str) -> tuple[str, Upload]:
        session = request.path_params["session"]
        upload = self._uploads.get(session)
        if upload is None or upload.repository != name:
            raise RefusedError(404, "BLOB_UPLOAD_UNKNOWN", "There is no such upload; start it again.")
        upload.touched = time.monotonic()
        return session, upload

    @asynccontextmanager
    async def _locked_upload(self, request: Request, name: str) -> AsyncIterator[tuple[str, Upload]]:
        _, upload = self._upload(request, name)
        async with upload.lock:
            yield self._upload(request, name)  # another request may have ended it in the meantime

    def _progress(self, session: str, upload: Upload, status: int) -> Response:
        location = f"/v2/{upload.repository}/blobs/uploads/{session}"
        headers = {"Location": location, "Range": upload.range, "Docker-Upload-UUID": session}
        return Response(status_code=status, headers=headers)

    async def _receive(self, request: Request, session: str, upload: Upload) -> None:
        _check_range(request, upload)
        try:
            pending = bytearray()
            async for chunk in request.stream():
                pending += chunk
                if len(pending) >= CHUNK_SIZE:
                    await run_in_threadpool(upload.writer.write, bytes(pending))
                    pending.clear()
            await run_in_threadpool(upload.writer.write, bytes(pending))
        except StorageFullError:
            self._drop(session, upload)
            raise

    async def _finish(self, request: Request, session: str, upload: Upload) -> Response:
        digest = request.query_params.get("digest", "")
        hex_of(digest)
        await self._receive(request, session, upload)
        try:
            await run_in_threadpool(upload.writer.commit, digest)
        finally:
            self._drop(session, upload)
        await run_in_threadpool(self._catalog.link_blob, upload.repository, digest)
        return _created(f"/v2/{upload.repository}/blobs/{digest}", digest)

    def _drop(self, session: str, upload: Upload) -> None:
        self._uploads.pop(session, None)
        upload.writer.discard()

    def _drop_idle(self) -> None:
        now = time.monotonic()
        for session, upload in list(self._uploads.items()):
            if now - upload.touched > SESSION_LIFETIME and not upload.lock.locked():
                self._drop(session, upload)

    def _store_manifest(self, name: str, content: bytes, content_type: str, tag: str | None) -> Response:
        manifest = parse_manifest(content)
        declared = manifest.get("mediaType")
        media_type = content_type.partition(";")[0].strip() or str(declared or IMAGE_MANIFEST)
        if declared is not None and declared != media_type:
            raise RefusedError(400, "MANIFEST_INVALID", "The manifest's mediaType is not the request's Content-Type.")
        if not _MEDIA_TYPE.fullmatch(media_type):
            raise RefusedError(400, "MANIFEST_INVALID", "The manifest's media type is none.")
        for blob in blobs_of(manifest):
            if not self._catalog.link_blob(name, blob["digest"]):
                raise _content_unknown(blob["digest"])
        for child in manifests_of(manifest):
            if self._catalog.manifest(name, child["digest"]) is None:
                raise _content_unknown(child["digest"])
        referrer = referrer_of(manifest, media_type, content)
        subject = manifest["subject"]["digest"] if referrer else ""
        digest = self._catalog.add_manifest(name, content, media_type, tag, (subject, referrer) if referrer else None)
        response = _created(f"/v2/{name}/manifests/{tag or digest}", digest)
        if subject:
            response.headers["OCI-Subject"] = subject
        return response


def _is_byte_range(text: str) -> bool:
    match = _RANGE.fullmatch(text)
    if match is None or not any(match.groups()):
        return False
    return not all(match.groups()) or int(match[1]) <= int(match[2])


def _check_range(request: Request, upload: Upload) -> None:
    text = request.headers.get("Content-Range")
    if text is None:
        return
    match = _CONTENT_RANGE.fullmatch(text)
    if match is None or int(match[1]) != upload.writer.size:
        message = f"The next chunk begins at byte {upload.writer.size}."
        raise RefusedError(416, "BLOB_UPLOAD_INVALID", message, {"Range": upload.range})
    length = request.headers.get("Content-Length")
    if length is not None and int(length) != int(match[2]) - int(match[1]) + 1:
        raise RefusedError(400, "SIZE_INVALID", "Content-Range and Content-Length contradict each other.")


async def _limited_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_MANIFEST_SIZE:
            raise RefusedError(413, "SIZE_INVALID", f"A manifest may have {MAX_MANIFEST_SIZE} bytes.")
    return bytes(body)


def _reference(request: Request) -> str:
    reference: str = request.path_params["reference"]
    if ":" in reference:
        hex_of(reference)
    elif not is_tag(reference):
        raise RefusedError(400, "MANIFEST_INVALID", "This is neither a tag nor a digest.")
    return reference


def _created(location: str, digest: str) -> Response:
    return Response(status_code=201, headers={"Location": location, "Docker-Content-Digest": digest})


def _manifest_unknown(reference: str) -> RefusedError:
    return RefusedError(404, "MANIFEST_UNKNOWN", f"The repository holds no manifest {reference}.")


def _content_unknown(digest: str) -> RefusedError:
    return RefusedError(404, "MANIFEST_BLOB_UNKNOWN", f"The manifest names {digest}, which is not here: push it first.")

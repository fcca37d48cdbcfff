"""A client for OCI registries (distribution-spec 1.1): ``oras``, made safe for devices and large models.

Whatever arrives is checked against its digest, uploads stream from disk and travel once, broken downloads go on where
they stopped, every request has a time-out, and credentials reach the registry and its token server only.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NoReturn
from urllib.parse import urlencode, urljoin, urlsplit

import requests
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout, RequestException, SSLError, Timeout

from jupyter_edge.core.errors import AuthenticationError, DigestError, RegistryError
from jupyter_edge.core.hosts import is_loopback
from jupyter_edge.core.secret import Secret
from jupyter_edge.oci.auth import RegistryAuth
from jupyter_edge.oci.blobs import BlobStore, BlobWriter, digest_of
from jupyter_edge.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, MAX_MANIFEST_SIZE, printable
from jupyter_edge.oci.oras_provider import Registry
from jupyter_edge.oci.reference import is_digest

Progress = Callable[[int], None]

ATTEMPTS = 3
_PAUSE = 0.25
_BUSY = (429, 500, 502, 503, 504)
_MANIFESTS = (
    IMAGE_MANIFEST,
    IMAGE_INDEX,
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_REPOSITORY_OF = re.compile(r"/v2/(.+)/(?:blobs|manifests|tags|referrers)/")
_OCTETS = "application/octet-stream"
_PIECE = 1 << 16


class UnreachableError(RegistryError):
    """The registry did not answer, or the connection broke off."""


class RegistryClient(Registry):  # type: ignore[misc]  # oras has no types
    """One registry, ``host`` or ``host:port``, spoken to over HTTPS; over plain HTTP if ``insecure``, or on loopback.

    Without a username, the credentials that ``docker login`` has left for the registry are used. ``timeout`` is that of
    connecting and that of each wait for data, in seconds. A client is for one thread.
    """

    def __init__(
        self,
        registry: str,
        username: str | None = None,
        password: Secret | None = None,
        *,
        insecure: bool | None = None,
        timeout: tuple[float, float] = (5.0, 60.0),
    ) -> None:
        plain = is_loopback(registry) if insecure is None else insecure
        super().__init__(hostname=registry, insecure=plain)
        self._origin = f"{self.prefix}://{registry}"
        self._timeout = timeout
        self._password = password
        self._asked = False
        self.session.auth = _keep_headers
        self.session.trust_env = not (plain and is_loopback(registry))  # no proxy between processes of one machine
        self.session.headers["Accept-Encoding"] = "identity"
        self.auth = RegistryAuth(self.session, self._origin, username, password, timeout)

    def __repr__(self) -> str:
        return f"RegistryClient({self.hostname!r})"

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def ping(self) -> None:
        """Check that a registry answers and accepts the credentials.

        Raises:
            AuthenticationError: if it does not accept them.
            RegistryError: if no registry answers.
        """
        self._check(self.do_request(f"{self._origin}/v2/"), "the login")

    def has_blob(self, repository: str, digest: str) -> bool:
        """Tell whether the repository holds the blob."""
        answer = self.do_request(self._url(repository, "blobs", digest), "HEAD")
        if answer.status_code == 404:
            return False
        self._check(answer, f"the blob {digest}")
        return True

    def push_blob(self, repository: str, source: Path | bytes, digest: str, progress: Progress | None = None) -> None:
        """Send a blob, unless the registry holds it already; a file is read piece by piece.

        ``progress`` is told how many bytes are done, and may raise to cancel.

        Raises:
            RegistryError: if the registry refuses it or cannot be reached.
        """
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        attempt = 1
        while not self.has_blob(repository, digest):
            try:
                self._upload(repository, source, size, digest, progress)
                break
            except UnreachableError:
                if attempt == ATTEMPTS:
                    raise
                time.sleep(_PAUSE)
                attempt += 1
        if progress:
            progress(size)

    def push_manifest(self, repository: str, reference: str, content: bytes, media_type: str) -> str:
        """Store a manifest or an index under a tag or its digest, and return its digest.

        Raises:
            RegistryError: if the registry refuses it or cannot be reached.
            DigestError: if the registry has stored something else.
        """
        url = self._url(repository, "manifests", reference)
        answer = self.do_request(url, "PUT", data=content, headers={"Content-Type": media_type})
        self._check(answer, f"the manifest {repository}:{reference}")
        digest = digest_of(content)
        if answer.headers.get("Docker-Content-Digest", digest) != digest:
            msg = f"The registry {self.hostname} stored another manifest than the one sent: push {repository} again."
            raise DigestError(msg)
        return digest

    def fetch_manifest(self, repository: str, reference: str) -> tuple[bytes, str, str]:
        """Return a manifest's bytes, its digest and its media type.

        Raises:
            DigestError: if it has another digest than the one asked for, or than the registry says.
            RegistryError: if the repository has no such tag or digest, or the registry cannot be reached.
        """
        url = self._url(repository, "manifests", reference)
        with closing(self.do_request(url, headers={"Accept": ", ".join(_MANIFESTS)}, stream=True)) as answer:
            self._check(answer, f"the manifest {repository}:{reference}")
            content = self._read_limited(answer)
        digest = digest_of(content)
        expected = reference if is_digest(reference) else answer.headers.get("Docker-Content-Digest", digest)
        if digest != expected:
            msg = f"The manifest of {repository} has the digest {digest}, not {expected}: it was changed or damaged."
            raise DigestError(msg)
        return content, digest, answer.headers.get("Content-Type", "").partition(";")[0]

    def fetch_blob(
        self, repository: str, digest: str, store: BlobStore, size: int, progress: Progress | None = None
    ) -> None:
        """Bring a blob of ``size`` bytes into ``store``; a broken download goes on where it stopped.

        ``progress`` is told how many bytes have come, and may raise to cancel.

        Raises:
            DigestError: if the content is not what was asked for; the store does not get it.
            RegistryError: if the download broke off again and again without getting further.
        """
        url = self._url(repository, "blobs", digest)
        failures = 0
        with store.writer() as writer:
            while True:
                before, broken = writer.size, None
                try:
                    self._download(url, writer, size, progress)
                except (RequestException, UnreachableError) as error:
                    broken = error
                if writer.size == size:
                    break
                failures = 0 if writer.size > before else failures + 1
                if failures == ATTEMPTS:
                    msg = f"The download of {digest} from {self.hostname} broke off at byte {writer.size} of {size}."
                    raise RegistryError(msg) from broken
                time.sleep(_PAUSE)
            writer.commit(digest)

    def do_request(  # noqa: PLR0913, PLR0917  # oras' own signature
        self,
        url: str,
        method: str = "GET",
        data: Any = None,
        headers: dict[str, str] | None = None,
        json: Any = None,
        stream: bool = False,
    ) -> requests.Response:
        """Send a request, with credentials if it goes to the registry; all of oras' own requests pass here too.

        Raises:
            RegistryError: if no answer comes.
        """
        try:
            if not self._asked:
                self._ask_for_scheme()
            scope = _scope_of(url, method)
            shown = self.auth.headers_for(url, scope)
            options = {"data": data, "json": json, "stream": stream}
            answer = self._send(method, url, headers=(headers or {}) | shown, **options)
            if answer.status_code == 401 and answer.url.startswith(f"{self._origin}/"):
                scope = self.auth.learn(answer) or scope
                self.auth.forget(scope)
                renewed = self.auth.headers_for(url, scope)
                if renewed != shown:
                    if isinstance(data, _Body):
                        data.rewind()
                    answer.close()
                    answer = self._send(method, url, headers=(headers or {}) | renewed, **options)
        except RequestException as error:
            raise self._explain(error) from error
        return answer

    def _not_offered(self, *_: object, **__: object) -> NoReturn:
        raise NotImplementedError("Use push_blob, push_manifest, fetch_blob and fetch_manifest, which check digests.")

    # oras writes passwords to disk, reads blobs whole, checks no digests and unpacks archives in these.
    login = logout = push = pull = _not_offered
    get_blob = get_manifest = download_blob = _not_offered
    upload_blob = put_upload = chunked_upload = upload_manifest = _not_offered

    def _url(self, repository: str, kind: str, name: str) -> str:
        return f"{self._origin}/v2/{repository}/{kind}/{name}"

    def _ask_for_scheme(self) -> None:
        """Learn how to show credentials before any body is sent, so that none travels twice."""
        answer = self._send("GET", f"{self._origin}/v2/")
        if answer.status_code == 401:
            self.auth.learn(answer)
        else:
            self._check(answer, "the question for a registry under /v2/")
        self._asked = True

    def _send(self, method: str, url: str, *, data: Any = None, **options: Any) -> requests.Response:
        attempts = 1 if isinstance(data, _Body) else ATTEMPTS
        attempt = 0
        while True:
            attempt += 1
            try:
                answer: requests.Response = self.session.request(
                    method, url, data=data, timeout=self._timeout, allow_redirects=data is None, **options
                )
                if answer.status_code not in _BUSY or attempt == attempts:
                    return answer
                answer.close()
            except RequestsConnectionError as error:
                if attempt == attempts or isinstance(error, SSLError):
                    raise
            time.sleep(_PAUSE * attempt)

    def _upload(self, repository: str, source: Path | bytes, size: int, digest: str, progress: Progress | None) -> None:
        what = f"the blob {digest}"
        uploads = self._url(repository, "blobs", "uploads/")
        # A registry that finds the blob among its other repositories needs no upload; one that cannot, starts one.
        answer = self.do_request(f"{uploads}?{urlencode({'mount': digest})}", "POST")
        if answer.status_code == 201:
            return
        if answer.status_code != 202:
            answer = self.do_request(uploads, "POST")
            self._check(answer, what)
        session = self._location(answer)
        url = f"{session}{'&' if '?' in session else '?'}{urlencode({'digest': digest})}"
        try:
            with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
                body = _Body(file, size, progress) if size else b""
                answer = self.do_request(url, "PUT", data=body, headers={"Content-Type": _OCTETS})
        except UnreachableError:
            raise
        except BaseException:
            with suppress(RegistryError):
                self.do_request(session, "DELETE")
            raise
        if answer.status_code in _BUSY:
            raise UnreachableError(f"The registry {self.hostname} answered {answer.status_code} to {what}.")
        self._check(answer, what)

    def _location(self, answer: requests.Response) -> str:
        location = urljoin(answer.url, answer.headers.get("Location", ""))
        if "Location" not in answer.headers or (self.prefix == "https" and not location.startswith("https://")):
            msg = f"The registry {self.hostname} names no safe place to upload to: look at its proxy's configuration."
            raise RegistryError(msg)
        return location

    def _download(self, url: str, writer: BlobWriter, size: int, progress: Progress | None) -> None:
        start = writer.size
        headers = {"Range": f"bytes={start}-"} if start else None
        with closing(self.do_request(url, headers=headers, stream=True)) as answer:
            self._check(answer, f"the blob {url.rpartition('/')[2]}")
            if answer.status_code == 206 and not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                raise RegistryError(f"The registry {self.hostname} sent another range than the one asked for.")
            skip = start if answer.status_code == 200 else 0  # a registry that knows no ranges begins anew
            for chunk in answer.iter_content(_PIECE):
                fresh = chunk[skip:]
                skip -= len(chunk) - len(fresh)
                if writer.size + len(fresh) > size:
                    raise DigestError(f"{url} is longer than the {size} bytes that its manifest promises.")
                writer.write(fresh)
                if progress:
                    progress(writer.size)

    def _read_limited(self, answer: requests.Response) -> bytes:
        content = bytearray()
        try:
            for chunk in answer.iter_content(_PIECE):
                content += chunk
                if len(content) > MAX_MANIFEST_SIZE:
                    raise RegistryError(f"{answer.url} is larger than a manifest may be ({MAX_MANIFEST_SIZE} bytes).")
        except RequestException as error:
            raise self._explain(error) from error
        return bytes(content)

    def _check(self, answer: requests.Response, what: str) -> None:
        status = answer.status_code
        if status < 300:
            return
        said = self._message_of(answer)
        if status in (401, 403):
            msg = (
                f"The registry {self.hostname} refused {what}: check the username and password, and their rights.{said}"
            )
            raise AuthenticationError(msg)
        if status == 404:
            raise RegistryError(f"The registry {self.hostname} does not have {what}.{said}")
        raise RegistryError(f"The registry {self.hostname} answered {status} to {what}.{said}")

    def _message_of(self, answer: requests.Response) -> str:
        try:
            message = str(answer.json()["errors"][0]["message"])
        except (RequestException, ValueError, LookupError, TypeError):
            return ""
        if self._password:
            message = message.replace(self._password.reveal(), "***")
        return f" It says: {printable(message)}"

    def _explain(self, error: RequestException) -> RegistryError:
        if isinstance(error, SSLError):
            why = "does not speak HTTPS with a trusted certificate: set REQUESTS_CA_BUNDLE to its authority's file"
        elif isinstance(error, Timeout):
            connect, read = self._timeout
            seconds = connect if isinstance(error, ConnectTimeout) else read
            why = f"did not answer within {seconds:g} s: try again later"
        else:
            why = "cannot be reached: check its address and that it runs"
        return UnreachableError(f"The registry {self.hostname} {why}.")


class _Body:
    """A file on its way to the registry, read as it is sent."""

    def __init__(self, file: BinaryIO, size: int, progress: Progress | None) -> None:
        self._file, self._size, self._progress = file, size, progress

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(_PIECE), b"")

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        if self._progress:
            self._progress(self._file.tell())
        return piece

    def rewind(self) -> None:
        self._file.seek(0)


def _scope_of(url: str, method: str) -> str:
    match = _REPOSITORY_OF.search(urlsplit(url).path)
    actions = "pull" if method in ("GET", "HEAD") else "pull,push"
    return f"repository:{match[1]}:{actions}" if match else ""


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Stand in for requests' own authentication, which would put the user's .netrc over our headers."""
    return request

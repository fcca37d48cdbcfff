"""What each repository of the registry holds, as small files beside the blob store.

A repository ``a/b`` is the folder ``a/b``. In it lie ``_blobs/<hex>`` (empty), ``_manifests/<hex>`` (the media type),
``_tags/<tag>`` (a digest) and ``_referrers/<hex of the subject>/<hex>`` (a descriptor). No component of a repository's
name begins with ``_``, so these never clash. Each file appears by rename, and the content itself is in the blob store.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

from jupyter_edge.core.files import write_private
from jupyter_edge.oci.blobs import BlobStore, hex_of
from jupyter_edge.oci.manifest import Descriptor
from jupyter_edge.oci.reference import is_tag


class Catalog:
    """Links from repositories to blobs and manifests; names and digests are checked by the caller."""

    def __init__(self, root: Path, blobs: BlobStore) -> None:
        self._root = root
        self._blobs = blobs
        self._lock = threading.Lock()

    def has_blob(self, repository: str, digest: str) -> bool:
        """Tell whether the repository holds the blob."""
        return self._link(repository, "_blobs", digest).is_file() and self._blobs.has(digest)

    def link_blob(self, repository: str, digest: str) -> bool:
        """Make a stored blob part of the repository; false if it is not stored."""
        if not self._blobs.has(digest):
            return False
        link = self._link(repository, "_blobs", digest)
        if not link.is_file():
            _write(link, "")
        return True

    def unlink_blob(self, repository: str, digest: str) -> bool:
        """Take a blob out of the repository; false if it was not there. Its bytes stay in the store."""
        return _remove(self._link(repository, "_blobs", digest))

    def exists(self, repository: str) -> bool:
        """Tell whether anything was ever pushed to the repository."""
        return any((self._root / repository / kind).is_dir() for kind in ("_manifests", "_blobs"))

    def tags(self, repository: str) -> list[str]:
        """Return the repository's tags in ASCII order."""
        folder = self._root / repository / "_tags"
        return sorted(path.name for path in folder.iterdir() if is_tag(path.name)) if folder.is_dir() else []

    def resolve(self, repository: str, tag: str) -> str | None:
        """Return the digest of the manifest that the tag stands for."""
        return _read(self._root / repository / "_tags" / tag)

    def manifest(self, repository: str, digest: str) -> tuple[bytes, str] | None:
        """Return a manifest's bytes and media type."""
        media_type = _read(self._link(repository, "_manifests", digest))
        if media_type is None or not self._blobs.has(digest):
            return None
        with self._blobs.open(digest) as file:
            return file.read(), media_type

    def add_manifest(
        self, repository: str, content: bytes, media_type: str, tag: str | None, referrer: tuple[str, Descriptor] | None
    ) -> str:
        """Store a manifest and return its digest; ``referrer`` is the digest of its subject and its own descriptor."""
        digest = self._blobs.put(content)
        with self._lock:
            if referrer is not None:
                subject, descriptor = referrer
                _write(self._referrers(repository, subject) / hex_of(digest), json.dumps(descriptor))
            _write(self._link(repository, "_manifests", digest), media_type)
            if tag is not None:
                _write(self._root / repository / "_tags" / tag, digest)
        return digest

    def remove_tag(self, repository: str, tag: str) -> bool:
        """Remove a tag; false if there was none."""
        with self._lock:
            return _remove(self._root / repository / "_tags" / tag)

    def remove_manifest(self, repository: str, digest: str) -> bool:
        """Remove a manifest with the tags that stand for it; false if there was none."""
        with self._lock:
            for tag in self.tags(repository):
                if self.resolve(repository, tag) == digest:
                    _remove(self._root / repository / "_tags" / tag)
            for referrer in (self._root / repository / "_referrers").glob(f"*/{hex_of(digest)}"):
                _remove(referrer)
            return _remove(self._link(repository, "_manifests", digest))

    def referrers(self, repository: str, subject: str) -> list[Descriptor]:
        """Return the descriptors of the manifests whose subject is ``subject``."""
        texts = (_read(path) for path in sorted(self._referrers(repository, subject).glob("[0-9a-f]*")))
        return [json.loads(text) for text in texts if text]

    def digests(self) -> Iterator[str]:
        """Yield the digest of every blob and manifest that some repository holds."""
        for kind in ("_blobs", "_manifests"):
            yield from (f"sha256:{path.name}" for path in self._root.glob(f"**/{kind}/[0-9a-f]*"))

    def _link(self, repository: str, kind: str, digest: str) -> Path:
        return self._root / repository / kind / hex_of(digest)

    def _referrers(self, repository: str, subject: str) -> Path:
        return self._root / repository / "_referrers" / hex_of(subject)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, text)


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True

"""Manifests and indexes as OCI image-spec 1.1 writes them: their media types, how they are built and read."""

from __future__ import annotations

import json
from typing import Any

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.oci.blobs import digest_of
from jupyter_edge.oci.reference import is_digest

IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
IMAGE_INDEX = "application/vnd.oci.image.index.v1+json"
MAX_MANIFEST_SIZE = 4 << 20

Descriptor = dict[str, Any]
Manifest = dict[str, Any]


def to_json(value: Any) -> bytes:
    """Return ``value`` as JSON that is the same bytes every time."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def describe(media_type: str, content: bytes) -> Descriptor:
    """Return the descriptor of ``content``."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def parse_manifest(content: bytes) -> Manifest:
    """Read an image manifest or an index, and check that its descriptors are such.

    Raises:
        InvalidInputError: if it is neither.
    """
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict) or not all(_is_descriptor(item) for item in _descriptors(manifest)):
        msg = "This is no OCI image manifest or index: push or publish the artifact again."
        raise InvalidInputError(msg)
    return manifest


def blobs_of(manifest: Manifest) -> list[Descriptor]:
    """Return the descriptors of config and layers, but not of layers that lie elsewhere (``urls``)."""
    found = [manifest["config"]] if manifest.get("config") else []
    return found + [layer for layer in manifest.get("layers") or () if "urls" not in layer]


def manifests_of(manifest: Manifest) -> list[Descriptor]:
    """Return the descriptors of the manifests that an index lists."""
    return list(manifest.get("manifests") or ())


def referrer_of(manifest: Manifest, media_type: str, content: bytes) -> Descriptor | None:
    """Return how a listing of referrers shows this manifest; ``None`` if it has no subject."""
    if not manifest.get("subject"):
        return None
    found = describe(media_type, content)
    kind = manifest.get("artifactType") or (manifest.get("config") or {}).get("mediaType")
    if kind:
        found["artifactType"] = kind
    if manifest.get("annotations"):
        found["annotations"] = manifest["annotations"]
    return found


def _descriptors(manifest: Manifest) -> list[Any]:
    found = [manifest[key] for key in ("config", "subject") if manifest.get(key) is not None]
    for key in ("layers", "manifests"):
        items = manifest.get(key) or []
        found += items if isinstance(items, list) else [items]
    return found


def _is_descriptor(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("mediaType"), str)
        and isinstance(value.get("size"), int)
        and isinstance(value.get("digest"), str)
        and is_digest(value["digest"])
    )


def printable(value: Any) -> str:
    """Return what a registry wrote as text that may be printed: one line, no control characters, not long."""
    return "".join(character for character in str(value)[:200] if character.isprintable())

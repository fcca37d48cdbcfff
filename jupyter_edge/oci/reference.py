"""Addresses of artifacts: ``registry/repository:tag@digest`` (OCI distribution-spec 1.1, "Pulling manifests")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from jupyter_edge.core.errors import DigestError, InvalidInputError
from jupyter_edge.oci.blobs import hex_of

MAX_REPOSITORY_LENGTH = 255
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_REGISTRY = re.compile(r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?")


def is_repository(text: str) -> bool:
    """Tell whether ``text`` may name a repository."""
    return len(text) <= MAX_REPOSITORY_LENGTH and _REPOSITORY.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Tell whether ``text`` may be a tag."""
    return _TAG.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Tell whether ``text`` is a digest, ``sha256:<64 hex>``."""
    try:
        hex_of(text)
    except DigestError:
        return False
    return True


@dataclass(frozen=True)
class Reference:
    """Where an artifact lies; ``str()`` gives the text that was parsed. A digest counts more than a tag."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``host[:port]/repository[:tag][@digest]``.

        Raises:
            InvalidInputError: if the text is anything else.
        """
        name, at, digest = text.partition("@")
        registry, _, path = name.partition("/")
        repository, colon, tag = path.partition(":")
        usable = (
            _REGISTRY.fullmatch(registry) is not None
            and is_repository(repository)
            and (is_tag(tag) or not colon)
            and (is_digest(digest) or not at)
        )
        if not usable:
            msg = (
                f"{text[:300]!r} is no address of an artifact: write host:port/repository:tag or "
                "host:port/repository@sha256:<digest>, without http:// or oci:// before it."
            )
            raise InvalidInputError(msg)
        return cls(registry, repository, tag or None, digest or None)

    @property
    def target(self) -> str:
        """Return what to ask the registry for: the digest, else the tag.

        Raises:
            InvalidInputError: if the reference has neither.
        """
        target = self.digest or self.tag
        if target is None:
            msg = f"{str(self)!r} names no version: add :tag or @sha256:<digest> to it."
            raise InvalidInputError(msg)
        return target

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

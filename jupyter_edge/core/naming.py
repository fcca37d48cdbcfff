"""Names that users give to workspaces, models, pipelines and edges, and ids that we make."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Sequence

from jupyter_edge.core.errors import InvalidInputError

_NAME = re.compile(r"[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?")
_LOWER_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
MAX_NAME_LENGTH = 63
_LISTED = 10


def check_name(kind: str, name: str) -> str:
    """Return ``name`` if it may name a ``kind`` ("workspace", "model", "pipeline", "edge").

    A pipeline's name becomes an OCI repository and a host label, so it is lower case.

    Raises:
        InvalidInputError: with the rule that the name breaks.
    """
    lower = kind == "pipeline"
    pattern = _LOWER_NAME if lower else _NAME
    if isinstance(name, str) and len(name) <= MAX_NAME_LENGTH and pattern.fullmatch(name):
        return name
    rule = "lower-case letters, digits and '-'" if lower else "a letter first, then letters, digits and '-'"
    article = "an" if kind == "edge" else "a"
    msg = (
        f"{name!r} cannot name {article} {kind}: use {rule}, not '-' at the end, at most {MAX_NAME_LENGTH} characters."
    )
    raise InvalidInputError(msg)


def listed(names: Sequence[str]) -> str:
    """Return names for a message: the first ten, and how many more there are."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def new_uuid() -> str:
    """Return a random UUID in its usual text form."""
    return str(uuid.uuid4())


def new_instance_name() -> str:
    """Return the name of one running engine instance, such as ``engine-fc7d5c445-bw7hf``."""
    alphabet = "bcdfghjklmnpqrstvwxz2456789"
    suffix = "".join(secrets.choice(alphabet) for _ in range(5))
    return f"engine-{secrets.token_hex(5)[:9]}-{suffix}"

"""Tokens and passwords: made, stored as hashes, compared in constant time, never shown."""

from __future__ import annotations

import hashlib
import hmac
import secrets


class Secret:
    """A text that neither ``repr`` nor ``str`` nor formatting shows; ``reveal()`` returns it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def matches(self, given: str) -> bool:
        """Compare in constant time; an empty secret matches nothing."""
        return bool(self._text) and hmac.compare_digest(self._text.encode(), given.encode())

    def __repr__(self) -> str:
        return "Secret('***')"


def bearer_token(authorization: str) -> str:
    """Return the token in an Authorization header (RFC 6750, section 2.1); nothing where it holds none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def new_token() -> str:
    """Return a new random token, safe in URLs and headers."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Return the SHA-256 of a random token, fit for storing (random tokens need no slow hash)."""
    return hashlib.sha256(token.encode()).hexdigest()

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
        """Compare in constant time."""
        return hmac.compare_digest(self._text.encode(), given.encode())

    def __repr__(self) -> str:
        return "Secret('***')"


def new_token() -> str:
    """Return a new random token, safe in URLs and headers."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Return the SHA-256 of a random token, fit for storing (random tokens need no slow hash)."""
    return hashlib.sha256(token.encode()).hexdigest()

"""Errors that say what happened, why, and what to do next, in one sentence or two."""

from __future__ import annotations

from typing import ClassVar


class EdgeError(Exception):
    """Base of all errors raised on purpose; ``status`` is the HTTP status that expresses it."""

    status: ClassVar[int] = 500

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows of it: the sentence says what to do, the way it took through our code does not."""
        return [f"{type(self).__name__}: {self}"]


class InvalidInputError(EdgeError):
    """The caller sent something that cannot be used as it is."""

    status = 400


class AuthenticationError(EdgeError):
    """The token or password is missing or wrong."""

    status = 401


class ForbiddenError(EdgeError):
    """The caller is known, or needs no name, and may still not do this."""

    status = 403


class EntityNotFoundError(EdgeError):
    """No workspace, model, pipeline, publish, edge or job of that name or id exists."""

    status = 404


class ConflictError(EdgeError):
    """The request contradicts what is already there: a taken name, an entity in use."""

    status = 409


class TooLargeError(EdgeError):
    """The body is larger than the limit that the message names."""

    status = 413


class StorageFullError(EdgeError):
    """The disk is full; nothing half-written is kept."""

    status = 507


class InferenceError(EdgeError):
    """A pipeline refused an inference request or failed on it."""

    status = 400


class DeploymentError(EdgeError):
    """A deployment did not come up."""


class PublishError(EdgeError):
    """A publish failed."""


class RegistryError(EdgeError):
    """The OCI registry could not be reached or refused."""

    status = 502


class DigestError(RegistryError):
    """Content does not have the digest under which it was asked for."""


class EngineUnavailableError(EdgeError):
    """The engine cannot be reached or started."""

    status = 503


class JobCancelledError(EdgeError):
    """The job was cancelled before it was done."""

    status = 409

"""Whether the engine is up; asks for no token."""

from __future__ import annotations

from fastapi import APIRouter
from typing_extensions import TypedDict

from jupyter_edge.core.version import VERSION

router = APIRouter(prefix="/v1/api", tags=["health"])


class Health(TypedDict):
    """The engine's state and version."""

    status: str
    version: str


@router.get("/health")
async def health() -> Health:
    """Answer, which only a running engine does."""
    return Health(status="ok", version=VERSION)

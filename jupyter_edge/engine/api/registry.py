"""The endpoint that tells where published pipelines lie, and how to log in there."""

from __future__ import annotations

from typing_extensions import TypedDict

from jupyter_edge.engine.api.dependencies import RequestBody, State, json_router

router = json_router("registry")


class RegistryAnswer(TypedDict):
    """The edge registry; ``engine_image_available`` tells whether it holds the image that runs pipelines."""

    registry: str
    username: str | None
    password: str | None
    external: bool
    engine_image_available: bool


@router.post("/get")
def get_registry(_body: RequestBody, state: State) -> RegistryAnswer:
    """Tell the edge registry's address and credentials."""
    registry = state.registry
    return RegistryAnswer(
        registry=registry.address,
        username=registry.username,
        password=registry.password.reveal() if registry.password else None,
        external=registry.external,
        engine_image_available=registry.engine_image_available(),
    )

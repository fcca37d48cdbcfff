"""The engine's HTTP application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Security
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline

from jupyter_edge.core.version import VERSION
from jupyter_edge.engine.api import (
    deployments,
    edge_logs,
    edge_reports,
    edges,
    events,
    health,
    inference,
    jobs,
    logs,
    models,
    pipelines,
    publishes,
    registry,
    uploads,
    users,
    workspaces,
)
from jupyter_edge.engine.api.errors import ErrorBody, add_error_handlers
from jupyter_edge.engine.auth import Guard
from jupyter_edge.engine.state import EngineState
from jupyter_edge.oci.registry import create_registry

_TOKEN = HTTPBearer(auto_error=False, description="The token of the engine's home; `jupyter-edge env` prints it.")
_ROUTERS = (
    workspaces,
    users,
    models,
    uploads,
    pipelines,
    deployments,
    inference,
    logs,
    publishes,
    edges,
    registry,
    jobs,
    events,
)


def create_app(state: EngineState) -> FastAPI:
    """Return the application that answers for an engine: its API, its documentation and its registry."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await state.deployments.start_all()
        tasks = [asyncio.create_task(work()) for work in (state.logs.tidy_for_ever, state.fleet.watch_for_ever)]
        yield
        for task in tasks:
            task.cancel()
        await state.deployments.stop_all()

    app = FastAPIOffline(
        title="jupyter_edge",
        version=VERSION,
        summary="Upload, deploy, publish and watch ONNX pipelines.",
        openapi_url="/v1/api/openapi.json",
        docs_url="/v1/api/docs",
        redoc_url=None,
        static_url="/v1/api/docs/static",
        swagger_ui_oauth2_redirect_url="/v1/api/docs/oauth2-redirect",
        redirect_slashes=False,
        responses={"4XX": {"model": ErrorBody}, "5XX": {"model": ErrorBody}},
        lifespan=lifespan,
    )
    app.state.engine = state
    app.include_router(health.router)
    app.include_router(edge_logs.router)
    app.include_router(edge_reports.router)
    for module in _ROUTERS:
        app.include_router(module.router, dependencies=[Security(_TOKEN)])  # for the documentation: the guard checks it
    app.router.routes.extend(create_registry(state.blobs, state.home.registry, _checker(state)).routes)
    add_error_handlers(app)
    app.add_middleware(Guard, token=state.credentials.token, host=state.host)
    return app


def _checker(state: EngineState) -> Callable[[str, str], bool]:
    """Return what says whether a username and password may use the embedded registry."""
    known = state.credentials

    def check(username: str, password: str) -> bool:
        return username == known.registry_username and known.registry_password.matches(password)

    return check

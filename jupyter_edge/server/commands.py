"""What runs a publish elsewhere, as text to paste."""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado.web import HTTPError, authenticated

from jupyter_edge.server.handlers import EdgeHandler
from jupyter_edge.server.link import EngineProblem


class CommandsHandler(EdgeHandler):
    """The commands of a publish, and of the edge whose bundle it was answered with, if it was with one."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Take ``{publish}``, as the engine answered it, and answer ``{serve, docker, compose, helm}``."""
        try:
            registry = await self.link.ask("registry/get")
        except EngineProblem as problem:
            self.refuse(problem)
            return
        body = self.get_json_body() or {}
        try:
            texts = _render(body["publish"], registry, is_local=self.link.is_local)
        except (KeyError, TypeError, AttributeError):
            raise HTTPError(400, "The field 'publish' is no publish that is complete.") from None
        self.finish(json.dumps(texts))


def _render(publish: dict[str, Any], registry: dict[str, Any], *, is_local: bool) -> dict[str, str]:
    from jupyter_edge.client import commands

    published = commands.PublishedPipeline(
        pipeline_url=publish["pipeline_url"],
        engine_url=publish["engine_url"],
        helm=publish["helm"],
        engine_config=publish["engine_config"],
        registry=registry["registry"],
        image_available=registry["engine_image_available"],
        bundle=publish["docker_run_variables"].get("EDGE_BUNDLE"),
        registry_is_local=is_local,
    )
    return {
        "serve": str(commands.serve_command(published, commands.PORT)),
        "docker": str(commands.docker_run_command(published)),
        "compose": str(commands.compose_file(published)),
        "helm": str(commands.helm_commands(published, None, None)),
    }

"""A contents manager whose files are not on this machine's disk."""

from __future__ import annotations

import base64
from typing import Any

from jupyter_server._tz import utcnow
from jupyter_server.services.contents.manager import AsyncContentsManager
from tornado.web import HTTPError


class Memory(AsyncContentsManager):
    """Files in a dictionary, by their path."""

    files: dict[str, bytes]

    async def get(
        self, path: str, content: bool = True, type: object = None, format: object = None, require_hash: object = False
    ) -> dict[str, Any]:
        if path not in self.files:
            raise HTTPError(404, f"There is no file {path}.")
        size = len(self.files[path])
        moment = utcnow()
        model = {"name": path, "path": path, "type": "file", "size": size, "created": moment, "last_modified": moment}
        return {**model, "content": base64.b64encode(self.files[path]).decode() if content else None}

    async def save(self, model: dict[str, Any], path: str) -> dict[str, Any]:
        self.files[path] = base64.b64decode(model["content"])
        return await self.get(path, content=False)

    async def file_exists(self, path: str = "") -> bool:
        return path in self.files

    async def dir_exists(self, path: str) -> bool:
        return path.strip("/") == ""

    async def is_hidden(self, path: str) -> bool:
        return False

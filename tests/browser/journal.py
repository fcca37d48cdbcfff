"""What a browser tells while a test uses it, kept where the test fails."""

from __future__ import annotations

import time
from pathlib import Path

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Request, Response, WebError

_LAST_LINES, _PRINTED_LETTERS = 15, 1500
_SHOT_MS = 10_000
_SENT_BYTES = 200


class Journal:
    """Lines of what the pages of a browser's context log and ask for, by the seconds since it began."""

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self._begin = time.monotonic()
        self._lines: list[str] = []
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("response", self._on_response)
        context.on("requestfailed", self._on_failure)

    def keep(self, folder: Path, name: str) -> str:
        """Write the lines, and a picture of each page, to files; return where these are, and the last lines."""
        folder.mkdir(parents=True, exist_ok=True)
        text = folder / f"{name}.txt"
        kept = [text]
        for number, page in enumerate(self._context.pages, 1):
            picture = folder / f"{name}-{number}.png"
            try:
                page.screenshot(path=picture, timeout=_SHOT_MS)
                shown = page.locator("body").inner_text(timeout=_SHOT_MS)
                self._add(f"{page.url} shows: {' | '.join(line for line in shown.splitlines() if line.strip())}")
            except Error as error:
                self._add(f"no picture of {page.url}: {error.message}")
            else:
                kept.append(picture)
        text.write_text("\n".join(self._lines))
        return "\n".join([*map(str, kept), *(line[:_PRINTED_LETTERS] for line in self._lines[-_LAST_LINES:])])

    def _add(self, line: str) -> None:
        self._lines.append(f"{time.monotonic() - self._begin:7.2f} {line}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("warning", "error"):
            self._add(f"{message.type}: {message.text}")

    def _on_error(self, error: WebError) -> None:
        self._add(f"not caught: {error.error.message}")

    def _on_response(self, response: Response) -> None:
        request = response.request
        if response.status >= 400 or request.method != "GET" or "/jupyter-edge/" in request.url:
            sent = (request.post_data_buffer or b"")[:_SENT_BYTES].decode(errors="replace")
            self._add(f"{response.status} {request.method} {request.url} {sent}")

    def _on_failure(self, request: Request) -> None:
        self._add(f"failed: {request.method} {request.url}: {request.failure}")

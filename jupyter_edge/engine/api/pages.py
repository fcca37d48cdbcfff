"""What requests and answers of all lists share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from jupyter_edge.engine.api.dependencies import RequestBody
from jupyter_edge.engine.paging import Page, Window

MAX_LIMIT = 1000


class PageRequest(RequestBody):
    """Which part of a list to answer: all of it where nothing is given.

    ``limit`` is the number of rows of a page, ``after`` the ``next`` of the page before, ``name_contains`` a text that
    the rows' names have, whatever their case.
    """

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] | None = None
    after: str | None = None
    name_contains: str | None = None

    def window(self) -> Window:
        """Return the part that is asked for."""
        return Window(self.limit, self.after, self.name_contains)


class Paged(TypedDict, total=False):
    """What the answer to a request with a ``limit`` says besides the rows: ``next`` is null on the last page."""

    next: str | None
    total: int


def paged(page: Page[Any]) -> Paged:
    """Return what the answer says of a page besides its rows."""
    return {} if page.total is None else {"next": page.next, "total": page.total}

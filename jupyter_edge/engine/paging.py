"""Lists in pages: a cursor stands for the last row that was read, so that rows which come and go move no others."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import ColumnElement, Select, func, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.base import ExecutableOption

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.engine.tables import UtcDateTime

Row = TypeVar("Row")


@dataclass(frozen=True)
class Window:
    """What to read of a list: ``limit`` rows, or all, that follow those read before, with a text in their names."""

    limit: int | None = None
    after: str | None = None
    name_contains: str | None = None


EVERYTHING = Window()


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows, the cursor to go on with if there are more, and how many rows there are in all if ``limit`` was given."""

    rows: list[Row]
    next: str | None
    total: int | None


@dataclass(frozen=True)
class Order:
    """The order of a list: by columns that no two rows share and that never change; ``name`` is what to search in."""

    keys: tuple[InstrumentedAttribute[Any], ...]
    name: ColumnElement[str] | InstrumentedAttribute[str]
    descending: bool = False


def read_page(
    session: Session, query: Select[Row], order: Order, window: Window, options: Sequence[ExecutableOption] = ()
) -> Page[Row]:
    """Return the rows of a query that a window shows, loaded with ``options``.

    Raises:
        InvalidInputError: if the cursor is none that a page of such a list had.
    """
    if window.name_contains:
        query = query.where(order.name.icontains(window.name_contains, autoescape=True))
    total = None
    if window.limit is not None:
        total = session.scalar(query.with_only_columns(func.count(), maintain_column_froms=True))
    if window.after is not None:
        place = tuple_(*_values(window.after, order.keys))
        keys = tuple_(*order.keys)
        query = query.where(keys < place if order.descending else keys > place)
    query = query.order_by(*(key.desc() if order.descending else key for key in order.keys)).options(*options)
    if window.limit is None:
        return Page(list(session.scalars(query)), None, None)
    rows = list(session.scalars(query.limit(window.limit + 1)))
    more = len(rows) > window.limit
    del rows[window.limit :]
    return Page(rows, _cursor(rows[-1], order.keys) if more else None, total)


def _cursor(row: object, keys: Sequence[InstrumentedAttribute[Any]]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([getattr(row, key.key) for key in keys])).decode()


def _values(cursor: str, keys: Sequence[InstrumentedAttribute[Any]]) -> list[ColumnElement[Any]]:
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor))
        return [literal(_read(value, key), key.type) for value, key in zip(values, keys, strict=True)]
    except (ValueError, TypeError):
        msg = f"The cursor {cursor[:80]!r} is none of this list: give the `next` of the page before, or no `after`."
        raise InvalidInputError(msg) from None


def _read(value: object, key: InstrumentedAttribute[Any]) -> object:
    if isinstance(key.type, UtcDateTime):
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
    if not isinstance(value, key.type.python_type) or (isinstance(value, int) and value >= 1 << 63):
        raise TypeError(value)
    return value

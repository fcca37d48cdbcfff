"""Tables of one object (two columns) and of many (a row each), as escaped HTML and as plain text.

No script and no style sheet: a notebook that is not trusted drops them, and so do GitHub and nbviewer.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
_SAFE_HREF = re.compile(r"https?://[A-Za-z0-9][-A-Za-z0-9._:/@\[\]]*")


@dataclass(frozen=True)
class Link:
    """Text that is a link where its target is a plain web address, and mere text where it is not."""

    text: str
    href: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Block:
    """Text of several lines that keeps its line breaks."""

    text: str

    def __str__(self) -> str:
        return self.text


class Details(ABC):
    """Mix-in of objects that show as a two-column table; ``details()`` gives its rows."""

    _heading_tag = "th"

    @abstractmethod
    def details(self) -> dict[str, object]:
        """Return the rows of the table: heading to value."""

    def _repr_html_(self) -> str:
        tag = self._heading_tag
        rows = (f"<tr><{tag}>{escape(key)}</{tag}> {_cell(value)}</tr>" for key, value in self.details().items())
        return f"<table>{''.join(rows)}</table>"

    def __str__(self) -> str:
        rows = self.details()
        width = max(map(len, rows), default=0)
        return "\n".join(f"{key:<{width}}  {_indented(str(value), width + 2)}" for key, value in rows.items())


class Listing(list[T]):
    """A list that shows as a table; ``row`` gives an item's cells, one for each of ``columns``."""

    def __init__(self, items: Iterable[T], columns: Sequence[str], row: Callable[[T], Sequence[object]]) -> None:
        super().__init__(items)
        self._columns = list(columns)
        self._row = row

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(column)}</th>" for column in self._columns)
        rows = ("".join(_cell(value) for value in self._row(item)) for item in self)
        return f"<table><tr>{head}</tr>{''.join(f'<tr>{cells}</tr>' for cells in rows)}</table>"

    def __repr__(self) -> str:
        lines = [self._columns, *([str(value) for value in self._row(item)] for item in self)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
        return "\n".join(line.rstrip() for line in padded)

    def to_pandas(self) -> pd.DataFrame:
        """Return the table as a DataFrame."""
        import pandas as pd

        rows: list[list[Any]] = [[_plain(value) for value in self._row(item)] for item in self]
        return pd.DataFrame(rows, columns=self._columns)


def table_time(moment: datetime | None) -> str:
    """Write a moment as single-object tables do: ``2023-10-31 20:36:33.629569+00:00``."""
    return "None" if moment is None else moment.isoformat(" ", "microseconds")


def list_time(moment: datetime | None) -> str:
    """Write a moment as lists do: year, day, month (``2023-11-Oct 15:06:07``)."""
    return "None" if moment is None else moment.strftime("%Y-%d-%b %H:%M:%S")


def _cell(value: object) -> str:
    text = escape(str(value))
    if isinstance(value, Link) and _SAFE_HREF.fullmatch(value.href):
        return f"<td><a href='{value.href}'>{text}</a></td>"
    if isinstance(value, Block):  # JupyterLab aligns cells to the right, and what is in them
        return f"<td><pre style='text-align: left'>{text}</pre></td>"
    return f"<td>{text}</td>"


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Link | Block) else value


def _indented(text: str, width: int) -> str:
    return text.replace("\n", "\n" + " " * width)

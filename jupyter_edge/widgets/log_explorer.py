"""The log of a pipeline as a table that turns its pages, however many rows there are."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import pyarrow as pa
import traitlets

from jupyter_edge.client.log_charts import spread_chart
from jupyter_edge.client.log_pages import LogPages, Spread, is_number
from jupyter_edge.client.logs import LogQuery, Page, export_logs
from jupyter_edge.core.errors import EdgeError, InvalidInputError
from jupyter_edge.widgets.front_end import script, stylesheet

if TYPE_CHECKING:
    from jupyter_edge.client.pipeline import Pipeline

_LONGEST_CELL = 120
_LIST_ITEMS = 3
_LARGE_ROW = 50_000
_NOTES = {
    "SchemaChange": "The page ends where the columns change.",
    "ByteLimited": "The page is short, as its rows are large.",
}


@dataclass(frozen=True)
class View:
    """What the table shows: of all partitions and columns where none is named, times in UTC without a zone."""

    partition: str = ""
    start: str = ""
    end: str = ""
    columns: Sequence[str] = ()
    oldest_first: bool = False

    def query(self) -> LogQuery:
        """Return the query of these rows.

        Raises:
            InvalidInputError: if a time cannot be read.
        """
        ranged = bool(self.start or self.end)
        return LogQuery(
            start=_moment(self.start, "1970-01-01") if ranged else None,
            end=_moment(self.end, "2262-01-01") if ranged else None,
            dataset=[*self.columns] or ["*", "metadata"],
            partitions=[self.partition] if self.partition else [],
            oldest_first=self.oldest_first,
        )


class LogExplorer(anywidget.AnyWidget):
    """A table over all rows of a pipeline's log, read from the engine a page at a time.

    It is filtered by partition, time and columns, shows how the values of a column are spread, and exports what it
    shows. Where no widget can run there is the first page as a table, and the spread of a column as a picture.

    Args:
        pipeline: whose log.
        page_rows: how many rows a page has.
    """

    _esm = script("log_explorer")
    _css = stylesheet("log_explorer")
    _title = traitlets.Unicode().tag(sync=True)
    _partitions = traitlets.Dict().tag(sync=True)
    _columns = traitlets.List(traitlets.Unicode()).tag(sync=True)
    _view = traitlets.Dict().tag(sync=True)
    _page = traitlets.Dict().tag(sync=True)
    _spread = traitlets.Dict().tag(sync=True)
    _message = traitlets.Dict().tag(sync=True)
    _answered = traitlets.Int().tag(sync=True)

    def __init__(self, pipeline: Pipeline, *, page_rows: int = 25) -> None:
        if page_rows < 1:
            msg = f"page_rows is {page_rows}: a page has at least one row."
            raise InvalidInputError(msg)
        self._pipeline = pipeline
        self._page_rows = page_rows
        self._pages = LogPages(pipeline._client.transport, pipeline.id())
        self._shown = View()
        self._kinds: dict[str, pa.DataType] = {}
        self._choice: tuple[str, int | None] = ("", None)
        self._counted: Spread | None = None
        super().__init__(_title=f"Log of pipeline {pipeline.name()}")
        self.on_msg(self._handle)
        self.refresh()

    def refresh(self) -> None:
        """Read what there is now, and go to the first page."""
        self._partitions = self._pages.partitions()
        newest, oldest = self._pages.sample(), self._pages.sample(oldest=True)
        self._kinds |= {field.name: field.type for field in [*oldest.schema, *newest.schema]}
        self._columns = list(dict.fromkeys([*newest.column_names, *oldest.column_names]))
        if not self._shown.columns:
            self._shown = replace(self._shown, columns=_first_columns(newest))
            self._choice = (next((name for name in newest.column_names if name.startswith("out.")), ""), None)
        self._show(self._shown)

    def __repr__(self) -> str:
        rows = sum(self._partitions.values())
        places = len(self._partitions)
        heading = f"{self._title}: {rows:,} rows of {places} partition{'' if places == 1 else 's'}"
        return f"{heading}\n{self._counted}" if self._counted else heading

    def _repr_mimebundle_(self, **options: Any) -> Any:
        data, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        data |= {"text/plain": repr(self), "text/html": self._repr_html_()}
        if self._counted:
            data["image/png"] = base64.b64encode(spread_chart(self._counted)._repr_png_()).decode()
        return data, metadata

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in self._page["columns"])
        rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self._page["rows"])
        chart = spread_chart(self._counted)._repr_html_() if self._counted else ""
        return f"<p>{escape(repr(self).partition(chr(10))[0])}</p><table><tr>{head}</tr>{rows}</table>{chart}"

    def _handle(self, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        """Do what a message of the browser asks for; tell it in every case that it was done."""
        acts: dict[str, Callable[..., None]] = {
            "refresh": self.refresh,
            "show": lambda view: self._show(View(**view)),
            "page": self._turn,
            "spread": self._count,
            "export": self._export,
        }
        self._message = {}
        try:
            acts[content["act"]](**content.get("with", {}))
        except (EdgeError, OSError) as error:
            self._message = {"error": str(error)}
        self._answered += 1

    def _show(self, view: View) -> None:
        self._pages.start(view.query(), self._page_rows)
        self._shown = view
        self._view = {**vars(view), "columns": list(view.columns)}
        self._turn(0)
        self._count(*self._choice)

    def _turn(self, number: int) -> None:
        self._page = {"number": number, **_as_text(self._pages.read(number))}

    def _count(self, column: str, element: int | None = None) -> None:
        self._choice = (column, element)
        self._counted = self._pages.spread(column, element) if column else None
        self._spread = {
            "column": column,
            "element": element,
            "isList": pa.types.is_list(self._kinds.get(column, pa.null())),
        }
        if self._counted:
            counts = {"counts": self._counted.counts, "labels": self._counted.labels(), "text": str(self._counted)}
            self._spread = {**self._spread, **counts}

    def _export(self, folder: str, kind: str) -> None:
        transport, pipeline = self._pipeline._client.transport, self._pipeline
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            paths = export_logs(
                transport,
                pipeline.id(),
                self._shown.query(),
                Path(folder or "logs").expanduser(),
                pipeline.name(),
                arrow=kind == "arrow",
                data_size_limit="100MiB",
            )
        files = ", ".join(str(path.resolve()) for path in paths) or "no file: there are no such rows"
        self._message = {"done": " ".join([f"Written: {files}.", *(str(warning.message) for warning in warned)])}


def _moment(text: str, otherwise: str) -> datetime:
    try:
        return datetime.fromisoformat(text or otherwise).replace(tzinfo=UTC)
    except ValueError:
        msg = f"{text!r} is no time: write it as 2024-01-31T12:00:00, in UTC."
        raise InvalidInputError(msg) from None


def _first_columns(row: pa.Table) -> list[str]:
    """Return what is shown at first: no metadata but who answered and how fast, and no inputs as large as pictures."""
    large = row.nbytes > _LARGE_ROW
    usual = [name for name in row.column_names if not name.startswith(("metadata.", "in.") if large else "metadata.")]
    return usual + [name for name in ("metadata.partition", "metadata.elapsed") if name in row.column_names]


def _as_text(page: Page) -> dict[str, Any]:
    """Return a page as the browser shows it."""
    names = page.rows.column_names
    columns = [[_cell(name, value) for value in page.rows[name]] for name in names]
    return {
        "columns": names,
        "numeric": [name != "time" and is_number(page.rows[name].type) for name in names],
        "rows": [list(row) for row in zip(*columns, strict=True)],
        "more": page.next is not None,
        "note": _NOTES.get(page.status, ""),
    }


def _cell(name: str, value: pa.Scalar) -> str:
    if name == "time" and value.is_valid:
        moment = datetime.fromtimestamp(value.as_py() / 1000, UTC)
        return moment.isoformat(" ", "milliseconds").removesuffix("+00:00")
    if name == "check_failures":
        return str(len(value.values) if value.is_valid else 0)
    text = _short(value)
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"


def _short(value: pa.Scalar) -> str:
    """Write a value, of a long list its first ones and how many there are, without reading the others."""
    if not value.is_valid:
        return "–"
    if pa.types.is_list(value.type):
        items = value.values
        shown = ", ".join(_short(item) for item in items[:_LIST_ITEMS])
        return f"[{shown}]" if len(items) <= _LIST_ITEMS else f"[{shown}, … {len(items):,} in all]"
    return f"{value.as_py():.6g}" if pa.types.is_floating(value.type) else str(value.as_py())

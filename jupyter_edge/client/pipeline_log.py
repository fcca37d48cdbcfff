"""What a pipeline's log is asked: rows, files, pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jupyter_edge.client.panels import load_panel
from jupyter_edge.client.twins import reading, show_twin, workspace_name
from jupyter_edge.display.twins import Command, call_code, download, post

if TYPE_CHECKING:
    from jupyter_edge.client.client import Client
    from jupyter_edge.client.log_charts import Latency
    from jupyter_edge.client.logs import LogQuery
    from jupyter_edge.display.charts import Chart


class PipelineLog(ABC):
    """The part of a pipeline that reads its log."""

    _client: Client

    @abstractmethod
    def id(self) -> int:
        """Return the pipeline's id."""

    @abstractmethod
    def name(self) -> str:
        """Return the pipeline's name."""

    @abstractmethod
    def workspace_id(self) -> int:
        """Return the id of the pipeline's workspace."""

    def logs(  # noqa: PLR0913 (the parameters of the documented call)
        self,
        limit: int | None = None,
        *,
        start_datetime: datetime | None = None,
        end_datetime: datetime | None = None,
        dataset: Sequence[str] | None = None,
        dataset_exclude: Sequence[str] | None = None,
        arrow: bool = False,
    ) -> Any:
        """Return logged rows, of the engine and of all edges, as a DataFrame or an Arrow table.

        The newest 100 come first; with both times, the rows between them, oldest first. A warning says where there
        are more rows, or where large inputs were left out. ``dataset=["*", "metadata"]`` adds the metadata.
        """
        from jupyter_edge.client.logs import LogQuery, read_logs

        query = LogQuery(limit, start_datetime, end_datetime, dataset, dataset_exclude)
        return read_logs(self._client.transport, self.id(), query, arrow=arrow)

    def show_logs(  # noqa: PLR0913 (the kind, and the parameters of logs)
        self,
        kind: str,
        limit: int | None = None,
        *,
        start_datetime: datetime | None = None,
        end_datetime: datetime | None = None,
        dataset: Sequence[str] | None = None,
        dataset_exclude: Sequence[str] | None = None,
    ) -> Command:
        """Return a command that reads the rows of ``logs()`` from outside: ``curl`` or ``python``.

        Curl prints whole rows as JSON; where columns are chosen, it puts them into ``<pipeline>.arrow``.
        """
        from jupyter_edge.client.logs import LogQuery

        query = LogQuery(limit, start_datetime, end_datetime, dataset, dataset_exclude)
        code = call_code(
            f"client.get_pipeline({self.name()!r}).logs",
            limit=limit,
            start_datetime=start_datetime,
            end_datetime=end_datetime,
            dataset=dataset,
            dataset_exclude=dataset_exclude,
        )
        request = self._request_for_logs(query)
        twins = reading(request, f"print({code})", lambda: workspace_name(self._client, self.workspace_id()))
        return show_twin("A log", twins, kind)

    def _request_for_logs(self, query: LogQuery) -> str:
        from jupyter_edge.client.logs import topic_of

        if query.dataset or query.exclude:
            topic = topic_of(self._client.transport, self.id())
            parameters = urlencode(query.parameters(query.page_limit))
            return download(f"logs/topic/{topic}/records?{parameters}", f"{self.name()}.arrow")
        body: dict[str, object] = {"workspace_id": self.workspace_id(), "pipeline_name": self.name()}
        body |= {"page_size": query.page_limit} if query.page_limit else {}
        if query.start is None or query.end is None:
            return post("pipelines/get_logs", body | {"order": "desc"})
        times = {"start_time": query.start, "end_time": query.end}
        return post("pipelines/get_logs", body | {name: time.astimezone().isoformat() for name, time in times.items()})

    def export_logs(  # noqa: PLR0913 (the parameters of the documented call)
        self,
        directory: str | Path = "logs",
        file_prefix: str | None = None,
        *,
        limit: int | None = None,
        start_datetime: datetime | None = None,
        end_datetime: datetime | None = None,
        dataset: Sequence[str] | None = None,
        dataset_exclude: Sequence[str] | None = None,
        arrow: bool = False,
        data_size_limit: str = "100MiB",
    ) -> None:
        """Write logged rows to ``<directory>/<file_prefix>-<n>.json`` (JSON Lines, flat columns) or ``.arrow`` files.

        Rows, columns and order are those of ``logs()``, without its limit; ``time`` stays milliseconds since the
        epoch in JSON. A new file starts where the columns change; files of the same name are replaced.
        """
        from jupyter_edge.client.logs import LogQuery, export_logs

        query = LogQuery(limit, start_datetime, end_datetime, dataset, dataset_exclude)
        export_logs(
            self._client.transport,
            self.id(),
            query,
            Path(directory).expanduser(),
            file_prefix or self.name(),
            arrow=arrow,
            data_size_limit=data_size_limit,
        )

    def latency(
        self,
        limit: int | None = None,
        *,
        start_datetime: datetime | None = None,
        end_datetime: datetime | None = None,
    ) -> Latency:
        """Return how long logged rows took, by who answered: a histogram that also has ``percentiles()``.

        It is what the log's ``metadata.elapsed`` says, of the newest 10,000 rows or of the first ``limit`` between two
        times: from the input's bytes to the last step's output, without the way over the network.
        """
        from jupyter_edge.client.log_charts import Latency

        return Latency(self.name(), self._timings(limit, start_datetime, end_datetime))

    def plot_logs(
        self,
        limit: int | None = None,
        *,
        start_datetime: datetime | None = None,
        end_datetime: datetime | None = None,
    ) -> Chart:
        """Return a chart of how many rows were logged and how long they took, over time; rows as in ``latency()``.

        ``logs().plot()`` is another thing: a plain DataFrame's own plot of its columns of numbers and times, which of
        most models are ``time`` and ``check_failures`` alone, as outputs are lists.
        """
        from jupyter_edge.client.log_charts import plot_timings

        return plot_timings(self.name(), self._timings(limit, start_datetime, end_datetime))

    def explore_logs(self, page_rows: int = 25) -> Any:
        """Return the widget that pages through the whole log, filters it, and shows how a column is spread."""
        return load_panel("LogExplorer")(self, page_rows=page_rows)

    def _timings(self, limit: int | None, start: datetime | None, end: datetime | None) -> Any:
        from jupyter_edge.client.log_charts import read_timings
        from jupyter_edge.client.logs import LogQuery

        return read_timings(self._client.transport, self.id(), LogQuery(limit, start, end))

"""What takes rows and answers them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from jupyter_edge.client.inference import Request
    from jupyter_edge.client.load_profile import Profile

_SECONDS = 60.0


class InferenceTarget(ABC):
    """Mix-in of what takes rows: a pipeline that is deployed, or an edge that runs here."""

    @abstractmethod
    def _send(self, request: Request, query: Sequence[tuple[str, str]], timeout: float | None) -> bytes:
        """Send a request and return the body of its answer."""

    @abstractmethod
    def _address(self) -> tuple[str, dict[str, str]]:
        """Return where requests go, and the headers that let them in."""

    @abstractmethod
    def _described(self) -> str:
        """Return what this is, in words."""

    def infer(
        self,
        tensor: pd.DataFrame | pa.Table | dict[str, Any] | list[Any],
        dataset: Sequence[str] | None = None,
        dataset_exclude: Sequence[str] | None = None,
        timeout: float | None = _SECONDS,
    ) -> Any:
        """Send rows and return the answer, in the kind that was sent.

        A DataFrame answers with a DataFrame: ``time`` (``datetime64[ms]``), ``in.<column>``, ``out.<name>`` and
        ``check_failures`` (how many). It travels as Arrow, unless Arrow cannot say what it holds (rows of several
        shapes, objects, mixed values), and the answer is the same either way. Tensors in it are lists; to rows that
        hold large ones, such as pictures, they are flat NumPy arrays. An Arrow table answers with a table of the same
        columns. A dict maps each column to its rows, a list or an array; a list holds a dict for each row; both are
        answered with the list of records that the pipeline sends, as it is.

        Args:
            tensor: the rows; columns are named as ``tensor_fields`` says, further columns are echoed.
            dataset: which columns to return: ``"*"``, ``"time"``, ``"out"``, ``"metadata.elapsed"`` ...
            dataset_exclude: which columns to leave out.
            timeout: seconds to wait; ``None`` waits for ever.

        Raises:
            DeploymentError: if nothing is there to answer.
            InferenceError: with the reason why the pipeline refused.
        """
        from jupyter_edge.client.inference import request_of  # with pandas, which takes half a second

        return self._infer(request_of(tensor), dataset, dataset_exclude, timeout)

    def infer_from_file(
        self,
        path: str | Path,
        dataset: Sequence[str] | None = None,
        dataset_exclude: Sequence[str] | None = None,
        timeout: float | None = _SECONDS,
    ) -> Any:
        """Send a file as it is: ``.json`` of pandas records returns a DataFrame, ``.arrow`` returns an Arrow table."""
        from jupyter_edge.client.inference import request_of_file

        return self._infer(request_of_file(path), dataset, dataset_exclude, timeout)

    def profile(
        self,
        data: pd.DataFrame | pa.Table | dict[str, Any] | list[Any] | str | Path,
        concurrency: Sequence[int] = (1, 2, 4, 8),
        seconds: float = 2.0,
        requests: int = 5000,
    ) -> Profile:
        """Measure throughput and latency: send the same rows again and again, more and more at once.

        The rows are real ones, in the log as any others. An interrupt returns what was measured until then.

        Args:
            data: the rows of each request, as ``infer`` takes them, or the path of a file with them.
            concurrency: how many requests to have under way, for each step.
            seconds: how long each step sends.
            requests: how many requests each step sends at most.

        Raises:
            DeploymentError: if nothing is there to answer.
            InferenceError: with the reason why the pipeline refused the rows.
            InvalidInputError: for data or bounds that cannot be.
        """
        from jupyter_edge.client.load_generator import Target
        from jupyter_edge.client.load_profile import Bounds, measure_load, request_to_repeat

        bounds = Bounds(concurrency, seconds, requests)
        request = request_to_repeat(data)
        rows = len(self._infer(request, None, None, _SECONDS))
        url, headers = self._address()
        target = Target(url, request.body, {**headers, **request.headers}, tuple(request.query))
        return measure_load(self._described(), target, rows, bounds)

    def _infer(
        self,
        request: Request,
        dataset: Sequence[str] | None,
        exclude: Sequence[str] | None,
        timeout: float | None,
    ) -> Any:
        from jupyter_edge.client.inference import selection

        query = selection(dataset, exclude) if request.selects else []
        return request.read(self._send(request, query, timeout))

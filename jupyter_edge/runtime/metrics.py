"""What a runtime counts of its own work, and how Prometheus reads it."""

from __future__ import annotations

import itertools
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from jupyter_edge.core.records import LogSink

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_PREFIX = "jupyter_edge_"
_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ROWS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0, 16384.0, 65536.0)


class _Histogram:
    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        """Return upper bounds with the numbers of values up to them."""
        bounds = [*map(str, self.bounds), "+Inf"]
        return list(zip(bounds, itertools.accumulate(self.counts), strict=True))


class _Families(NamedTuple):
    """A collector, as the library asks for one."""

    collect: Callable[[], Iterator[Metric]]


class Metrics:
    """Counts requests, rows and batches: adding to a number is all that a request pays for it.

    Args:
        labels: what every sample is labelled with, such as the pipeline.
        sink: the log, asked for its backlog when the metrics are read.
    """

    def __init__(self, labels: dict[str, str], sink: LogSink) -> None:
        self._labels = labels
        self._sink = sink
        self._lock = threading.Lock()
        self._statuses: Counter[int] = Counter()
        self._latency = _Histogram(_SECONDS)
        self.requests = 0
        """Inference requests answered, with those that were refused or failed, which are ``errors``."""
        self.errors = 0
        self._batches = _Histogram(_ROWS)
        self.queue_length: Callable[[], int] = lambda: 0
        """How many requests wait for their turn; set by whoever keeps the queue."""

    def count_answer(self, status: int, seconds: float | None) -> None:
        """Count an answered request, and how long it took from its last byte on if it asked for an inference.

        Only ever called from one thread.
        """
        self._statuses[status] += 1
        if seconds is not None:
            self.requests += 1
            self.errors += status >= 400
            self._latency.add(seconds)

    def count_batch(self, rows: int) -> None:
        """Count a run of the pipeline; called from any thread."""
        with self._lock:
            self._batches.add(rows)

    def expose(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics and their media type: Prometheus' text format, or OpenMetrics where Accept prefers it."""
        # Imported when first asked, because serving does not need it.
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import choose_encoder

        registry = CollectorRegistry()
        registry.register(_Families(self._families))
        encode, media_type = choose_encoder(accept)
        return encode(registry), media_type

    def _families(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        names, values = list(self._labels), list(self._labels.values())
        requests = CounterMetricFamily(f"{_PREFIX}requests", "Requests answered.", labels=[*names, "status"])
        for status, count in sorted(self._statuses.items()):
            requests.add_metric([*values, str(status)], count)
        yield requests
        for name, text, histogram in (
            ("inference_seconds", "Time from an inference request's last byte to its answer.", self._latency),
            ("batch_rows", "Rows that the pipeline ran on at once.", self._batches),
        ):
            distribution = HistogramMetricFamily(_PREFIX + name, text, labels=names)
            distribution.add_metric(values, histogram.buckets(), histogram.sum)
            yield distribution
        for family, name, text, value in (
            (CounterMetricFamily, "rows", "Rows that the pipeline ran on.", self._batches.sum),
            (GaugeMetricFamily, "queue_length", "Requests that wait for their turn.", self.queue_length()),
            (GaugeMetricFamily, "log_backlog_rows", "Logged rows not yet taken over.", self._sink.backlog()),
            (CounterMetricFamily, "log_dropped_rows", "Rows that the log lost.", self._sink.dropped_rows),
        ):
            sample = family(_PREFIX + name, text, labels=names)
            sample.add_metric(values, value)
            yield sample

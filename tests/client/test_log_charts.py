from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jupyter_edge.client import InvalidInputError, Pipeline
from jupyter_edge.client.log_charts import Latency, plot_timings, spread_chart
from jupyter_edge.client.log_pages import Spread
from jupyter_edge.vision import read_image

BLUE = (31, 119, 180)


def timings(partitions: int = 2, rows: int = 50) -> pd.DataFrame:
    """Rows of several partitions a second apart, each partition ten times slower than the one before."""
    parts = []
    for number in range(partitions):
        total = np.linspace(1, 2, rows) * 10.0**number
        times = pd.date_range("2026-01-31", periods=rows, freq="s", tz="UTC")
        parts.append(pd.DataFrame({"time": times, "partition": f"edge-{number}", "parse": total / 4, "total": total}))
    return pd.concat(parts, ignore_index=True).sort_values("time", kind="stable", ignore_index=True)


def legend(html: str) -> list[str]:
    return sorted(set(re.findall(r">(edge-\d|others)<", html)))


def is_drawn(chart: Any) -> bool:
    return bool((read_image(chart._repr_png_()) == BLUE).all(axis=2).any())


def test_percentiles_are_of_each_partition_and_of_all() -> None:
    found = Latency("fraud", timings()).percentiles()
    assert found.index.tolist() == ["edge-0", "edge-1", "all"]
    assert found["rows"].tolist() == [50, 50, 100]
    np.testing.assert_allclose(found.loc["edge-1", ["p50", "p90", "p99", "max"]].astype(float), [15, 19, 19.9, 20])


def test_a_latency_is_read_drawn_and_computed_with() -> None:
    latency = Latency("fraud", timings())
    assert repr(latency).startswith(
        "Latency of pipeline fraud: 100 rows from 2026-01-31 00:00:00.000 to 2026-01-31 00:00:49.000 UTC"
    )
    assert "edge-1    50" in repr(latency)
    assert is_drawn(latency)
    assert legend(latency._repr_html_()) == ["edge-0", "edge-1"]
    frame = latency.to_pandas()
    frame["total"] = 0
    assert latency.percentiles().loc["all", "max"] == 20


def test_many_partitions_are_drawn_as_the_largest_and_others() -> None:
    assert legend(Latency("fraud", timings(9))._repr_html_()) == [
        "edge-0",
        "edge-1",
        "edge-2",
        "edge-3",
        "edge-4",
        "others",
    ]


def test_rows_over_time_are_counted_in_equal_spans() -> None:
    chart = plot_timings("fraud", timings())
    lines = repr(chart).splitlines()
    assert lines[1].split() == ["rows", "p50", "p99"]
    assert sum(int(line.split()[2]) for line in lines[2:]) == 100
    assert is_drawn(chart)


@pytest.mark.parametrize("rows", [0, 1])
def test_hardly_any_rows_are_drawn_too(rows: int) -> None:
    few = timings(1, rows)
    for chart in (Latency("fraud", few), plot_timings("fraud", few)):
        assert chart._repr_png_()
        assert ("no rows" if rows == 0 else "1 row ") in repr(chart)


def test_a_rate_is_of_a_second_at_least() -> None:
    burst = timings(1, 50)
    burst["time"] = pd.date_range("2026-01-01", periods=50, freq="1ms", tz="UTC")
    assert [line.split()[2] for line in repr(plot_timings("fraud", burst)).splitlines()[2:]] == ["50"]


def test_a_log_s_own_plot_is_of_its_numbers_and_times(deployed: Pipeline) -> None:
    deployed.infer(pd.DataFrame({"tensor": [[0.0] * 29] * 3}))
    logs = deployed.logs()
    assert [line.get_label() for line in logs.plot().get_lines()] == ["time", "check_failures"]
    (line,) = logs.plot(x="time", y="check_failures").get_lines()
    np.testing.assert_array_equal(line.get_ydata(), logs["check_failures"])


def test_spreads_of_numbers_words_times_and_nothing_are_drawn() -> None:
    hour = 3_600_000.0
    for spread in (
        Spread("out.x", 3, True, [1, 2], edges=[0.0, 0.5, 1.0]),
        Spread("metadata.partition", 3, True, [1, 2], words=["edge-1 $x$ & <b>", "y" * 500]),
        Spread("time", 3, True, [1, 2], edges=[0.0, hour, 2 * hour]),
    ):
        assert is_drawn(spread_chart(spread))
        assert "<b>" not in spread_chart(spread)._repr_html_()
    assert not is_drawn(spread_chart(Spread("out.x", 0, True, [])))


def test_the_latency_of_a_deployment_comes_from_its_log(deployed: Pipeline) -> None:
    assert "no rows" in repr(deployed.latency())
    before = datetime.now(UTC)
    deployed.infer(pd.DataFrame({"tensor": [[0.0] * 29] * 3}))
    deployed.infer(pd.DataFrame({"tensor": [[1.0] * 29]}))
    latency = deployed.latency()
    frame = latency.to_pandas()
    assert frame.columns.tolist() == ["time", "partition", "parse", "step 1", "total"]
    assert len(frame) == 4
    assert frame["time"].is_monotonic_increasing
    elapsed = deployed.logs(dataset=["metadata.elapsed"])["metadata.elapsed"]
    np.testing.assert_allclose(sorted(frame["total"]), sorted(sum(parts) / 1e6 for parts in elapsed))
    assert len(deployed.latency(limit=1).to_pandas()) == 1
    hour = timedelta(hours=1)
    assert "no rows" in repr(deployed.plot_logs(start_datetime=before - 2 * hour, end_datetime=before - hour))
    assert "4 rows" in repr(deployed.plot_logs(start_datetime=before, end_datetime=before + hour))
    with pytest.raises(InvalidInputError, match="at most 100000"):
        deployed.latency(limit=100_001)


def test_a_log_s_own_plot_stays_that_of_pandas(deployed: Pipeline) -> None:
    deployed.infer(pd.DataFrame({"tensor": [[0.0] * 29] * 3}))
    logs = deployed.logs()
    assert type(logs) is pd.DataFrame
    assert [line.get_label() for line in logs.plot(x="time").get_lines()] == ["check_failures"]

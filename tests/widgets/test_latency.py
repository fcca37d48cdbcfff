from __future__ import annotations

import pandas as pd

from jupyter_edge.client import Client, Pipeline
from jupyter_edge.widgets.latency import Latency, read_latency


def test_the_words_give_the_median_and_the_slow_end_and_the_line_each_row() -> None:
    latency = Latency()
    latency.show(tuple(float(time) for time in range(1, 102)))
    assert "Median 51 ms, 99th percentile 100 ms, of the last 101 rows." in latency.words.value
    assert latency.line.values == [float(time) for time in range(1, 102)]
    assert latency.line.layout.display is None


def test_one_row_is_no_line_and_no_deployment_says_nothing() -> None:
    latency = Latency()
    latency.show((2.0,))
    assert "Median 2 ms" in latency.words.value
    assert "one row so far" in latency.words.value
    assert latency.line.layout.display == "none"
    latency.show(())
    assert "No inference yet" in latency.words.value
    latency.show(None)
    assert latency.words.value == ""


def test_the_rows_of_the_line_are_those_of_the_histogram(client: Client, deployed: Pipeline) -> None:
    for _ in range(3):
        deployed.infer(pd.DataFrame({"tensor": [[0.5] * 29] * 2}))
    assert list(read_latency(client, deployed.id())) == deployed.latency().to_pandas()["total"].tolist()

from __future__ import annotations

import re
from xml.etree import ElementTree

from jupyter_edge.widgets.latency import Latency


def test_the_words_give_the_median_and_the_slow_end() -> None:
    times = tuple(float(time) for time in range(1, 102))
    assert Latency(times).words() == "Latency of the last 101 rows: median 51.00 ms, 95th percentile 96.00 ms."
    assert "No inference yet" in Latency(()).words()
    assert Latency((2.0,)).words().startswith("Latency of the last row: median 2.00 ms")


def test_the_line_runs_from_the_oldest_row_to_the_newest_and_from_zero() -> None:
    html = Latency((1.0, 4.0, 2.0)).html()
    (svg,) = re.findall("<svg.*</svg>", html)
    (line,) = list(ElementTree.fromstring(svg))
    points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    assert [x for x, _ in points] == [0.0, 120.0, 240.0]
    heights = [32 - y for _, y in points]
    assert heights[1] == max(heights) <= 32
    assert "svg" not in Latency((1.0,)).html()
    assert "svg" in Latency((0.0, 0.0)).html()

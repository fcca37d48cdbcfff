from __future__ import annotations

import base64
import json
import math

import pytest

from jupyter_edge.vision import read_image
from jupyter_edge.widgets.charts import Sparkline

BLUE = (31, 119, 180)


def test_a_line_reads_as_blocks_with_its_last_value_and_its_range() -> None:
    line = Sparkline([1, 2, 3, 8], label="Latency", unit="ms")
    assert repr(line) == "Latency: ▁▂▃█ 8 ms (from 1 to 8 ms)"
    line.values = [5.0, 5.0]
    assert repr(line) == "Latency: ▁▁ 5 ms (from 5 to 5 ms)"


def test_no_number_leaves_a_gap_and_can_travel() -> None:
    line = Sparkline([1, math.nan, math.inf, None, 2])
    assert line.values == [1, None, None, None, 2]
    assert repr(line) == "▁   █ 2 (from 1 to 2)"
    assert json.loads(json.dumps(line.get_state("values"), allow_nan=False))["values"] == [1, None, None, None, 2]


@pytest.mark.parametrize("values", [[], [None, math.nan]])
def test_nothing_is_said_to_be_nothing(values: list[float | None]) -> None:
    line = Sparkline(values, label="Rate")
    assert repr(line) == "Rate: no values"
    assert read_image(line._repr_png_()).size


@pytest.mark.parametrize("values", [[3], [1, 2, 5, 3], [None, 4]])
def test_without_a_browser_there_is_a_picture(values: list[float | None]) -> None:
    data, _ = Sparkline(values)._repr_mimebundle_()
    assert (read_image(base64.b64decode(data["image/png"])) == BLUE).all(axis=2).any()
    assert data["text/plain"].endswith(")")


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        Sparkline([1], colour="red")  # type: ignore[call-arg]

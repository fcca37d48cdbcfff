from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jupyter_edge import samples
from jupyter_edge.client import Client, InvalidInputError, Pipeline
from jupyter_edge.client.log_pages import LogPages, _spread_of
from jupyter_edge.client.logs import LogQuery
from jupyter_edge.core.home import Home
from tests.client.conftest import CONFIG

OUTPUT = "out.fraud_probability"


@pytest.fixture(scope="module")
def logged(engine_home: Home) -> Iterator[Pipeline]:
    """A pipeline that logged 1,000 rows of one deployment, and 3 of a second one."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JUPYTER_EDGE_HOME", str(engine_home.path))
        environment.setenv("JUPYTER_EDGE_PORT", "0")
        client = Client()
    client.set_current_workspace(client.create_workspace("log-pages"))
    model = client.upload_model("ccfraud", samples.path("ccfraud.onnx")).configure(tensor_fields=["tensor"])
    pipeline = client.build_pipeline("pages").add_model_step(model)
    pipeline.deploy(CONFIG).infer_from_file(samples.path("transactions.arrow"))
    pipeline.undeploy()
    pipeline.deploy(CONFIG).infer(pd.DataFrame({"tensor": [[float(i)] * 29 for i in range(3)]}))
    yield pipeline
    pipeline.undeploy()


@pytest.fixture
def pages(logged: Pipeline) -> LogPages:
    return LogPages(logged._client.transport, logged.id())


def times(pages: LogPages, number: int) -> list[int]:
    found: list[int] = pages.read(number).rows["time"].to_pylist()
    return found


def test_partitions_and_columns_are_known(pages: LogPages) -> None:
    assert sorted(pages.partitions().values()) == [3, 1000]
    assert pages.sample().num_rows == 1
    assert pages.sample()["time"][0].as_py() > pages.sample(oldest=True)["time"][0].as_py()
    assert {"time", "in.tensor", OUTPUT, "check_failures", "metadata.elapsed"} <= set(pages.sample().column_names)


def test_every_row_is_on_one_page_and_pages_can_be_read_again(pages: LogPages) -> None:
    pages.start(LogQuery(dataset=["time"]), 300)
    found = [times(pages, number) for number in range(4)]
    assert [len(page) for page in found] == [300, 300, 300, 103]
    rows = [moment for page in found for moment in page]
    assert sorted(rows, reverse=True) == rows
    assert pages.read(3).next is None
    assert times(pages, 1) == found[1]
    pages.start(LogQuery(dataset=["time"], oldest_first=True), 2000)
    assert times(pages, 0) == rows[::-1]


def test_a_page_is_reached_over_those_before_it(pages: LogPages) -> None:
    with pytest.raises(InvalidInputError, match="Page 1 is not known"):
        pages.read(1)
    with pytest.raises(InvalidInputError, match="Page -1"):
        pages.read(-1)


@pytest.mark.parametrize("oldest_first", [True, False])
def test_a_partition_is_read_alone(pages: LogPages, oldest_first: bool) -> None:
    small = min(pages.partitions().items(), key=lambda item: item[1])[0]
    pages.start(LogQuery(dataset=["metadata.partition"], partitions=[small], oldest_first=oldest_first), 50)
    assert pages.read(0).rows["metadata.partition"].to_pylist() == [small] * 3


def test_the_values_of_a_column_are_counted_over_all_pages(pages: LogPages) -> None:
    pages.start(LogQuery(dataset=[OUTPUT]), 2000)
    answers = np.array(pages.read(0).rows[OUTPUT].to_pylist()).ravel()
    spread = pages.spread(OUTPUT)
    assert (spread.rows, sum(spread.counts), spread.complete) == (1003, 1003, True)
    np.testing.assert_allclose(spread.summary["mean"], answers.mean(), rtol=1e-4)
    np.testing.assert_allclose([spread.edges[0], spread.edges[-1]], [answers.min(), answers.max()], rtol=1e-6)
    assert sum(pages.spread("in.tensor").counts) == 29 * 1003
    assert sum(pages.spread("in.tensor", 3).counts) == 1003
    assert pages.spread("in.tensor", 99).counts == []
    parts = pages.spread("metadata.partition")
    assert dict(zip(parts.words, parts.counts, strict=True)) == pages.partitions()


def test_values_that_are_all_the_same_are_counted_as_one_word() -> None:
    same = _spread_of("out.x", None, [pa.chunked_array([[0.25, 0.25], [0.25]])], 3, complete=True)
    assert (same.labels(), same.counts) == (["0.25"], [3])
    assert str(same) == "out.x: 3 values of all 3 rows\n0.25: 3"


def test_a_spread_can_be_read_aloud(pages: LogPages) -> None:
    assert str(pages.spread(OUTPUT)).startswith(f"{OUTPUT}: 1,003 values of all 1,003 rows\nleast ")
    assert "metadata.partition: 1,003 values" in str(pages.spread("metadata.partition"))
    assert str(pages.spread("time")).splitlines()[1].startswith("20")


@pytest.mark.parametrize(
    ("values", "counts", "missing"),
    [
        ([1.0, None, float("nan"), float("inf")], 1, 3),
        ([1.0, float(np.nextafter(1, 2))], 2, 0),
        ([-1.7e308, 1.7e308], 2, 0),
        ([None], 0, 1),
        ([True, False, True], 3, 0),
        ([], 0, 0),
    ],
)
def test_odd_values_are_counted_too(values: list[Any], counts: int, missing: int) -> None:
    spread = _spread_of("out.x", None, [pa.chunked_array([values])] if values else [], len(values), complete=True)
    assert (sum(spread.counts), spread.missing) == (counts, missing)
    assert str(spread)


def test_rare_words_are_counted_together() -> None:
    words = ["often"] * 5 + [f"word {i}" for i in range(40)]
    spread = _spread_of("out.label", None, [pa.chunked_array([words])], len(words), complete=False)
    assert spread.words[0] == "often"
    assert spread.words[-1] == "others"
    assert sum(spread.counts) == 45
    assert "the first 45 rows" in str(spread)

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jupyter_edge import samples
from jupyter_edge.client import Client, Pipeline
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.client.logs import Page
from jupyter_edge.core.home import Home
from jupyter_edge.vision import read_image
from jupyter_edge.widgets.log_explorer import LogExplorer, _as_text, _first_columns

OUTPUT = "out.fraud_probability"


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A pipeline that logged 60 rows of one deployment, and 3 of a second one."""
    home = Home(tmp_path_factory.mktemp("explorer") / "home")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JUPYTER_EDGE_HOME", str(home.path))
        environment.setenv("JUPYTER_EDGE_PORT", "0")
        client = Client()
    model = client.upload_model("ccfraud", samples.path("ccfraud.onnx")).configure(tensor_fields=["tensor"])
    pipeline = client.build_pipeline("explored").add_model_step(model)
    for rows in (60, 3):
        pipeline.deploy().infer(pd.DataFrame({"tensor": [[float(i)] * 29 for i in range(rows)]}))
        if rows == 60:
            pipeline.undeploy()
    yield pipeline
    pipeline.undeploy()
    stop_engine(home)


@pytest.fixture
def explorer(logged: Pipeline) -> LogExplorer:
    return LogExplorer(logged, page_rows=25)


def ask(explorer: LogExplorer, act: str, **details: Any) -> None:
    """Send what a click in the browser sends, through the widget's own message handling."""
    before = explorer._answered
    explorer._handle_custom_msg(json.loads(json.dumps({"act": act, "with": details})), [])
    assert explorer._answered == before + 1


def test_it_opens_on_the_newest_rows(explorer: LogExplorer) -> None:
    page = explorer._page
    assert page["columns"][:2] == ["time", "in.tensor"]
    assert (page["number"], len(page["rows"]), page["more"]) == (0, 25, True)
    assert sorted(explorer._partitions.values()) == [3, 60]
    assert page["rows"][0][1] == "[2, 2, 2, … 29 in all]"
    assert page["rows"] == sorted(page["rows"], key=lambda row: row[0], reverse=True)


def test_pages_are_turned_until_the_last_and_back(explorer: LogExplorer) -> None:
    first = explorer._page
    for number in (1, 2):
        ask(explorer, "page", number=number)
        assert explorer._page["number"] == number
    assert (len(explorer._page["rows"]), explorer._page["more"]) == (13, False)
    ask(explorer, "page", number=0)
    assert explorer._page == first


def test_rows_are_filtered_by_partition_time_and_column(explorer: LogExplorer) -> None:
    small = min(explorer._partitions, key=lambda name: explorer._partitions[name])
    ask(explorer, "show", view={**explorer._view, "partition": small, "columns": ["time", "metadata.partition"]})
    assert explorer._page["columns"] == ["time", "metadata.partition"]
    assert [row[1] for row in explorer._page["rows"]] == [small] * 3
    assert sum(explorer._spread["counts"]) == 3
    first_of_them = explorer._page["rows"][-1][0].replace(" ", "T")
    ask(explorer, "show", view={**explorer._view, "partition": "", "end": first_of_them})
    assert len(explorer._page["rows"]) == 25
    assert explorer._page["rows"][0][0] <= explorer._page["rows"][-1][0] <= first_of_them.replace("T", " ")
    ask(explorer, "show", view={**explorer._view, "start": "2100-01-01T00:00", "end": ""})
    assert explorer._page["rows"] == []
    assert explorer._spread["counts"] == []


def test_a_column_is_counted(explorer: LogExplorer) -> None:
    assert explorer._spread["column"] == OUTPUT
    ask(explorer, "spread", column="in.tensor", element=4)
    assert (sum(explorer._spread["counts"]), explorer._spread["isList"]) == (63, True)
    ask(explorer, "spread", column="metadata.partition", element=None)
    assert sorted(explorer._spread["counts"]) == [3, 60]
    ask(explorer, "spread", column="", element=None)
    assert "counts" not in explorer._spread


def test_what_the_filters_leave_is_exported(explorer: LogExplorer, tmp_path: Path) -> None:
    small = min(explorer._partitions, key=lambda name: explorer._partitions[name])
    ask(explorer, "show", view={**explorer._view, "partition": small})
    ask(explorer, "export", folder=str(tmp_path), kind="json")
    frame = pd.read_json(tmp_path / "explored-1.json", lines=True)
    assert frame["metadata.partition"].tolist() == [small] * 3
    assert str(tmp_path / "explored-1.json") in explorer._message["done"]
    ask(explorer, "export", folder=str(tmp_path), kind="arrow")
    assert pa.ipc.open_file((tmp_path / "explored-1.arrow").read_bytes()).read_all().num_rows == 3


def test_what_goes_wrong_is_said_and_the_rows_stay(explorer: LogExplorer, tmp_path: Path) -> None:
    rows = explorer._page["rows"]
    ask(explorer, "show", view={**explorer._view, "start": "yesterday"})
    assert "'yesterday' is no time" in explorer._message["error"]
    (tmp_path / "file").touch()
    ask(explorer, "export", folder=str(tmp_path / "file"), kind="json")
    assert "file" in explorer._message["error"]
    ask(explorer, "page", number=7)
    assert "not known" in explorer._message["error"]
    assert explorer._page["rows"] == rows
    ask(explorer, "refresh")
    assert explorer._message == {}


def test_without_a_browser_there_are_a_table_and_a_picture(explorer: LogExplorer) -> None:
    data, _ = explorer._repr_mimebundle_()
    assert data["text/html"].count("<tr>") == 26
    assert data["text/plain"].startswith("Log of pipeline explored: 63 rows of 2 partitions")
    assert read_image(base64.b64decode(data["image/png"])).size


def test_an_empty_log_is_shown_as_one(logged: Pipeline) -> None:
    empty = LogExplorer(logged._client.build_pipeline("never-deployed"))
    assert empty._page["rows"] == []
    assert repr(empty) == "Log of pipeline never-deployed: 0 rows of 0 partitions"
    assert "image/png" not in empty._repr_mimebundle_()[0]


def test_cells_are_short_and_escaped() -> None:
    rows = pa.table(
        {
            "time": pa.array([1_700_000_000_123, None]),
            "out.image": [[[0.5] * 1000] * 3, None],
            "out.label": ["<script>" + "x" * 500, ""],
            "check_failures": [["low", "high"], []],
            "out.count": [7, 8],
        }
    )
    page = _as_text(Page(rows, "ByteLimited", {"a": 1}))
    first, second = page["rows"]
    assert first[0] == "2023-11-14 22:13:20.123"
    assert first[1] == "[" + ", ".join(["[0.5, 0.5, 0.5, … 1,000 in all]"] * 3) + "]"
    assert len(first[2]) == 120
    assert first[3:] == ["2", "7"]
    assert second[:2] == ["–", "–"]
    assert page["numeric"] == [False, False, False, False, True]
    assert "large" in page["note"]


def test_inputs_as_large_as_pictures_are_not_among_the_first_columns() -> None:
    row = {
        "time": [1],
        "in.images": [np.zeros(100_000)],
        "out.x": [1.0],
        "metadata.partition": ["a"],
        "metadata.y": [1],
    }
    assert _first_columns(pa.table(row)) == ["time", "out.x", "metadata.partition"]
    assert "in.images" in _first_columns(pa.table(row | {"in.images": [np.zeros(9)]}))

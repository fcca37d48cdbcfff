from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jupyter_edge import samples
from jupyter_edge.client import InvalidInputError, Pipeline
from jupyter_edge.client.logs import LogQuery, json_lines

NOON = datetime(2023, 10, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("prefix", ["../logs", "a/b", "/logs"])
def test_an_export_stays_in_its_folder(pipeline: Pipeline, tmp_path: Path, prefix: str) -> None:
    with pytest.raises(InvalidInputError, match="directory"):
        pipeline.export_logs(tmp_path / "logs", file_prefix=prefix)


def test_an_export_to_what_is_no_folder_says_so(pipeline: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInputError, match="name a folder"):
        pipeline.export_logs(tmp_path / "file")


def test_a_line_keeps_milliseconds_short_floats_and_flat_names() -> None:
    rows = pa.table(
        {
            "time": pa.array([1698784607697, 1698784607697]),
            "out.variable": pa.array([[1.0094898], None], pa.list_(pa.float32())),
            "check_failures": pa.array([["low"], []], pa.list_(pa.string())),
            "metadata.elapsed": pa.array([[191202, 1255615], []], pa.list_(pa.uint64())),
            "metadata.partition": ["shop-7", "engine-1"],
        }
    )
    first, second = json_lines(rows)
    assert first.endswith(b"\n")
    assert json.loads(first) == {
        "time": 1698784607697,
        "out.variable": [1.0094898],
        "check_failures": 1,
        "metadata.elapsed": [191202, 1255615],
        "metadata.partition": "shop-7",
    }
    assert json.loads(second)["out.variable"] is None


def test_the_newest_rows_come_first_without_a_range_and_in_order_within_one() -> None:
    assert LogQuery().parameters(5) == [
        ("page_size", "5"),
        ("order", "desc"),
        ("dataset[]", "*"),
        ("dataset.separator", "."),
    ]
    within = LogQuery(start=NOON, end=NOON.astimezone(timezone(timedelta(hours=2))) + timedelta(hours=1))
    assert within.parameters(None) == [
        ("time.start", "2023-10-31T12:00:00+00:00"),
        ("time.end", "2023-10-31T13:00:00+00:00"),
        ("dataset[]", "*"),
        ("dataset.separator", "."),
    ]


def test_metadata_is_wanted_only_where_it_is_named() -> None:
    assert not LogQuery().wants_metadata
    assert not LogQuery(dataset=["*"]).wants_metadata
    assert LogQuery(dataset=["time", "metadata.partition"]).wants_metadata
    assert LogQuery(dataset="metadata").wants_metadata


def test_half_a_range_or_no_rows_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="together"):
        LogQuery(start=NOON)
    with pytest.raises(InvalidInputError, match="limit is 0"):
        LogQuery(limit=0)


@pytest.fixture
def answers(deployed: Pipeline) -> pd.DataFrame:
    """1,000 rows, logged."""
    frame: pd.DataFrame = deployed.infer(pa.ipc.open_file(samples.path("transactions.arrow")).read_all().to_pandas())
    return frame


def test_a_pipeline_that_never_answered_has_an_empty_log(deployed: Pipeline, tmp_path: Path) -> None:
    assert deployed.logs().empty
    deployed.export_logs(tmp_path / "logs")
    assert list((tmp_path / "logs").iterdir()) == []


def test_the_rows_just_answered_are_in_the_log(deployed: Pipeline) -> None:
    answer = deployed.infer(pd.DataFrame({"tensor": [[0.0] * 29, [1.0] * 29]}))
    logs = deployed.logs()
    assert list(logs.columns) == list(answer.columns)
    assert logs["time"].dtype == "datetime64[ms]"
    assert logs["check_failures"].tolist() == [0, 0]
    logged = np.stack(logs["out.fraud_probability"].to_list()).ravel()
    np.testing.assert_allclose(logged, np.stack(answer["out.fraud_probability"].to_list()).ravel()[::-1], atol=1e-6)


@pytest.mark.usefixtures("answers")
def test_the_newest_hundred_come_first_with_a_warning_that_there_are_more(deployed: Pipeline) -> None:
    with pytest.warns(UserWarning, match="There are more logs available"):
        assert len(deployed.logs()) == 100
    with pytest.warns(UserWarning, match="There are more logs available"):
        assert len(deployed.logs(limit=7)) == 7


def test_a_range_of_time_is_answered_oldest_first(deployed: Pipeline, answers: pd.DataFrame) -> None:
    start = answers["time"].iloc[0].to_pydatetime().replace(tzinfo=UTC)
    logs = deployed.logs(start_datetime=start, end_datetime=datetime.now(UTC), limit=1000)
    assert len(logs) == 1000
    logged = np.stack(logs["out.fraud_probability"].to_list()).ravel()
    np.testing.assert_allclose(logged, np.stack(answers["out.fraud_probability"].to_list()).ravel(), atol=1e-6)
    early = start - timedelta(days=2)
    assert deployed.logs(start_datetime=early, end_datetime=early + timedelta(days=1)).empty


@pytest.mark.usefixtures("answers")
def test_metadata_and_arrow_come_when_asked_for(deployed: Pipeline) -> None:
    logs = deployed.logs(limit=1000, dataset=["time", "metadata"], arrow=True)
    assert isinstance(logs, pa.Table)
    assert logs.num_rows == 1000
    assert logs.schema.field("time").type == pa.timestamp("ms")
    assert "metadata.partition" in logs.column_names
    assert "out.fraud_probability" not in logs.column_names
    assert "in.tensor" not in deployed.logs(limit=1000, dataset_exclude=["in"]).columns


def test_an_export_is_json_lines_newest_first(deployed: Pipeline, answers: pd.DataFrame, tmp_path: Path) -> None:
    answer = deployed.infer(pd.DataFrame({"tensor": [[0.0] * 29]}))
    folder = tmp_path / "partition-edge-observability"
    deployed.export_logs(
        limit=30000, directory=str(folder), file_prefix="edge-logs-api", dataset=["time", "out", "metadata"]
    )
    (path,) = folder.iterdir()
    assert path.name == "edge-logs-api-1.json"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 1001
    assert list(rows[0])[:2] == ["time", "out.fraud_probability"]
    assert {"metadata.last_model", "metadata.pipeline_version", "metadata.elapsed", "metadata.dropped"} < set(rows[0])
    assert rows[0]["time"] == answer["time"].astype("int64").iloc[0]
    assert rows[0]["out.fraud_probability"] == answer["out.fraud_probability"].iloc[0]
    times = [row["time"] for row in rows]
    assert times == sorted(times, reverse=True)
    frame = pd.read_json(path, orient="records", lines=True)
    assert frame["metadata.partition"].nunique() == 1
    expected = sorted(value for cell in answers["out.fraud_probability"] for value in cell)
    assert sorted(row["out.fraud_probability"][0] for row in rows[1:]) == pytest.approx(expected)


@pytest.mark.usefixtures("answers")
def test_an_export_as_arrow_holds_the_same_rows(deployed: Pipeline, tmp_path: Path) -> None:
    deployed.export_logs(tmp_path, arrow=True, limit=300)
    (path,) = tmp_path.iterdir()
    assert path.name == f"{deployed.name()}-1.arrow"
    assert pa.ipc.open_file(path).read_all().num_rows == 300


@pytest.mark.usefixtures("answers")
def test_other_columns_start_another_file(deployed: Pipeline, tmp_path: Path) -> None:
    deployed.infer(pd.DataFrame({"tensor": [[0.0] * 29], "shop": ["seven"]}))
    deployed.export_logs(tmp_path, file_prefix="logs")
    newest, older = (
        [json.loads(line) for line in (tmp_path / f"logs-{n}.json").read_text().splitlines()] for n in (1, 2)
    )
    assert [row["in.shop"] for row in newest] == ["seven"]
    assert len(older) == 1000
    assert "in.shop" not in older[0]


@pytest.mark.usefixtures("answers")
def test_an_export_stops_at_its_size_and_says_so(deployed: Pipeline, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="data_size_limit"):
        deployed.export_logs(tmp_path, data_size_limit="20KB")
    assert 0 < sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_000

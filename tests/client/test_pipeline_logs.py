from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jupyter_edge import samples
from jupyter_edge.client import Client, Pipeline


@pytest.fixture
def pipeline(client: Client, ccfraud: Path, new_name: Callable[[], str]) -> Iterator[Pipeline]:
    model = client.upload_model("ccfraud", ccfraud).configure(tensor_fields=["tensor"])
    pipeline = client.build_pipeline(new_name()).add_model_step(model).deploy()
    yield pipeline
    pipeline.undeploy()


@pytest.fixture
def answers(pipeline: Pipeline) -> pd.DataFrame:
    """1,000 rows, logged."""
    frame: pd.DataFrame = pipeline.infer(pa.ipc.open_file(samples.path("transactions.arrow")).read_all().to_pandas())
    return frame


def test_a_pipeline_that_never_answered_has_an_empty_log(pipeline: Pipeline, tmp_path: Path) -> None:
    assert pipeline.logs().empty
    pipeline.export_logs(tmp_path / "logs")
    assert list((tmp_path / "logs").iterdir()) == []


def test_the_rows_just_answered_are_in_the_log(pipeline: Pipeline) -> None:
    answer = pipeline.infer(pd.DataFrame({"tensor": [[0.0] * 29, [1.0] * 29]}))
    logs = pipeline.logs()
    assert list(logs.columns) == list(answer.columns)
    assert logs["time"].dtype == "datetime64[ms]"
    assert logs["check_failures"].tolist() == [0, 0]
    logged = np.stack(logs["out.fraud_probability"].to_list()).ravel()
    np.testing.assert_allclose(logged, np.stack(answer["out.fraud_probability"].to_list()).ravel()[::-1], atol=1e-6)


@pytest.mark.usefixtures("answers")
def test_the_newest_hundred_come_first_with_a_warning_that_there_are_more(pipeline: Pipeline) -> None:
    with pytest.warns(UserWarning, match="There are more logs available"):
        assert len(pipeline.logs()) == 100
    with pytest.warns(UserWarning, match="There are more logs available"):
        assert len(pipeline.logs(limit=7)) == 7


def test_a_range_of_time_is_answered_oldest_first(pipeline: Pipeline, answers: pd.DataFrame) -> None:
    start = answers["time"].iloc[0].to_pydatetime().replace(tzinfo=UTC)
    logs = pipeline.logs(start_datetime=start, end_datetime=datetime.now(UTC), limit=1000)
    assert len(logs) == 1000
    logged = np.stack(logs["out.fraud_probability"].to_list()).ravel()
    np.testing.assert_allclose(logged, np.stack(answers["out.fraud_probability"].to_list()).ravel(), atol=1e-6)
    early = start - timedelta(days=2)
    assert pipeline.logs(start_datetime=early, end_datetime=early + timedelta(days=1)).empty


@pytest.mark.usefixtures("answers")
def test_metadata_and_arrow_come_when_asked_for(pipeline: Pipeline) -> None:
    logs = pipeline.logs(limit=1000, dataset=["time", "metadata"], arrow=True)
    assert isinstance(logs, pa.Table)
    assert logs.num_rows == 1000
    assert logs.schema.field("time").type == pa.timestamp("ms")
    assert "metadata.partition" in logs.column_names
    assert "out.fraud_probability" not in logs.column_names
    assert "in.tensor" not in pipeline.logs(limit=1000, dataset_exclude=["in"]).columns


def test_an_export_is_json_lines_newest_first(pipeline: Pipeline, answers: pd.DataFrame, tmp_path: Path) -> None:
    answer = pipeline.infer(pd.DataFrame({"tensor": [[0.0] * 29]}))
    folder = tmp_path / "partition-edge-observability"
    pipeline.export_logs(
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
def test_an_export_as_arrow_holds_the_same_rows(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.export_logs(tmp_path, arrow=True, limit=300)
    (path,) = tmp_path.iterdir()
    assert path.name == f"{pipeline.name()}-1.arrow"
    assert pa.ipc.open_file(path).read_all().num_rows == 300


@pytest.mark.usefixtures("answers")
def test_other_columns_start_another_file(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.infer(pd.DataFrame({"tensor": [[0.0] * 29], "shop": ["seven"]}))
    pipeline.export_logs(tmp_path, file_prefix="logs")
    newest, older = (
        [json.loads(line) for line in (tmp_path / f"logs-{n}.json").read_text().splitlines()] for n in (1, 2)
    )
    assert [row["in.shop"] for row in newest] == ["seven"]
    assert len(older) == 1000
    assert "in.shop" not in older[0]


@pytest.mark.usefixtures("answers")
def test_an_export_stops_at_its_size_and_says_so(pipeline: Pipeline, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="data_size_limit"):
        pipeline.export_logs(tmp_path, data_size_limit="20KB")
    assert 0 < sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_000

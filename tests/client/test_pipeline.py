from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jupyter_edge import samples
from jupyter_edge.client import (
    Architecture,
    Client,
    DeploymentConfigBuilder,
    DeploymentError,
    EngineUnavailableError,
    EntityNotFoundError,
    InferenceError,
    InvalidInputError,
    ModelVersion,
    Pipeline,
)
from jupyter_edge.core.telemetry import import_onnxruntime

Name = Callable[[], str]
CONFIG = DeploymentConfigBuilder().replica_count(1).cpus(1).memory("900Mi").build()
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00"


@pytest.fixture(scope="session")
def transactions() -> pa.Table:
    return pa.ipc.open_file(samples.path("transactions.arrow")).read_all().select(["tensor"])


@pytest.fixture(scope="session")
def expected(transactions: pa.Table) -> np.ndarray:
    session = import_onnxruntime().InferenceSession(str(samples.path("ccfraud.onnx")))
    rows = np.asarray(transactions["tensor"].to_pylist(), "float32")
    (answer,) = session.run(None, {session.get_inputs()[0].name: rows})
    return np.asarray(answer).ravel()


def table_of(html: str) -> dict[str, str]:
    return dict(re.findall(r"<tr><th>(.*?)</th> <td>(.*?)</td></tr>", html))


def test_a_new_pipeline_shows_the_tutorials_table(client: Client, new_name: Name) -> None:
    pipeline = client.build_pipeline(new_name())
    table = table_of(pipeline._repr_html_())
    assert list(table) == [
        "name", "created", "last_updated", "deployed", "arch", "tags", "versions", "steps", "published",
    ]  # fmt: skip
    assert table["name"] == pipeline.name()
    assert re.fullmatch(TIME, table["created"])
    assert re.fullmatch(UUID, table["versions"])
    assert (table["deployed"], table["arch"], table["tags"]) == ("(none)", "None", "")
    assert (table["steps"], table["published"]) == ("", "False")


def test_a_pipeline_is_found_by_its_name(client: Client, new_name: Name) -> None:
    name = new_name()
    with pytest.raises(EntityNotFoundError, match="build_pipeline"):
        client.pipelines_by_name(name)
    with pytest.raises(EntityNotFoundError, match="build_pipeline"):
        client.get_pipeline(name)
    made = client.get_pipeline(name, create_if_not_exist=True)
    assert client.pipelines_by_name(name)[0].id() == made.id() == client.get_pipeline(name).id()
    again = client.build_pipeline(name)
    assert again.id() == made.id()
    assert [version.name() for version in again.versions()][1:] == [version.name() for version in made.versions()][1:]
    with pytest.raises(InvalidInputError, match="lower-case"):
        client.build_pipeline("Edge_Pipeline")


def test_the_same_name_in_two_workspaces_is_two_pipelines(client: Client, new_name: Name) -> None:
    name = new_name()
    first = client.build_pipeline(name)
    client.set_current_workspace(client.create_workspace(new_name()))
    second = client.build_pipeline(name)
    assert [pipeline.id() for pipeline in client.pipelines_by_name(name)] == [second.id(), first.id()]
    assert client.get_pipeline(name).id() == second.id()
    assert [pipeline.id() for pipeline in client.get_current_workspace().pipelines()] == [second.id()]


def test_lists_write_dates_as_year_day_month(client: Client, new_name: Name) -> None:
    name = new_name()
    client.build_pipeline(name)
    html = client.list_pipelines()._repr_html_()
    assert "<th>name</th><th>created</th><th>last_updated</th><th>deployed</th>" in html
    assert re.search(rf"<td>{name}</td><td>\d{{4}}-\d\d-[A-Z][a-z]{{2}} \d\d:\d\d:\d\d</td>", html)
    assert name in repr(client.list_pipelines())
    assert name in client.list_pipelines().to_pandas()["name"].tolist()


def test_steps_are_kept_by_the_version_that_is_made_of_them(client: Client, pipeline: Pipeline) -> None:
    assert [step["ModelInference"]["models"][0]["name"] for step in pipeline.steps()] == ["ccfraud"]
    version = pipeline.create_version()
    assert version.name() == pipeline.latest_version().name()
    assert client.get_pipeline(pipeline.name()).steps() == pipeline.steps() == version.steps()
    assert pipeline.clear().steps() == []


def test_a_step_is_a_model_version_and_is_not_added_twice_unnoticed(pipeline: Pipeline, model: ModelVersion) -> None:
    with pytest.warns(UserWarning, match="clear"):
        pipeline.add_model_step(model)
    with pytest.raises(InvalidInputError, match="model version"):
        pipeline.add_model_step("ccfraud")  # type: ignore[arg-type]


def test_a_pipeline_without_steps_is_neither_deployed_nor_published(client: Client, new_name: Name) -> None:
    pipeline = client.build_pipeline(new_name())
    with pytest.raises(InvalidInputError, match="add_model_step"):
        pipeline.deploy()
    with pytest.raises(InvalidInputError, match="add_model_step"):
        pipeline.publish()


def test_deploying_waits_shows_progress_and_makes_a_version(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    before = pipeline.latest_version().name()
    assert pipeline.deploy(deployment_config=CONFIG) is pipeline
    assert re.fullmatch(r"Waiting for deployment - this will take up to 45s \.+ ok\n", capsys.readouterr().out)
    table = table_of(pipeline._repr_html_())
    assert table["deployed"] == "True"
    assert table["steps"] == "ccfraud"
    assert table["versions"].split(", ")[1] == before
    assert pipeline.status()["status"] == "Running"
    assert pipeline._deployment is not None
    assert pipeline._deployment.engine_config()["engine"]["resources"]["limits"] == {"cpu": 1, "memory": "900Mi"}
    assert pipeline.undeploy() is pipeline
    assert re.fullmatch(r"Waiting for undeployment - this will take up to 45s \.+ ok\n", capsys.readouterr().out)
    assert table_of(pipeline._repr_html_())["deployed"] == "False"
    assert pipeline.status()["status"] == "Undeployed"
    pipeline.undeploy()


def test_a_pipeline_that_was_fetched_deploys_the_steps_it_has(client: Client, deployed: Pipeline) -> None:
    config = DeploymentConfigBuilder().cpus(1).arch(Architecture.X86)
    again = client.pipelines_by_name(deployed.name())[0].deploy(config)
    assert table_of(again._repr_html_())["arch"] == "x86"
    assert again.infer(pd.DataFrame({"tensor": [[0.0] * 29]})).shape == (1, 4)
    again.undeploy()


def test_every_form_of_input_gives_the_models_own_answers(
    deployed: Pipeline,
    transactions: pa.Table,
    expected: np.ndarray,
    tmp_path: Path,
) -> None:
    frame = transactions.to_pandas()
    frame.to_json(tmp_path / "t.df.json", orient="records")
    frames = [deployed.infer(frame), deployed.infer_from_file(tmp_path / "t.df.json")]
    for answer in frames:
        assert list(answer.columns) == ["time", "in.tensor", "out.fraud_probability", "check_failures"]
        assert answer["time"].dtype == "datetime64[ms]"
        assert answer["check_failures"].tolist() == [0] * len(expected)
        np.testing.assert_allclose(np.stack(answer["out.fraud_probability"].to_list()).ravel(), expected, atol=1e-5)
    tables = [deployed.infer(transactions), deployed.infer_from_file(samples.path("transactions.arrow"))]
    for answer in tables:
        assert isinstance(answer, pa.Table)
        got = np.asarray(answer["out.fraud_probability"].to_pylist(), "float32").ravel()
        np.testing.assert_allclose(got, expected, atol=1e-5)
    (row,) = deployed.infer([{"tensor": [0.0] * 29}])
    assert {"time", "in", "out", "check_failures", "metadata"} <= set(row)


def test_a_picture_sent_as_arrow_answers_as_its_json_does(client: Client, new_name: Name) -> None:
    model = client.upload_model("shapes", samples.path("shapes.onnx")).configure(["images"], batch_config="single")
    pipeline = client.build_pipeline(new_name()).add_model_step(model).deploy()
    inputs = import_onnxruntime().InferenceSession(str(samples.path("shapes.onnx"))).get_inputs()
    shape = [size if isinstance(size, int) else 1 for size in inputs[0].shape]
    picture = np.random.default_rng(1).random(shape, dtype="float32")
    large = pipeline.infer(pd.DataFrame({"images": [picture]}))
    (row,) = pipeline.infer([{"images": picture.tolist()}])
    (output,) = (name for name in large.columns if name.startswith("out."))
    expected = np.asarray(row["out"][output.removeprefix("out.")], "float32").ravel()
    np.testing.assert_allclose(np.asarray(large[output][0], "float32").ravel(), expected, atol=1e-5)
    with pytest.raises(InferenceError, match="(?i)single|one row|1 row"):
        pipeline.infer(pd.DataFrame({"images": [picture, picture]}))
    pipeline.undeploy()


def test_columns_are_chosen_by_dataset(deployed: Pipeline) -> None:
    frame = pd.DataFrame({"tensor": [[0.0] * 29], "note": ["a"]})
    assert "in.note" in deployed.infer(frame)
    everything = deployed.infer(frame, dataset=["*", "metadata"])
    assert {"metadata.partition", "metadata.last_model", "metadata.elapsed"} <= set(everything.columns)
    narrow = deployed.infer(frame, dataset=["time", "out", "check_failures"])
    assert list(narrow.columns) == ["time", "out.fraud_probability", "check_failures"]
    assert not any(name.startswith("in.") for name in deployed.infer(frame, dataset_exclude=["in"]).columns)


def test_a_request_that_was_lost_with_its_replica_is_to_be_sent_again(
    deployed: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_and_leave(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.recv(1)
        connection.close()

    rows = pd.DataFrame({"tensor": [[0.0] * 29]})
    with socket.create_server(("127.0.0.1", 0)) as listener, monkeypatch.context() as patch:
        patch.setattr(Pipeline, "url", lambda _: f"http://127.0.0.1:{listener.getsockname()[1]}/")
        threading.Thread(target=take_and_leave, args=[listener], daemon=True).start()
        with pytest.raises(DeploymentError, match=r"send the rows again; status\(\) tells"):
            deployed.infer(rows)
        with pytest.raises(EngineUnavailableError, match="has not answered within 0.2 s"):
            deployed.infer(rows, timeout=0.2)
    assert len(deployed.infer(rows)) == 1


def test_a_request_that_is_refused_carries_the_pipelines_own_reason(deployed: Pipeline) -> None:
    with pytest.raises(InferenceError, match="tensor"):
        deployed.infer(pd.DataFrame({"wrong": [[0.0] * 29]}))
    with pytest.raises(InferenceError):
        deployed.infer(pd.DataFrame({"tensor": [[0.0] * 28]}))
    deployed.undeploy()
    with pytest.raises(DeploymentError, match="deploy"):
        deployed.infer(pd.DataFrame({"tensor": [[0.0] * 29]}))

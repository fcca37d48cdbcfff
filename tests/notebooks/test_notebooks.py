"""Every notebook runs from top to bottom, as its reader would run it, and shows what its words say."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from jupyter_edge.samples import path as sample
from tests.notebooks.conftest import NOTEBOOKS, Executed

Runs = Callable[[str], tuple[Executed, Executed]]
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_may_be_run_again(run_twice: Runs, name: str) -> None:
    first, second = run_twice(name)
    assert second.state == first.state


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_leaves_no_process_but_the_engine(run_twice: Runs, name: str) -> None:
    assert [run.processes for run in run_twice(name)] == [set(), set()]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_leaves_nothing_deployed(run_twice: Runs, name: str) -> None:
    _, second = run_twice(name)
    workspaces = [found for found in second.state.values() if isinstance(found, dict)]
    assert {status for found in workspaces for _, status in found["pipelines"]} == {"Undeployed"}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_takes_less_than_a_minute(run_twice: Runs, name: str) -> None:
    quickest = min(run.seconds for run in run_twice(name))
    if os.getloadavg()[0] > 2 * (os.cpu_count() or 1):
        pytest.skip("Others keep the machine too busy to tell.")
    assert quickest < 60


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_warns_of_nothing(run_twice: Runs, name: str) -> None:
    for run in run_twice(name):
        outputs = [output for cell in run.cells if cell.cell_type == "code" for output in cell.outputs]
        assert [output.text for output in outputs if output.get("name") == "stderr"] == []


def test_the_quickstart_tells_fraud_from_honest_transactions(run_twice: Runs) -> None:
    first, _ = run_twice("01_quickstart")
    assert "0.99999" in first.text("%%edge infer card-fraud")
    assert "fraud 30 9 honest 5 956" in first.text("pd.crosstab")


def test_the_quickstart_shows_a_twin_and_an_error_that_helps(run_twice: Runs) -> None:
    first, _ = run_twice("01_quickstart")
    twin = first.text("--show curl")
    assert "curl -sS" in twin
    assert "$JUPYTER_EDGE_TOKEN" in twin
    (error,) = first.outputs("card-frawd")
    assert error.output_type == "error"
    assert "did you mean card-fraud" in error.evalue
    assert len(error.traceback) == 1


def test_the_edge_of_the_quickstart_agrees_and_its_rows_come_home(run_twice: Runs) -> None:
    first, second = run_twice("01_quickstart")
    for times, run in enumerate((first, second), start=1):
        assert "1000 answers, the largest difference is 0.000000" in run.text("--at shop-7")
        counts = run.text("value_counts")
        assert f"shop-7 {1000 * times}" in counts
        assert len(re.findall(r"engine-\S+ 1001", counts)) == times
    assert "image/png" in first.data("publish.diagram()")
    assert "deployed none" in first.text("%edge undeploy")


def test_card_fraud_answers_alike_in_python_and_over_http(run_twice: Runs) -> None:
    first, _ = run_twice("02_card_fraud")
    assert "1000 transactions, 39 of them fraud" in first.text("transactions.to_pandas().head()")
    assert "takes transaction: float32, rows x 29" in first.text("model.schema()")
    assert "cpus=0.5 is enforced" in first.text("ensure_deployed(pipeline")
    assert first.text("answer = pipeline.infer").startswith("Table 1000 ['time', 'in.tensor', 'out.fraud_probability'")
    assert "HTTP 200, 1000 rows, same answers: True" in first.text("requests.post(pipeline.url()")
    assert "200 rows" in first.text("pipeline.latency(")


def test_card_fraud_finds_the_cheapest_threshold(run_twice: Runs) -> None:
    first, _ = run_twice("02_card_fraud")
    assert "image/png" in first.data("plt.show()")
    assert "0.16 32 7 7 735 0.50 30 9 5 925" in first.text("index=pd.Index(")


def test_card_fraud_is_published_once_and_shows_how_rest_does_it(run_twice: Runs) -> None:
    first, second = run_twice("02_card_fraud")
    assert "docker run" in first.text("ensure_published(pipeline")
    assert '"$JUPYTER_EDGE_URL/v1/api/pipelines/publish"' in first.text("--show curl")
    status = first.text("get_publish_status")
    assert "'status': 'Published'" in status
    assert second.text("get_publish_status") == status


def test_object_detection_finds_what_was_drawn(run_twice: Runs) -> None:
    first, _ = run_twice("03_object_detection")
    assert "('circle', 'square', 'triangle', 'star', 'heart')" in first.text("detector.class_names()")
    assert first.text("output.shape") == "(1, 9, 1344)"
    rows = re.findall(r"\d (\w+) (\w+) (0\.\d+)", first.text("pd.DataFrame(rows)"))
    assert len(rows) == 7
    assert all(drawn == found and float(overlap) > 0.8 for drawn, found, overlap in rows)


def test_object_detection_draws_boxes_on_the_picture(run_twice: Runs) -> None:
    first, _ = run_twice("03_object_detection")
    source = cv2.imread(str(sample("shapes.png")))
    assert source is not None
    for cell in ("\ndetect(picture)", "detections.draw(picture)"):
        png = np.frombuffer(base64.b64decode(first.data(cell)["image/png"]), np.uint8)
        drawn = cv2.imdecode(png, cv2.IMREAD_COLOR)
        assert drawn is not None
        assert drawn.shape == source.shape
        assert 0.01 < (drawn != source).any(axis=2).mean() < 0.2


def test_object_detection_has_sliders(run_twice: Runs) -> None:
    first, _ = run_twice("03_object_detection")
    shown = first.data("DetectionView(picture")
    assert {WIDGET, "image/png", "text/plain"} <= set(shown)
    state = first.widgets[shown[WIDGET]["model_id"]]["state"]
    assert (state["confidence"], state["_size"]) == (0.3, [640, 480])
    assert "3 square" in first.text("view.detections")


def test_a_declared_pipeline_is_made_once(run_twice: Runs) -> None:
    first, second = run_twice("04_edge_and_logs")
    plan = ("model ccfraud", "steps", "deployment", "publish", "edge berlin", "edge madrid")
    assert all(f"+ {part}" in first.text("--dry-run") for part in plan)
    again = second.text("--dry-run")
    assert all(f"= {part}" in again for part in plan if part != "deployment")
    assert "+ deployment" in again  # it was undeployed


def test_the_log_has_each_row_of_each_place_once(run_twice: Runs) -> None:
    for times, run in enumerate(run_twice("04_edge_and_logs"), start=1):
        listed = run.text("%edge edge list")
        assert re.search(rf"berlin shop, north .* {800 * times} .*madrid shop, south .* {800 * times} ", f"{listed} ")
        places = run.text('log.groupby("answered by")')
        assert all(
            f"{place} {rows * times}" in places for place, rows in (("berlin", 800), ("engine", 480), ("madrid", 800))
        )
        assert run.text("len(exported) == len(log)") == "True"


def test_the_log_is_drawn(run_twice: Runs) -> None:
    first, second = run_twice("04_edge_and_logs")
    assert "2,080 rows" in first.text("pipeline.plot_logs(")
    assert "2,080 rows" in second.text("pipeline.plot_logs(")  # those since it began
    assert "image/png" in first.data("pipeline.plot_logs(")
    assert "docker run" in first.text("--show docker")
    explorer = first.data("pipeline.explore_logs(")
    assert {WIDGET, "text/html", "image/png"} <= set(explorer)
    page = first.widgets[explorer[WIDGET]["model_id"]]["state"]["_page"]
    assert len(page["rows"]) == 10
    assert any("berlin" in cell for cell in page["rows"][0])


def test_the_tour_shows_every_panel(run_twice: Runs) -> None:
    first, second = run_twice("05_widgets_tour")
    said = {
        "UploadPanel(client)": "UploadPanel: Upload a model",
        "pipeline.panel()": "card-fraud ccfraud yes",
        "publish.panel()": "Published",
        "edge.panel()": "kiosk tour",
        "explore_logs(": "1,000 rows",
        "client.jobs()[0].panel()": "succeeded",
        "DetectionView(path": "3 square",
        "client.panel()": "EdgeApp: Edge",
    }
    for cell, words in said.items():
        assert WIDGET in first.data(cell), cell
        assert words in first.text(cell), cell
    assert "ccfraud" in second.text("UploadPanel(client)")  # which was empty the first time


def test_the_tour_keeps_its_panels_in_step(run_twice: Runs) -> None:
    first, _ = run_twice("05_widgets_tour")
    panel = first.data("pipeline.panel()")[WIDGET]["model_id"]
    words = " ".join(str(state.get("value")) for state in _parts(first, panel))
    assert "ccfraud, version" in words
    assert "tensor" in words


def _parts(run: Executed, model_id: str) -> list[dict[str, object]]:
    """Return the state of a widget and of all that is in it."""
    state = run.widgets[model_id]["state"]
    children = [child.removeprefix("IPY_MODEL_") for child in state.get("children", [])]
    return [state, *(part for child in children for part in _parts(run, child))]

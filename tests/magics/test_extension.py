from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from typing import Any

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from jupyter_edge import EntityNotFoundError
from jupyter_edge.client import Pipeline
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.magics.extension import EdgeMagics, unload

from .conftest import LIMITS, Run

HEAVY = ["pandas", "numpy", "pyarrow", "matplotlib", "cv2", "requests", "ipywidgets", "yaml", "jupyter_edge.client"]


def test_loading_the_extension_loads_nothing_heavy() -> None:
    program = f"""
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "jupyter_edge")
loaded = set(sys.modules) - before
print([name for name in {HEAVY} if name in loaded], "edge" in shell.magics_manager.magics["line"])
"""
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert printed.strip() == "[] True"


def test_loading_twice_leaves_one_and_unloading_none(shell: InteractiveShell) -> None:
    shell.run_line_magic("load_ext", "jupyter_edge")
    shell.run_line_magic("reload_ext", "jupyter_edge")
    assert sum(isinstance(one, EdgeMagics) for one in shell.configurables) == 1
    assert len(shell.Completer.custom_matchers) == 1
    unload(shell)
    assert not shell.Completer.custom_matchers
    assert shell.find_line_magic("edge") is None


def test_a_verb_gives_the_object_of_the_python_api(run: Run, pipeline: str) -> None:
    found = run(f"%edge pipeline {pipeline}")
    assert isinstance(found, Pipeline)
    assert run(f"x = %edge pipeline {pipeline}\nx.name()") == pipeline


def test_out_puts_the_result_into_a_variable_and_shows_nothing(
    run: Run, shell: InteractiveShell, pipeline: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run("%edge models -o found") is None
    assert capsys.readouterr().out == ""
    assert [model.name() for model in shell.user_ns["found"]] == ["ccfraud"]
    with pytest.raises(InvalidInputError, match="-o a Python name"):
        run("%edge models -o no-name")


def test_json_is_printed(run: Run, pipeline: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run("%edge models --json") is None
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["versions"]) == ("ccfraud", 1)
    run(f"%edge pipeline {pipeline} --json")
    assert json.loads(capsys.readouterr().out)["steps"] == "ccfraud"


def test_a_semicolon_hides_the_value_and_is_no_part_of_the_line(
    run: Run, pipeline: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(f"%edge pipeline {pipeline};") is None
    assert run("%edge models ; ") is None
    assert capsys.readouterr().out == ""


def test_a_time_that_is_none_is_said_to_be_none(run: Run) -> None:
    with pytest.raises(
        InvalidInputError, match="--start: 'yesterday' is no time such as 2026-01-31T12:00: `%edge help"
    ):
        run("%edge logs any --start yesterday")


def test_quiet_shows_neither_progress_nor_result(run: Run, pipeline: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(f"%edge publish {pipeline} --quiet") is None
    assert capsys.readouterr().out == ""


def test_expressions_and_variables_are_filled_in(run: Run, shell: InteractiveShell, pipeline: str) -> None:
    shell.user_ns["parts"] = [pipeline]
    assert run("%edge pipeline {parts[0]}").name() == pipeline
    shell.user_ns["which"] = pipeline
    assert run("%edge pipeline $which").name() == pipeline


def test_variables_of_a_function_are_seen(run: Run, deployed: str) -> None:
    source = f"""
import pandas as pd
def ask():
    rows = pd.DataFrame({{"tensor": [[0.0] * 29]}})
    return get_ipython().run_line_magic("edge", "infer {deployed} rows")
ask()
"""
    assert len(run(source)) == 1


def shown(shell: InteractiveShell, source: str, capsys: pytest.CaptureFixture[str]) -> tuple[Any, str]:
    capsys.readouterr()
    outcome = shell.run_cell(source)
    return outcome.error_in_exec, capsys.readouterr().out


def test_an_error_is_one_red_line_that_names_the_next_step(
    shell: InteractiveShell, workspace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error, text = shown(shell, "%edge deploy nosuch", capsys)
    assert isinstance(error, EntityNotFoundError)
    assert text == (
        f"\x1b[31mEntityNotFoundError: Workspace {workspace} has no pipeline 'nosuch': "
        "`%edge pipeline nosuch MODEL` makes it.\x1b[0m\n"
    )


def test_an_error_shows_how_it_came_about_where_that_is_wanted(
    shell: InteractiveShell, run: Run, workspace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run("%config EdgeMagics.short_errors = False")
    _, text = shown(shell, "%edge deploy nosuch", capsys)
    assert "Traceback" in text
    assert "pipeline_of" in text


def test_an_error_can_be_caught_by_its_class(run: Run, workspace: str) -> None:
    source = """
from jupyter_edge import EntityNotFoundError
try:
    get_ipython().run_line_magic("edge", "deploy nosuch")
except EntityNotFoundError:
    caught = True
caught
"""
    assert run(source) is True


def test_an_interrupt_is_one_line_too(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
        monkeypatch.setenv("JUPYTER_EDGE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("JUPYTER_EDGE_TOKEN", "none")

        ended = threading.Event()

        def interrupt_once_asked() -> None:
            with silent.accept()[0]:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                ended.wait(60)

        asked = threading.Thread(target=interrupt_once_asked)
        asked.start()
        error, text = shown(shell, "%edge models", capsys)
        ended.set()
        asked.join(60)
    assert isinstance(error, KeyboardInterrupt)
    assert text.startswith("\x1b[31mInterrupted")
    assert len(text.splitlines()) == 1


def test_a_cell_that_a_verb_does_not_read_is_refused(run: Run) -> None:
    with pytest.raises(InvalidInputError, match="reads nothing from the cell"):
        run("%%edge models\nsomething")


def test_a_notebook_that_runs_twice_leaves_the_same_state(run: Run, name: str) -> None:
    story = [
        f"%edge workspace {name}",
        "%edge upload ccfraud $samples/ccfraud.onnx --fields tensor",
        f"%edge pipeline {name} ccfraud",
        f"%edge deploy {name} {LIMITS}",
        f"%edge infer {name} $samples/transactions.arrow -o answers",
        f"%edge publish {name} {LIMITS}",
        f"%edge edge add {name} {name}",
    ]
    states = []
    for _ in range(2):
        for cell in story:
            run(cell)
        pipeline = run(f"%edge pipeline {name}")
        states.append(
            {
                "versions of the model": [version.version() for version in run("%edge models")[0].versions()],
                "versions of the pipeline": [version.name() for version in pipeline.versions()],
                "deployment": (pipeline._deployment.id(), pipeline.status()["engines"][0]["name"]),
                "publishes": [publish.id for publish in pipeline.publishes()],
                "edges": [edge.name for edge in pipeline.list_edges()],
            }
        )
    run(f"%edge undeploy {name}")
    assert states[0] == states[1]


def test_an_engine_elsewhere_is_named_by_the_configuration(run: Run, magics: EdgeMagics, workspace: str) -> None:
    url = magics.session.client.api_endpoint
    run(f"%config EdgeMagics.url = {url!r}")
    status = run("%edge status").details()
    assert (status["engine"], status["found by"]) == (url, "%config EdgeMagics.url")


def test_rows_come_from_the_cell_a_variable_a_file_or_a_picture(
    run: Run, shell: InteractiveShell, deployed: str
) -> None:
    shell.user_ns["frame"] = pd.DataFrame({"tensor": [[0.0] * 29, [1.0] * 29]})
    row = json.dumps([{"tensor": [0.0] * 29}])
    assert len(run(f"%%edge infer {deployed}\n{row}")) == 1
    assert len(run(f"%edge infer {deployed} frame")) == 2
    answers = run(f"%edge infer {deployed} $samples/transactions.arrow")
    assert isinstance(answers, pd.DataFrame)
    assert len(answers) == 1000
    with pytest.raises(InvalidInputError, match="neither a variable nor a file"):
        run(f"%edge infer {deployed} nothing")
    with pytest.raises(InvalidInputError, match="no JSON"):
        run(f"%%edge infer {deployed}\n[{{")
    with pytest.raises(InvalidInputError, match="Give one of"):
        run(f"%edge infer {deployed}")
    with pytest.raises(InvalidInputError, match="no RGB picture"):
        run(f"%edge infer {deployed} --image $samples/shapes.png")


def test_profile_measures_a_pipeline(run: Run, deployed: str) -> None:
    row = json.dumps([{"tensor": [0.0] * 29}])
    profile = run(f"%%edge profile {deployed} --concurrency 1,2 --seconds 30 --requests 10\n{row}")
    assert profile.to_pandas()["requests"].tolist() == [10, 10]
    with pytest.raises(InvalidInputError, match="counts"):
        run(f"%edge profile {deployed} $samples/transactions.arrow --concurrency many")
    text = run(f"%edge profile {deployed} $samples/transactions.arrow --requests 9 --show python")
    assert "profile(" in text
    assert ", [1, 2, 4, 8], 2.0, 9)" in text


def test_a_picture_becomes_the_tensor_of_the_models_schema(run: Run, workspace: str) -> None:
    run("%edge upload shapes $samples/shapes.onnx --fields images --batch single")
    run(f"%edge pipeline {workspace} shapes")
    run(f"%edge deploy {workspace} {LIMITS}")
    answer = run(f"%edge infer {workspace} --image $samples/shapes.png")
    run(f"%edge undeploy {workspace}")
    assert len(answer) == 1
    assert "out.output0" in answer


def test_an_edge_that_has_not_joined_gets_a_new_bundle_and_the_old_one_is_void(run: Run, published: str) -> None:
    first = run(f"%edge edge add {published} {published} --tags berlin,mitte")
    second = run(f"%edge edge add {published} {published}")
    assert first.has_bundle
    assert second.has_bundle
    assert first.publish.docker_run_variables != second.publish.docker_run_variables
    assert second.edge.tags == ["berlin", "mitte"]
    assert "EDGE_BUNDLE" not in repr(second)
    assert second.publish.docker_run_variables["EDGE_BUNDLE"] not in repr(second) + second._repr_html_()


def test_the_whole_loop_runs_beside_the_notebook(run: Run, published: str) -> None:
    edge = run(f"%edge serve {published} --as {published}")
    assert run(f"%edge serve {published} --as {published}") is edge
    assert [one.name for one in run("%edge serve")] == [published]
    run(f"%edge infer {published} $samples/transactions.arrow --at {published} -o answers")
    run(f"%edge serve --stop {published}")
    assert not edge.running
    logs = run(f"%edge logs {published} --limit 5000 --dataset metadata")
    assert set(logs["metadata.partition"]) == {published}
    again = run(f"%edge edge add {published} {published}")
    assert not again.has_bundle
    assert "has no bundle any more" in repr(again)
    with pytest.raises(EntityNotFoundError, match="serve its pipeline first"):
        run(f"%edge serve --stop {published}")


def test_no_wait_returns_the_job(run: Run, pipeline: str) -> None:
    job = run(f"%edge deploy {pipeline} {LIMITS} --no-wait")
    assert job.kind == "deploy"
    assert job.wait().state == "succeeded"
    assert run(f"%edge undeploy {pipeline} --no-wait").kind == "undeploy"
    assert run(f"%edge publish {pipeline} --no-wait").wait().state == "succeeded"
    assert {job.kind for job in run("%edge jobs")} >= {"deploy", "undeploy", "publish"}


def test_cancel_says_when_there_is_nothing_to_cancel(run: Run, workspace: str) -> None:
    done = run("%edge upload ccfraud $samples/ccfraud.onnx") and run("%edge jobs")[0]
    assert (done.kind, done.subject) == ("upload", "ccfraud")
    assert run(f"%edge cancel {done.id}").state == done.state
    for show in ("", "--show curl", "--show python"):
        with pytest.raises(EntityNotFoundError, match="nothing to cancel"):
            run(f"%edge cancel {show}")


def test_another_workspace_is_used_once(run: Run, workspace: str, name: str) -> None:
    other = f"{name}-other"
    run(f"%edge workspace {other}")
    run("%edge upload here $samples/ccfraud.onnx")
    run(f"%edge workspace {workspace}")
    assert [model.name() for model in run(f"%edge models --workspace {other}")] == ["here"]
    assert list(run("%edge models")) == []
    with pytest.raises(EntityNotFoundError, match="no workspace"):
        run("%edge models --workspace nosuch")


def test_logs_are_exported(run: Run, deployed: str, tmp_path: Any) -> None:
    run(f"%edge infer {deployed} $samples/transactions.arrow -o answers")
    assert str(tmp_path) in run(f"%edge export {deployed} --directory {tmp_path} --limit 10")
    (file,) = tmp_path.glob(f"{deployed}-*.json")
    assert len(file.read_text().splitlines()) == 10


def test_status_starts_no_engine_and_down_stops_the_one_of_this_home(
    run: Run, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_EDGE_HOME", str(tmp_path / "home"))
    assert "none runs" in run("%edge status").details()["engine"]
    assert not (tmp_path / "home").exists()
    assert run("%edge down") == "No engine runs in this home."
    try:
        assert run("%edge up").details()["pipelines"] == 0
    finally:
        assert run("%edge down") == "The engine has stopped."

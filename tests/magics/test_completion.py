from __future__ import annotations

import socket
from pathlib import Path

import pandas as pd
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from traitlets.config import Config

from jupyter_edge.magics.extension import EdgeMagics, load
from jupyter_edge.magics.parser import parse
from jupyter_edge.magics.verbs import VERBS

from .conftest import Run


def completed(shell: InteractiveShell, text: str) -> list[str]:
    """What a frontend would offer at the end of a text, by the line that each would make, if another one."""
    with provisionalcompleter():
        lines = [text[: one.start] + one.text for one in shell.Completer.completions(text, len(text))]
    return [line for line in lines if line != text]


def refreshed(magics: EdgeMagics) -> None:
    """Wait until the cache has been filled once from now on."""
    while (thread := magics.completer.refresh()) is None:
        pass
    thread.join(30)


def test_verbs_and_nothing_else_complete(shell: InteractiveShell) -> None:
    words = list(dict.fromkeys(verb.name.split()[0] for verb in VERBS))
    assert completed(shell, "%edge ") == [f"%edge {word}" for word in words]
    assert completed(shell, "%edge un") == ["%edge undeploy"]
    assert completed(shell, "%%edge inf") == ["%%edge infer"]
    assert completed(shell, "x = %edge wor") == ["x = %edge workspace"]
    assert completed(shell, "%edge edge ") == ["%edge edge add", "%edge edge remove", "%edge edge list"]


def test_flags_and_their_choices_complete(shell: InteractiveShell) -> None:
    assert completed(shell, "%edge deploy x --rep") == ["%edge deploy x --replicas"]
    assert "%edge deploy x --cpus 1 --cpus" not in completed(shell, "%edge deploy x --cpus 1 --")
    assert completed(shell, "%edge deploy x --arch ") == ["%edge deploy x --arch x86", "%edge deploy x --arch arm"]
    assert completed(shell, "%edge publish x --show po") == ["%edge publish x --show podman"]
    assert completed(shell, "%edge help dep") == ["%edge help deploy"]
    assert completed(shell, "%edge help edge a") == ["%edge help edge add"]


def test_files_and_variables_complete(shell: InteractiveShell, in_samples: Path) -> None:
    shell.user_ns["frame"] = pd.DataFrame()
    (in_samples / "models").mkdir()
    assert completed(shell, "%edge upload x cc") == ["%edge upload x ccfraud.onnx"]
    assert completed(shell, "%edge upload x mod") == ["%edge upload x models/"]
    assert completed(shell, f"%edge upload x {in_samples}/cc") == [f"%edge upload x {in_samples}/ccfraud.onnx"]
    assert completed(shell, "%edge infer x fra") == ["%edge infer x frame"]
    assert completed(shell, "%edge infer x tra") == ["%edge infer x transactions.arrow"]
    assert completed(shell, "%edge models -o fra") == ["%edge models -o frame"]
    assert completed(shell, "%edge upload x nowhere/") == []
    assert completed(shell, "%edge models ") == []


def test_files_complete_with_spaces_in_their_names_and_hidden_ones_when_asked_for(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("my model.onnx", "my other.onnx", ".hidden"):
        (tmp_path / name).touch()
    line = "%edge upload x "
    assert completed(shell, line) == [rf"{line}my\ model.onnx", rf"{line}my\ other.onnx"]
    assert completed(shell, f"{line}.") == [f"{line}.hidden"]
    (made,) = completed(shell, rf"{line}my\ m")
    assert made == rf"{line}my\ model.onnx"
    _, options = parse(made.removeprefix("%edge "))
    assert options.file == "my model.onnx"


def test_verbs_complete_in_a_terminal() -> None:
    shell = TerminalInteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    load(shell)
    assert completed(shell, "%edge unde") == ["%edge undeploy"]


def test_names_of_the_engine_complete(shell: InteractiveShell, magics: EdgeMagics, run: Run, published: str) -> None:
    run(f"%edge edge add {published} {published} --quiet")
    run(f"%edge serve {published} --as {published} --quiet")
    refreshed(magics)
    start = published[:6]
    for line in ("deploy {}", "edge add x {}", "serve --as {}", "edge remove {}", "workspace {}", "serve --stop {}"):
        assert completed(shell, f"%edge {line.format(start)}") == [f"%edge {line.format(published)}"]
    assert completed(shell, f"%edge infer {published} --at {start}") == [f"%edge infer {published} --at {published}"]
    for line in ("pipeline x cc", "pipeline x ccfraud cc"):
        assert completed(shell, f"%edge {line}") == [f"%edge {line}fraud"]
    assert completed(shell, "%edge deploy x cc") == []
    run(f"%edge serve --stop {published}")


def test_other_lines_complete_as_ever(shell: InteractiveShell) -> None:
    shell.user_ns["edges_of_mine"] = []
    assert "edges_of_mine" in completed(shell, "edges_of")
    assert "%edge" in completed(shell, "%edg")
    assert "edges_of_mine" not in completed(shell, "%edge edges_of")


def test_completion_waits_for_no_engine(
    shell: InteractiveShell, magics: EdgeMagics, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
        magics.session.url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("JUPYTER_EDGE_TOKEN", "none")
        monkeypatch.setenv("JUPYTER_EDGE_URL", magics.session.url)
        assert completed(shell, "%edge deploy x") == []
        assert magics.completer.refresh() is None, "the thread is not waiting for the engine"
        assert completed(shell, "%edge dep") == ["%edge deploy"]
    refreshed(magics)


def test_completion_starts_no_engine(
    magics: EdgeMagics, shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_EDGE_HOME", str(tmp_path / "home"))
    refreshed(magics)
    assert completed(shell, "%edge deploy x") == []
    assert not (tmp_path / "home").exists()

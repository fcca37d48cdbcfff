from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from jupyter_edge.client import EdgeError
from jupyter_edge.magics.extension import EdgeMagics

from .conftest import Run
from .test_commands import command

CALL = re.compile(r"\w\([^)]*\)|\w+/list")


def said(run: Run, line: str) -> str:
    with pytest.raises(EdgeError) as raised:
        run(line)
    return str(raised.value)


def test_an_error_of_a_verb_advises_verbs(run: Run, magics: EdgeMagics, published: str, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"?")
    magics.session.client.build_pipeline(f"{published}-empty")
    lines = {
        "models --workspace nosuch": "`%edge workspace` shows them, `%edge workspace NAME` makes one",
        f"infer {published} $samples/transactions.arrow": f"call `%edge deploy {published}` first",
        f"deploy {published}-empty": f"`%edge pipeline {published}-empty MODEL` adds one",
        f"publish {published}-empty": f"`%edge pipeline {published}-empty MODEL` adds one",
        f"serve {published}-empty": f"`%edge publish {published}-empty` does that",
        f"upload m {tmp_path}/model.bin": "give --framework onnx",
        f"logs {published} --start 2026-01-01": "Give --start and --end together",
        f"deploy {published} --replicas 0": "--replicas is 0",
        f"pipeline {published} nosuch": "`%edge upload nosuch FILE` brings it",
        "cancel 1234567": "`%edge jobs` names those that are kept",
    }
    for line, advice in lines.items():
        text = said(run, f"%edge {line}")
        assert advice in text
        assert not CALL.search(text)
    text = said(run, f"%%edge pipeline {published}\nsteps: [{{model: nosuch}}]")
    assert "`%edge upload NAME FILE` brings one" in text


def test_the_same_error_advises_calls_to_python_and_commands_to_a_terminal(run: Run, pipeline: str) -> None:
    with pytest.raises(EdgeError, match=r"call deploy\(\) first"):
        run(f"%edge pipeline {pipeline}").url()
    with pytest.raises(EdgeError, match=r"client\.jobs\(\) names those"):
        run("%edge jobs -o jobs\nget_ipython().user_ns['jobs'][0]._transport.post('jobs/get', {'id': 1234567})")
    assert "`jupyter edge jobs` names those" in command("cancel 1234567", status=1).stderr
    assert "`jupyter edge workspace` shows them" in command("models --workspace nosuch", status=1).stderr


def test_a_warning_of_a_verb_advises_verbs(run: Run, deployed: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(f"%edge infer {deployed} $samples/transactions.arrow -o answers")
    capsys.readouterr()
    run(f"%edge logs {deployed} --limit 5 -o logs")
    assert f"using `%edge export {deployed}`." in capsys.readouterr().err


def test_an_engine_that_does_not_answer_or_knows_another_token_is_looked_for_again(
    run: Run, magics: EdgeMagics, workspace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = magics.session.client.api_endpoint
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("JUPYTER_EDGE_TOKEN", "another")
    for wrong, advice in ((nobody, "`%edge up` starts it again"), (url, "Run `%edge up`, or check JUPYTER_EDGE_TOKEN")):
        magics.url = wrong
        assert advice in said(run, "%edge models")
        assert magics.session.known_client is None
    monkeypatch.delenv("JUPYTER_EDGE_TOKEN")
    assert run("%edge models") is not None

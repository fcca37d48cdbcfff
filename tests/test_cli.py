from __future__ import annotations

import pytest

import jupyter_edge
from jupyter_edge.cli import main


def test_help_says_what_the_program_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "publish and watch ONNX pipelines" in " ".join(capsys.readouterr().out.split())


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"jupyter-edge {jupyter_edge.__version__}\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("deplyo x", "There is no verb 'deplyo' (did you mean deploy?): `jupyter edge help` lists all."),
        ("edge ad x", "There is no verb 'edge ad' (did you mean edge add?): `jupyter edge help` lists all."),
        ("engine lgs", "There is no verb 'engine lgs' (did you mean engine logs?): `jupyter edge help` lists all."),
        ("qqq", "There is no verb 'qqq': `jupyter edge help` lists all."),
    ],
)
def test_a_verb_that_is_not_known_is_answered_with_the_nearest(
    line: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 1
    assert capsys.readouterr().err == f"jupyter-edge: {words}\n"

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

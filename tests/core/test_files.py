from __future__ import annotations

import stat
from pathlib import Path

import pytest

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.files import existing_file, write_private


def test_a_file_is_found_from_the_home_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model.onnx").touch()
    assert existing_file("~/model.onnx") == tmp_path / "model.onnx"


def test_what_is_no_file_is_named_with_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("nosuch.onnx", "."):
        with pytest.raises(InvalidInputError, match=f"no file {name} .*{tmp_path.name}.*check the path"):
            existing_file(name)


def test_a_private_file_is_replaced_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("a longer text than the new one")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [*tmp_path.iterdir()] == [path]

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from jupyter_edge.core.files import write_private
from jupyter_edge.core.home import EngineAddress, Home


def test_an_address_comes_back_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    address = EngineAddress(1, "http://127.0.0.1:8790", "t0ken")
    home.write_address(address)
    assert home.read_address() == address
    assert stat.S_IMODE(home.address_file.stat().st_mode) == 0o600
    assert "t0ken" not in repr(address)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_file_that_is_no_address_counts_as_none(tmp_path: Path, text: str) -> None:
    home = Home(tmp_path)
    home.address_file.write_text(text)
    assert home.read_address() is None


def test_a_home_that_is_a_file_has_no_engine(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    assert Home(tmp_path / "home").read_address() is None


def test_the_home_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_EDGE_HOME", str(tmp_path / "home"))
    assert Home().path == tmp_path / "home"


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_private(path, "before")
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "\ud800")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]

"""The hook that builds the panel: what was built stays where a build fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.build import hooks


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "labextension"
    folder.mkdir()
    (folder / "old.js").touch()
    return folder


def build(built: Path, made: str, *, fails: bool) -> None:
    with hooks._replacing(built):
        built.mkdir()
        (built / made).touch()
        if fails:
            sys.exit("it does not compile")


def test_a_build_that_fails_leaves_what_was_there(built: Path) -> None:
    with pytest.raises(SystemExit):
        build(built, "half.js", fails=True)
    assert [path.name for path in built.iterdir()] == ["old.js"]
    assert list(built.parent.iterdir()) == [built]


def test_a_build_that_succeeds_leaves_nothing_of_the_one_before(built: Path) -> None:
    build(built, "new.js", fails=False)
    assert [path.name for path in built.iterdir()] == ["new.js"]
    assert list(built.parent.iterdir()) == [built]

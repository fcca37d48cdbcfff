"""The hook that compiles the library that reads numbers: with a compiler, and without."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hatchling.bridge.app import Application

from jupyter_edge.runtime.codecs.compiled_numbers import load
from tests.build import COMPILER, ROOT, hooks

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler, by CXX or as c++")


class Heard(Application):
    """Keeps the warnings that a build prints."""

    def __init__(self) -> None:
        super().__init__()
        self.warnings: list[str] = []

    def display_warning(self, message: str = "", **_: Any) -> None:
        self.warnings.append(message)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    source = tmp_path / hooks._LIBRARY_SOURCE
    source.parent.mkdir(parents=True)
    shutil.copy(ROOT / hooks._LIBRARY_SOURCE, source)
    return tmp_path


def build(checkout: Path, target: str = "wheel") -> tuple[dict[str, Any], list[str]]:
    """Return what the hook has hatchling do, and what it says."""
    said, data = Heard(), {"artifacts": [], "pure_python": True}
    hook = hooks.LibraryBuildHook(str(checkout), {}, None, None, str(checkout), target, said)
    hook.initialize("standard", data)
    return data, said.warnings


@needs_compiler
def test_a_wheel_with_the_library_names_the_machines_and_no_python(checkout: Path) -> None:
    data, warnings = build(checkout)
    assert data["artifacts"] == [f"/{hooks._LIBRARY}"]
    python, abi, platform = data["tag"].split("-")
    assert (python, abi, data["pure_python"]) == ("py3", "none", False)
    assert platform.startswith(("linux_", "macosx_"))
    assert warnings == []
    assert load(checkout / hooks._LIBRARY) is not None
    assert len(list((checkout / hooks._LIBRARY).parent.iterdir())) == 2


@needs_compiler
def test_a_changed_source_is_compiled_anew(checkout: Path) -> None:
    build(checkout)
    source = checkout / hooks._LIBRARY_SOURCE
    source.write_text(source.read_text().replace("read_numbers", "another"))
    build(checkout)
    assert load(checkout / hooks._LIBRARY) is None  # it has no read_numbers


@pytest.mark.parametrize("compiler", ["/nowhere/c++", "false", "'a b' --option"])
def test_without_a_compiler_that_works_the_wheel_is_pure_and_the_build_says_what_is_lost(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, compiler: str
) -> None:
    monkeypatch.setenv("CXX", compiler)
    library = checkout / hooks._LIBRARY
    library.write_bytes(b"of another time")
    data, (warning,) = build(checkout)
    assert data == {"artifacts": [], "pure_python": True}
    assert not library.exists()
    assert "an image in JSON takes a third longer" in warning
    assert "Install a C++ compiler" in warning
    assert load(library) is None


def test_an_sdist_holds_no_library(checkout: Path) -> None:
    assert build(checkout, "sdist") == ({"artifacts": [], "pure_python": True}, [])
    assert not (checkout / hooks._LIBRARY).exists()


@needs_compiler
def test_the_library_of_another_machine_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "libcompiled_numbers.so"
    file.write_bytes(b"\x7fELF of a machine that is not this one")
    assert load(file) is None

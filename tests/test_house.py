"""The rules of the house: who may import whom, and what a device may load."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import jupyter_edge

PACKAGE = Path(jupyter_edge.__file__).parent
ALLOWED = {
    "core": set(),
    "runtime": {"core"},
    "logs": {"core"},
    "oci": {"core"},
    "edge": {"core", "runtime", "logs", "oci"},
    "engine": {"core", "logs", "oci"},
    "display": {"core"},
    "vision": {"core"},
    "samples": set(),
    "client": {"core", "display", "vision"},
    "widgets": {"core", "client", "display", "vision"},
    "compat": {"core", "client", "vision", "display"},
    "magics": {"core", "client", "vision", "display"},
    "server": {"core", "client"},
}
HEAVY = ("IPython", "ipywidgets", "pandas", "matplotlib", "fastapi", "starlette", "sqlalchemy", "pyarrow")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    for path in (PACKAGE / room).rglob("*.py"):
        used = {name.split(".")[1] for name in imports(path) if name.startswith("jupyter_edge.")}
        assert used - {room} <= ALLOWED[room], path


def test_onnxruntime_is_imported_only_where_its_telemetry_is_turned_off() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert not any(name.split(".")[0] == "onnxruntime" for name in imports(path)), path
    program = (
        "from jupyter_edge.core.telemetry import import_onnxruntime; import os; import_onnxruntime();"
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={})


def imported(*folders: Path) -> set[str]:
    """Return the distributions that the code below some folders imports, as their names are compared."""
    modules = {name.split(".")[0] for folder in folders for path in folder.rglob("*.py") for name in imports(path)}
    distributions = importlib.metadata.packages_distributions()
    return {plain(name) for module in modules for name in distributions.get(module, [])} - {"jupyter-edge"}


def plain(requirement: str) -> str:
    return re.split(r"[<>=\[]", requirement)[0].lower().replace("_", "-")


def test_what_is_imported_is_declared_and_explained() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    declared = set(map(plain, project["dependencies"]))
    for_tests = {plain(name) for extra in project["optional-dependencies"].values() for name in extra}
    comes_along = {"pydantic-core", "pillow"}  # with pydantic; with matplotlib, and imported only where it is there
    assert imported(PACKAGE) - comes_along <= declared
    assert imported(PACKAGE.parent / "tests", PACKAGE.parent / "benchmarks") <= declared | for_tests
    explained = (PACKAGE.parent / "docs" / "dependencies.md").read_text()
    assert not [name for name in declared | for_tests if not re.search(rf"(?<![\w-]){name}(?![\w-])", explained)]
    for table in re.findall(r"(?<=\| --- \|\n)(?:\|.*\n)+", explained):
        packages = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
        assert packages == sorted(packages)


@pytest.mark.parametrize("module", ["jupyter_edge.edge.agent", "jupyter_edge.edge.replica", "jupyter_edge.cli"])
def test_what_runs_on_a_device_loads_nothing_heavy(module: str) -> None:
    program = f"import {module}, sys; print([name for name in {HEAVY} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert loaded.strip() == "[]"


def test_no_module_is_longer_than_a_head_holds() -> None:
    modules = (*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "tests").rglob("*.py"))
    long = [path for path in modules if len(path.read_text().splitlines()) > 400]
    assert not long

"""Notebooks are built from scripts, the same each time, and nobody edits one alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

from tests.notebooks.conftest import FOLDER

TOOL = FOLDER.parent / "tools" / "build_notebooks.py"


def build(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOL), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def copy_of(folder: Path) -> Path:
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns(".*"))
    return folder


def test_every_notebook_is_what_its_script_says() -> None:
    assert build("--check").stderr == ""


def test_a_notebook_that_was_edited_or_run_is_found(tmp_path: Path) -> None:
    folder = copy_of(tmp_path / "notebooks")
    path = folder / "01_quickstart.ipynb"
    before = path.read_text()
    path.write_text(before.replace('"outputs": []', '"outputs": [{"name": "stdout"}]', 1))
    done = build("--check", str(folder))
    assert done.returncode == 1
    assert done.stderr == "01_quickstart.ipynb is not what 01_quickstart.py says: run `make notebooks`.\n"
    assert build(str(folder)).returncode == 0
    assert path.read_text() == before


def test_a_notebook_without_a_script_is_found(tmp_path: Path) -> None:
    folder = copy_of(tmp_path / "notebooks")
    (folder / "05_widgets_tour.py").unlink()
    assert "05_widgets_tour.ipynb has no script" in build("--check", str(folder)).stderr


def test_the_ids_of_other_cells_stay_when_one_is_added(tmp_path: Path) -> None:
    folder = copy_of(tmp_path / "notebooks")
    script, notebook = folder / "02_card_fraud.py", folder / "02_card_fraud.ipynb"
    before = [cell.id for cell in nbformat.read(notebook, as_version=4).cells]
    script.write_text(script.read_text().replace("# %%\n", "# %%\n1 + 1\n\n# %%\n", 1))
    assert build(str(folder)).returncode == 0
    after = [cell.id for cell in nbformat.read(notebook, as_version=4).cells]
    assert len(after) == len(before) + 1
    assert [cell_id for cell_id in after if cell_id in before] == before


def test_cells_of_the_same_text_have_ids_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "twins.py").write_text("# %%\nx = 1\n\n# %%\nx = 1\n")
    assert build(str(tmp_path)).returncode == 0
    notebook = nbformat.read(tmp_path / "twins.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert len({cell.id for cell in notebook.cells}) == 2

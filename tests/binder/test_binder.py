"""What Binder does with the folder `binder/`: the image that it would build, and what runs before Jupyter in it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import repo2docker.buildpacks.conda
from packaging.requirements import Requirement

from jupyter_edge.client.discovery import find_engine, stop_engine
from jupyter_edge.core.home import Home

ROOT = Path(__file__).parents[2]
START = ROOT / "binder" / "start"
NOTEBOOK = "notebooks/01_quickstart.ipynb"


@pytest.fixture(scope="module")
def dockerfile() -> str:
    """What repo2docker would build, and what it says of it, without Docker."""
    user = ["--user-id=1000", "--user-name=jovyan"]
    done = subprocess.run(
        [sys.executable, "-m", "repo2docker", "--no-build", "--debug", *user, "."],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of Binder's user: a home folder and the commands, nothing of ours."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "OCI_"))}
    environ = kept | {"HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    yield environ
    stop_engine(Home(tmp_path / ".jupyter_edge"))


def start(environ: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(START), *command], env=environ, capture_output=True, text=True, timeout=120, check=False)


def test_the_image_has_a_python_that_the_package_runs_on(dockerfile: str) -> None:
    assert "Building conda environment for python=3.12\n" in dockerfile


def test_the_repository_is_copied_before_it_is_installed(dockerfile: str) -> None:
    copied = re.search(r"^COPY --chown=1000:1000 src/ \$\{REPO_DIR\}/$", dockerfile, re.MULTILINE)
    installed = dockerfile.index('pip install --no-cache-dir -r "binder/requirements.txt"')
    assert copied is not None
    assert copied.start() < installed


def test_what_runs_before_jupyter_is_ours(dockerfile: str) -> None:
    assert 'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in dockerfile


def test_pip_replaces_nothing_of_jupyter_in_the_image() -> None:
    folder = Path(repo2docker.buildpacks.conda.__file__).parent
    lock = (folder / "environment.py-3.12-linux-64.lock").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ours = {requirement.name: requirement for requirement in map(Requirement, project["dependencies"])}
    for name in ("jupyterlab", "ipykernel", "ipywidgets"):
        (version,) = re.findall(rf"/{name}-([\d.]+)-", lock)
        assert version in ours[name].specifier, f"{name} {version}"


def test_the_first_cell_finds_an_engine_that_runs(environ: dict[str, str], tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell("from jupyter_edge.client.discovery import find_engine\nprint(find_engine().url)")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "first cell.ipynb")
    done = start(environ, "jupyter", "execute", "--inplace", str(tmp_path / "first cell.ipynb"))
    assert done.returncode == 0, done.stderr
    engine = find_engine(Home(tmp_path / ".jupyter_edge"))
    assert engine is not None
    (output,) = nbformat.read(tmp_path / "first cell.ipynb", as_version=4).cells[0].outputs
    assert output.text == f"{engine.url}\n"


def test_jupyter_takes_the_place_of_the_script(environ: dict[str, str]) -> None:
    process = subprocess.Popen([str(START), "sh", "-c", "echo $$; exit 7"], env=environ, stdout=subprocess.PIPE)
    out, _ = process.communicate(timeout=120)
    assert out.decode().splitlines()[-1] == str(process.pid)
    assert process.returncode == 7


def test_jupyter_starts_although_the_engine_does_not(environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = start(environ | {"JUPYTER_EDGE_PORT": str(taken.getsockname()[1])}, "echo", "Jupyter")
    assert done.returncode == 0
    assert done.stdout == "Jupyter\n"
    assert "Address already in use" in done.stderr


def test_the_link_opens_a_notebook_that_there_is() -> None:
    page = (ROOT / "docs" / "notebooks.md").read_text()
    assert set(re.findall(r"urlpath=lab/tree/(\S+?\.ipynb)", page)) == {NOTEBOOK}
    assert (ROOT / NOTEBOOK).is_file()

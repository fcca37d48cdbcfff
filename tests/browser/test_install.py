"""What `pip install .` leaves where there is no node: JupyterLab has the panel, and Jupyter Server its extension."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
_ENOUGH_SECONDS = 1500  # npm's packages may have to be fetched, and all that the package needs
_COLOUR = re.compile(r"\x1b\[\d+m")


def test_a_checkout_installs_with_the_panel_where_there_is_no_node(tmp_path: Path) -> None:
    environ = {**os.environ, "PATH": path_without_node(tmp_path / "bin"), "JUPYTER_PLATFORM_DIRS": "1"}
    for name in ("JUPYTER_PATH", "PYTHONPATH"):
        environ.pop(name, None)
    assert shutil.which("node", path=environ["PATH"]) is None
    checkout, clean = tmp_path / "checkout", tmp_path / "clean"
    run(["git", "clone", "--quiet", str(ROOT), str(checkout)], environ)
    run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", f"--wheel-dir={tmp_path}", str(checkout)],
        environ,
    )
    (wheel,) = tmp_path.glob("jupyter_edge-*.whl")
    expect_assets(wheel)
    run([sys.executable, "-m", "venv", str(clean)], environ)
    python = str(clean / "bin" / "python")
    run([python, "-m", "pip", "install", "--quiet", str(wheel)], environ)
    panels = run([python, "-m", "jupyterlab.labextensions", "list"], environ)
    assert re.search(r"^ *jupyter-edge v\S+ enabled OK", panels, re.MULTILINE), panels
    servers = run([python, "-m", "jupyter_server.extension.serverextension", "list"], environ)
    assert re.search(r"^ *jupyter_edge enabled$", servers, re.MULTILINE), servers
    assert re.search(r"^ *jupyter_edge \S+ OK$", servers, re.MULTILINE), servers


def path_without_node(folder: Path) -> str:
    """Return a PATH that holds only what a build may call, and node under no name."""
    folder.mkdir()
    for name in ("bash", "env", "git", "sh", "uname"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return str(folder)


def expect_assets(wheel: Path) -> None:
    place = "/share/jupyter/labextensions/jupyter-edge/"
    with zipfile.ZipFile(wheel) as archive:
        held = [name.partition(place)[2] for name in archive.namelist() if place in name]
    assert {"package.json", "install.json", "schemas/jupyter-edge/panel.json"} <= set(held)
    assert any(re.fullmatch(r"static/remoteEntry\.\w+\.js", name) for name in held), held


def run(command: list[str], environ: dict[str, str]) -> str:
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=_ENOUGH_SECONDS, check=False, cwd=environ["HOME"]
    )
    said = _COLOUR.sub("", done.stdout + done.stderr)
    assert done.returncode == 0, said
    return said

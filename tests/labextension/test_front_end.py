"""The front end's own tests and checks, where node and its packages are, as they are after it was built here."""

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


@pytest.mark.parametrize(
    "tool",
    [
        ["vitest/vitest.mjs", "run"],
        ["typescript/bin/tsc", "--noEmit"],
        ["eslint/bin/eslint.js", "--max-warnings", "0", "."],
        ["prettier/bin/prettier.cjs", "--check", "."],
    ],
    ids=lambda tool: tool[0].split("/")[0],
)
def test_the_front_end_passes(tool: list[str]) -> None:
    command = [str(NODE), str(ROOT / "node_modules" / tool[0]), *tool[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

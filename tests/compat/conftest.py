"""Python processes of their own: what is importable in one cannot be known from the tests' own process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import jupyter_edge

ROOT = Path(jupyter_edge.__file__).parent.parent


@pytest.fixture
def python(tmp_path: Path) -> Callable[[str], str]:
    """Run a program in ``tmp_path``, which is first on its path as a notebook's folder is; return what it prints."""

    def run(program: str) -> str:
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run

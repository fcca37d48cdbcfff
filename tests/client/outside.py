from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def bash(text: str, *, path: Path | None = None) -> str:
    """Run text as a terminal would, with the variables that it says it needs, and a folder's programs before others."""
    folders = [str(path or ""), str(Path(sys.executable).parent), os.environ["PATH"]]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f'eval "$(jupyter-edge env)"\n{text}'],
        env=os.environ | {"PATH": ":".join(filter(None, folders))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(text: str) -> str:
    """Run a program in another process."""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, text + done.stderr
    return done.stdout

"""The build's hooks, which hatchling finds at the top of the project."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMPILER = shutil.which(shlex.split(os.environ.get("CXX", "c++"))[0])

_spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
assert _spec
assert _spec.loader
hooks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(hooks)

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LOADING = """
import gc, json, os
from jupyter_edge.core.loading import begin_loading, end_loading
begin_loading()
import numpy
found = [len(os.listdir("/proc/self/task")), gc.isenabled(), os.environ["OPENBLAS_NUM_THREADS"]]
end_loading()
print(json.dumps([*found, gc.isenabled(), gc.get_freeze_count() > 10_000]))
"""
SERVING = "import jupyter_edge.edge.agent, jupyter_edge.edge.replica, sys; print(*sys.modules)"
NOT_TO_SERVE = {"email.utils", "jupyter_edge.oci.artifact", "jupyter_edge.oci.client", "requests", "shutil", "tempfile"}
# Tells which modules a program has loaded when it begins to load.
PROGRAM = """
import runpy, sys
import jupyter_edge.core.loading
def show():
    sys.exit(" ".join(sys.modules))
jupyter_edge.core.loading.begin_loading = show
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__")
"""

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads as Linux shows them")
def test_loading_starts_no_threads_and_collects_no_garbage_until_it_ends() -> None:
    done = run(LOADING)
    assert json.loads(done.stdout) == [1, False, "1", True, True], done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["jupyter_edge.edge.replica"],
        ["jupyter_edge.engine"],
        ["jupyter_edge.runtime.inspect", "model.onnx"],
        ["jupyter_edge.cli", "serve", "--host=0.0.0.0", "--port", "8081"],
        ["jupyter_edge.cli", "engine", "run"],
    ],
)
def test_a_program_begins_to_load_before_it_imports_what_takes_long(arguments: list[str]) -> None:
    loaded = set(run(PROGRAM, *arguments).stderr.split())
    assert "jupyter_edge.core.loading" in loaded
    assert not {"numpy", "asyncio", "onnxruntime"} & loaded
    assert arguments[:2] != ["jupyter_edge.cli", "serve"] or "jupyter_edge.magics" not in loaded


def test_what_only_fetches_or_writes_files_is_not_loaded_before_it_is_needed() -> None:
    loaded = set(run(SERVING).stdout.split())
    assert {"jupyter_edge.edge.agent", "numpy"} <= loaded
    assert not NOT_TO_SERVE & loaded

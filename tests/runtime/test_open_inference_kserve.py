from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from jupyter_edge.runtime.pipeline import Pipeline
from tests.runtime.conftest import HandlerMaker, ServerMaker


@pytest.mark.external
def test_kserves_own_client_is_served(
    start_server: ServerMaker, make_handler: HandlerMaker, doubling: Pipeline
) -> None:
    python = os.environ.get("JUPYTER_EDGE_TEST_KSERVE")
    if not python:
        pytest.skip("KServe's client is not here: name a Python that has it in JUPYTER_EDGE_TEST_KSERVE")
    port = start_server(make_handler(doubling, token="t0ken"))
    program = Path(__file__).with_name("kserve_program.py")
    run = subprocess.run(
        [python, program, f"http://127.0.0.1:{port}", "t0ken"], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr

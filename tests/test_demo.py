from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_the_demo_runs_whatever_engine_the_environment_names(tmp_path: Path) -> None:
    other = {
        "JUPYTER_EDGE_URL": "http://127.0.0.1:9",
        "JUPYTER_EDGE_TOKEN": "t",
        "JUPYTER_EDGE_REGISTRY": "127.0.0.1:9",
    }
    command = [sys.executable, "-m", "jupyter_edge.cli", "demo", "--folder", str(tmp_path)]
    run = subprocess.run(command, env=os.environ | other, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    for shown in ("flagged", "demo-shop", "triangle", f"Picture: {tmp_path / 'detections.png'}"):
        assert shown in run.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["detections.png"], "the demo's home is gone"

"""Run all benchmarks, one after the other: `python -m benchmarks`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

for script in (HERE / "runtime" / "latency.py", HERE / "lifecycle.py"):
    print(f"== {script.relative_to(HERE.parent)}", flush=True)
    subprocess.run([sys.executable, str(script)], check=True)

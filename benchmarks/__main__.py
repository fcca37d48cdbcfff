"""Run benchmarks one after the other, and write docs/benchmarks.md: `python -m benchmarks [NAME ...]`.

Sections of benchmarks that are not named stay as they are.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
PARTS = {
    "budgets": "Inference",
    "log": "What the log costs",
    "deployment": "A deployment",
    "client": "The Python client",
    "lifecycle": "Starting and publishing",
    "arrow": "Reading Arrow",
    "vision": "Detections",
    "panel": "JupyterLab",
}
INTRODUCTION = """# Benchmarks

`make bench-peers` installs the other servers, each into an environment of its own; `make bench` measures, and writes
this page. The works of a table are done in turns, round after round, so that other processes of the machine disturb all
of them alike. A figure is the median over rounds, with the quartiles in parentheses; a ratio is taken in each round, of
that round's medians.

- The models are made by script: a tree ensemble on 29 inputs, and a network of YOLOv8n's size on an image of 640 x 640
  with random weights. The bare model is onnxruntime in the benchmark's own process, on as many threads: one for rows,
  two for images.
- Servers have one process with one copy of the model, in the way that their documentation begins with; all answers are
  compared with the bare model's first. They sleep while others are measured. "CPU" is that of the server's processes.
- "x32" is 32 connections, each with one request at a time. Images are asked for without an echo of the input.

`make bench-check` compares the server's CPU per request with what is kept in `benchmarks/ratios.json`, as a ratio to
the bare model's in the same run, and fails if one is more than 25 % worse; CI runs it. `make bench-store` keeps new
ones.
"""


def machine() -> str:
    """Say where and with what this was measured."""
    cpu = re.search("model name\\s*: (.*)", Path("/proc/cpuinfo").read_text())
    names = ("numpy", "onnxruntime", "orjson", "pysimdjson", "uvloop")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of {cpu[1] if cpu else platform.machine()}, "
        f"Linux {platform.release()}, Python {platform.python_version()}, {versions}; "
        f"load average before it {os.getloadavg()[0]:.1f}."
    )


def measure(name: str) -> str:
    """Run one benchmark, and return its section."""
    print(f"== {name}", flush=True)
    where = machine()
    run = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True, stdout=subprocess.PIPE, text=True)
    print(run.stdout, flush=True)
    tables = "\n".join(line for line in run.stdout.splitlines() if line[:1] in ("", "#", "|"))  # without progress
    return f"## {PARTS[name]}\n\n`python -m benchmarks.{name}`. {where}\n\n{tables.strip()}\n"


def main() -> None:
    """Measure, and write after each benchmark what there is."""
    names = sys.argv[1:] or list(PARTS)
    text = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    sections = {section.partition("\n")[0]: f"## {section.strip()}\n" for section in text.split("\n## ")[1:]}
    for name in names:
        sections[PARTS[name]] = measure(name)
        DOCUMENT.write_text("\n".join([INTRODUCTION, *(sections[part] for part in PARTS.values() if part in sections)]))


if __name__ == "__main__":
    main()

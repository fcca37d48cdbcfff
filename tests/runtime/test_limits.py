from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are the Linux kernel's")

SCRIPT = """
import json, os, resource, sys
from jupyter_edge.runtime.limits import apply_limits
said = apply_limits(*json.loads(sys.argv[1]))
try:
    held = len(bytearray(json.loads(sys.argv[2])))
except MemoryError:
    held = None
print(json.dumps({"said": said, "cpus": len(os.sched_getaffinity(0)), "held": held}))
"""


def limited(cpus: float | None, memory: int | None, held: int = 0) -> dict[str, object]:
    arguments = [json.dumps([cpus, memory]), json.dumps(held)]
    done = subprocess.run([sys.executable, "-c", SCRIPT, *arguments], capture_output=True, check=True, timeout=60)
    result: dict[str, object] = json.loads(done.stdout)
    return result


def test_nothing_asked_for_changes_nothing() -> None:
    assert limited(None, None) == {"said": [], "cpus": len(os.sched_getaffinity(0)), "held": 0}


@pytest.mark.parametrize("cpus", [1, 0.25])
def test_a_process_runs_on_the_cpus_that_it_may_use(cpus: float) -> None:
    result = limited(cpus, None)
    assert result["cpus"] == 1
    assert str(result["said"]).startswith(f"['cpus={cpus:g} is enforced")


def test_more_cpus_than_there_are_is_said() -> None:
    result = limited(4096, None)
    assert result["cpus"] == len(os.sched_getaffinity(0))
    assert "is more than the" in str(result["said"])


def test_memory_beyond_the_limit_is_refused_and_within_it_is_not() -> None:
    limit = 200 * 2**20
    assert limited(None, limit, held=100 * 2**20)["held"] == 100 * 2**20
    beyond = limited(None, limit, held=300 * 2**20)
    assert beyond["held"] is None
    assert "memory=200Mi is enforced" in str(beyond["said"])

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_edge.runtime import limits
from jupyter_edge.runtime.limits import cgroup_cpus

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


@pytest.mark.parametrize(
    ("own", "files", "cpus"),
    [
        ("0::/", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/", {"cpu.max": "max 100000\n"}, None),
        ("0::/", {}, None),
        ("0::/a/b", {"a/cpu.max": "200000 100000", "a/b/cpu.max": "300000 100000"}, 2.0),
        (
            "4:memory:/x\n3:cpu,cpuacct:/x",
            {"cpu/x/cpu.cfs_quota_us": "50000", "cpu/x/cpu.cfs_period_us": "100000"},
            0.5,
        ),
        ("3:cpu,cpuacct:/gone", {"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2.0),
        ("3:cpu,cpuacct:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
    ],
)
def test_cgroups_say_how_many_cpus_there_are(
    tmp_path: Path, own: str, files: dict[str, str], cpus: float | None
) -> None:
    (tmp_path / "own").write_text(own + "\n")
    for name, text in files.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(text)
    assert cgroup_cpus(tmp_path / "own", tmp_path / "root") == cpus


@pytest.mark.parametrize(
    ("asked", "quota", "threads"),
    [(None, None, 1), (None, 1.5, 1), (4, 1.0, 1), (1, None, 1), (0.5, None, 1), (10_000, None, "bound")],
)
def test_threads_follow_the_limits_and_not_the_machine(
    monkeypatch: pytest.MonkeyPatch, asked: float | None, quota: float | None, threads: int | str
) -> None:
    monkeypatch.setattr(limits, "cgroup_cpus", lambda: quota)
    assert limits.thread_count(asked) == (len(os.sched_getaffinity(0)) if threads == "bound" else threads)


def test_a_cgroup_lets_a_process_without_limits_of_its_own_use_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "cgroup_cpus", lambda: 2.5)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64))
    assert limits.thread_count(None) == 2

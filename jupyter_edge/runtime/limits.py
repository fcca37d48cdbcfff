"""Hold this process to the CPUs and the memory of its deployment, and say what holds it and what does not."""

from __future__ import annotations

import math
import os
import random
import resource
import sys
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_PREFIX = "jupyter-edge-"
_MIB = 1024 * 1024
_PERIOD = 100_000  # microseconds of cpu.max


def apply_limits(cpus: float | None, memory: int | None) -> list[str]:
    """Limit this process to ``cpus`` and ``memory`` bytes, ``None`` for no limit, before it starts threads.

    CPUs are held by affinity, and a fraction by a cgroup v2 where this user may make one; memory by the cgroup, or
    else by the kernel's limit on a process's data. Returns a sentence for each limit that was asked for.
    """
    group = _make_cgroup() if cpus is not None or memory is not None else None
    sentences = []
    if cpus is not None:
        sentences.append(_limit_cpus(cpus, group))
    if memory is not None:
        sentences.append(_limit_memory(memory, group))
    return sentences


def thread_count(cpus: float | None) -> int:
    """Return how many threads may compute at once; ``cpus`` is what was asked for, ``None`` lets a container decide.

    It is never more than the CPUs that this process is bound to, nor than its cgroups allow, as a container's do;
    without any limit it is one, however many CPUs the machine has.
    """
    quota = cgroup_cpus()
    wanted = (quota or 1.0) if cpus is None else min(cpus, quota or cpus)
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(int(wanted), bound))


def cgroup_cpus(own: Path = Path("/proc/self/cgroup"), root: Path = _CGROUPS) -> float | None:
    """Return how many CPUs the cgroups of this process allow it, ``None`` for as many as there are.

    Both kinds of cgroup are read: ``cpu.max`` of v2, ``cpu.cfs_quota_us`` of v1 (the kernel's admin-guide/cgroup-v2.rst
    and scheduler/sched-bwc.rst).
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return None
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        base = root if not controllers else root / "cpu"
        if controllers and "cpu" not in controllers.split(","):
            continue
        folder = base / path.lstrip("/")
        for group in (folder, *folder.parents):
            if (allowed := _quota(group)) is not None:
                found.append(allowed)
            if group == base:
                break
    return min(found, default=None)


def _quota(group: Path) -> float | None:
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # "max", or no such group here
        return None


def _limit_cpus(cpus: float, group: Path | None) -> str:
    if not hasattr(os, "sched_setaffinity"):
        return f"cpus={cpus:g} is not enforced: {sys.platform} binds no process to CPUs; only thread counts follow it."
    allowed = sorted(os.sched_getaffinity(0))
    count = math.ceil(cpus)
    if count > len(allowed):
        return f"cpus={cpus:g} is more than the {len(allowed)} CPUs that this machine lets it use: it may use them all."
    # Chosen at random, so that the replicas of a deployment do not all crowd on the first ones.
    chosen = sorted(random.sample(allowed, count))
    os.sched_setaffinity(0, chosen)
    where = f"CPU {', '.join(map(str, chosen))}"
    if cpus == count:
        return f"cpus={cpus:g} is enforced: the process runs on {where} only."
    if group is not None and _write(group / "cpu.max", f"{int(cpus * _PERIOD)} {_PERIOD}"):
        return f"cpus={cpus:g} is enforced by the cgroup {group.name}, on {where}."
    return f"cpus={cpus:g} is enforced as {count}: the process runs on {where} only, and no cgroup can hold a fraction."


def _limit_memory(memory: int, group: Path | None) -> str:
    size = f"memory={memory / _MIB:.0f}Mi"
    if group is not None and _write(group / "memory.max", str(memory)):
        _write(group / "memory.swap.max", "0")
        return f"{size} is enforced by the cgroup {group.name}: the process is ended if it needs more."
    if sys.platform != "linux":
        return f"{size} is not enforced: {sys.platform} has no limit on a process's memory that holds."
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    return f"{size} is enforced on the process's own data (RLIMIT_DATA): a request that needs more is refused."


def _make_cgroup() -> Path | None:
    """Move this process to a new cgroup v2 beside its own; ``None`` where this user may not.

    Beside, because a cgroup that holds processes cannot hand controllers to children. Those that ended replicas
    have left are swept up.
    """
    try:
        own = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::/"))
        parent = (_CGROUPS / own.removeprefix("0::/")).parent
        if own == "0::/" or "memory" not in (parent / "cgroup.subtree_control").read_text().split():
            return None
        for old in parent.glob(f"{_PREFIX}*"):
            _remove_empty(old)
        group = parent / f"{_PREFIX}{os.getpid()}"
        group.mkdir(exist_ok=True)
    except (OSError, StopIteration):
        return None
    if _write(group / "cgroup.procs", str(os.getpid())):
        return group
    _remove_empty(group)
    return None


def _remove_empty(group: Path) -> None:
    try:
        group.rmdir()
    except OSError:
        return  # it still holds processes


def _write(file: Path, text: str) -> bool:
    try:
        file.write_text(text)
    except OSError:
        return False
    return True

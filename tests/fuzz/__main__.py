"""Let atheris, a coverage-guided fuzzer, feed a target: ``python -m tests.fuzz TARGET INPUTS FOLDER``.

It prints the resident memory and the number of Python's objects after a fifth of the inputs and at the end, with the
CPU time that the slowest input took, and leaves an input that fails, or takes too long, in FOLDER.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import operator
import sys
import time
from pathlib import Path
from typing import Any

import atheris
from atheris import instrument_bytecode
from atheris.version_dependent import CMP_OP_SHIFT_AMOUNT

_OPERATORS = (operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge)


def compare(left: Any, right: Any, operation: int, place: int, constant: bool) -> Any:
    """Compare in place of instrumented code, and tell the fuzzer of what it can make use of.

    What atheris 3.0's own function returns is never freed (it takes a reference too many). ``True`` and ``False`` do
    not mind, but two arrays give a third, and the compared offsets of one damaged file may be megabytes: memory grew by
    what the search happened to find, with no part of the product at work in it.
    """
    if isinstance(left, int | str | bytes):
        return atheris._trace_cmp(left, right, operation, place, constant)
    return _OPERATORS[operation >> CMP_OP_SHIFT_AMOUNT](left, right)


# Instrumented code looks the function up in atheris by this name, and atheris exchanges its own one when it starts.
atheris.compare = compare
instrument_bytecode._COMPARE_FUNCTION = "compare"

with atheris.instrument_imports(include=["jupyter_edge.runtime"]):
    from tests.fuzz.targets import TARGETS


_CACHE = type(functools.lru_cache(print))
SLOW = 5.0  # seconds of CPU: other processes do not count, as they would by the clock


def resident() -> float:
    """Return this process's resident memory in MiB, without what malloc keeps of freed memory, and caches of results.

    A cache has its limit, but what a search puts in may be layouts of two columns or of a thousand.
    """
    for each in gc.get_objects():
        if isinstance(each, _CACHE):
            each.cache_clear()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def main(name: str, inputs: int, folder: Path) -> None:
    """Fuzz one target; the fuzzer ends the process."""
    target, seeds = TARGETS[name]
    corpus = folder / f"corpus-{name}"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    done, slowest = 0, 0.0

    def feed(data: bytes) -> None:
        nonlocal done, slowest
        started = time.process_time()
        target(data)
        taken = time.process_time() - started
        if taken > SLOW:
            msg = f"This input took {taken:.1f} s."
            raise RuntimeError(msg)
        done, slowest = done + 1, max(slowest, taken)
        if done in (inputs // 5, inputs):
            held = f"{resident():.1f} MiB, {sys.getallocatedblocks()} objects"
            print(f"{done} inputs: {held}, the slowest took {1000 * slowest:.0f} ms", flush=True)

    # What hangs takes no CPU time: two minutes, which a busy machine does not make of a second.
    longest = max(8192, *map(len, seeds()))
    options = ["-timeout=120", f"-max_len={longest}", "-rss_limit_mb=1024", "-verbosity=0", "-close_fd_mask=0"]
    atheris.Setup([name, f"-runs={inputs}", f"-artifact_prefix={folder}/failed-{name}-", *options, str(corpus)], feed)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))

from __future__ import annotations

import base64
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_edge.runtime.exchange import Request, Response
from jupyter_edge.runtime.handler import Handler
from tests.fuzz import targets
from tests.fuzz.targets import TARGETS
from tests.runtime.answers import respond

SHORT = 2500  # inputs for each of the four targets
LONG = os.environ.get("JUPYTER_EDGE_FUZZ_INPUTS")
# MiB, and objects for each input: the fuzzer keeps the inputs that it found interesting, and the caches fill up. An
# object that is kept of each fiftieth input shows in their number long before it does in megabytes.
GROWTH, OBJECTS = 8.0, 0.02

edits = st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 3), st.binary(max_size=8)), max_size=6)


def edited(seed: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    """Replace, at relative places, a few bytes by others."""
    data = bytearray(seed)
    for place, size, new in changes:
        start = int(place * len(data))
        data[start : start + size] = new
    return bytes(data)


@pytest.mark.fuzz
@pytest.mark.parametrize("name", TARGETS)
def test_no_input_is_answered_by_a_failure(name: str) -> None:
    target, seeds = TARGETS[name]

    @settings(max_examples=max(SHORT, settings().max_examples), deadline=None)
    @given(st.builds(edited, st.sampled_from(seeds()), edits) | st.binary(max_size=64))
    def feed(data: bytes) -> None:
        target(data)

    feed()


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_reach_what_lies_behind_the_parser(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target, seeds = TARGETS[name]
    statuses = []

    def watched(handler: Handler, request: Request) -> Response:
        response = respond(handler, request)
        statuses.append(response.status)
        return response

    monkeypatch.setattr(targets, "respond", watched)
    for seed in seeds():
        target(seed)
    assert statuses.count(200) >= 3


@pytest.mark.fuzz
@pytest.mark.skipif(not LONG, reason="a matter of minutes: make fuzz sets JUPYTER_EDGE_FUZZ_INPUTS")
@pytest.mark.skipif(not importlib.util.find_spec("atheris"), reason="atheris is not installed: it is in the extra fuzz")
@pytest.mark.parametrize("name", TARGETS)
def test_a_guided_search_finds_no_failure_hang_or_growth(name: str, tmp_path: Path) -> None:
    inputs = int(LONG or 0) // len(TARGETS)
    command = [sys.executable, "-m", "tests.fuzz", name, str(inputs), str(tmp_path)]
    Path("/proc/self/clear_refs").write_text("5")  # else its most memory begins with that of the tests before it here
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    failed = [base64.b64encode(file.read_bytes()).decode() for file in tmp_path.glob(f"failed-{name}-*")]
    assert run.returncode == 0, f"{run.stdout[-2000:]}{run.stderr[-4000:]}\nThe input, in base64: {failed}"
    print(f"{name}:\n{run.stdout}")
    (early, few), (late, many) = re.findall(r"inputs: ([\d.]+) MiB, (\d+) objects", run.stdout)
    assert float(late) - float(early) < GROWTH
    assert int(many) - int(few) < OBJECTS * inputs

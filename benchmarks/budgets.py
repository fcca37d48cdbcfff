"""Print what serving costs beside the bare model and beside other servers, and how far the project's targets are met.

Usage: python -m benchmarks.budgets [--rounds N] [--no-peers]
Peers are those that `python -m benchmarks.peers` has installed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jupyter_edge
from benchmarks.cases import rows
from benchmarks.contest import CROWD, IMAGE, MANY, ONE, OURS, Process, measure_image, measure_rows
from benchmarks.log import added, added_by_log
from benchmarks.peers import PEERS, Peer
from benchmarks.rounds import Figure, Taken, figure, median, ratio, table
from benchmarks.servers import ours

STARTS = 5
TakenBy = dict[str, Taken]


@dataclass(frozen=True)
class Target:
    """A figure beside what it must be, what it is aimed at, and what it might be; more is better if these rise."""

    what: str
    must: float
    aim: float
    moonshot: float
    found: Figure
    spec: str = ".2f"

    def row(self) -> list[str]:
        """Return a line of the table."""
        sign = 1 if self.moonshot > self.must else -1
        levels = {"moonshot": self.moonshot, "aim": self.aim, "must": self.must}
        reached = (name for name, level in levels.items() if sign * self.found.median >= sign * level)
        relation = ">=" if sign > 0 else "<="
        wanted = [f"{relation} {level:{'.0%' if '%' in self.spec else 'g'}}" for level in (self.must, self.aim)]
        return [
            self.what,
            *wanted,
            f"{relation} {self.moonshot:{'.0%' if '%' in self.spec else 'g'}}",
            f"{self.found:{self.spec}}",
            next(reached, "missed"),
        ]


_IMPORTED = "import jupyter_edge.cli, jupyter_edge.edge.agent, onnxruntime, prometheus_client, simdjson, oras.client"


def device_megabytes(folder: Path) -> float:
    """Return the MB of all packages that an edge installs without bytecode, of this one, and of what is compiled then.

    That is the bytecode of what an edge imports: Python writes it at the first start.
    """
    package = Path(jupyter_edge.__file__).parent
    lines = (package / "edge" / "requirements.txt").read_text().splitlines()
    names = [re.split("[<>=]", line)[0] for line in lines if line and line[0] != "#"]
    installed = [Path(str(file.locate())) for name in names for file in importlib.metadata.files(name) or []]
    files = [file for file in (*installed, *package.rglob("*")) if file.is_file() and file.suffix != ".pyc"]
    environment = {
        **os.environ,
        "PYTHONPYCACHEPREFIX": str(folder),
        "PYTHONDONTWRITEBYTECODE": "",
        "ORT_DISABLE_TELEMETRY": "1",
    }
    subprocess.run([sys.executable, "-c", _IMPORTED], env=environment, check=True)
    files += (*folder.rglob("site-packages/**/*.pyc"), *folder.rglob(f"{package.name}/**/*.pyc"))
    return sum(file.stat().st_size for file in set(files)) / 1e6


def against_bare(taken: TakenBy, name: str) -> Figure:
    """Return the bare model's median over that of a kind of request."""
    return ratio(taken["bare"].percentile(50), taken[name].percentile(50))


def against_best(taken: TakenBy, kind: str, measure: Callable[[Taken], list[float]], peers: Sequence[Peer]) -> Figure:
    """Return what the best peer takes over what we take."""
    best = min((measure(taken[f"{peer.title} {kind}"]) for peer in peers), key=median)
    return ratio(best, measure(taken[f"{OURS} {kind}"]))


def p50(taken: Taken) -> list[float]:
    """Return the medians of the rounds."""
    return taken.percentile(50)


def p99(taken: Taken) -> list[float]:
    """Return the 99th percentiles of the rounds."""
    return taken.percentile(99)


def elapsed(taken: Taken) -> list[float]:
    """Return the milliseconds per request of the rounds, whose inverse is the rate."""
    return taken.elapsed


def starts(folder: Path) -> list[Process]:
    """Start this project's server a few times, each until its first answer."""
    one = rows(folder, 1)
    found = []
    for _ in range(STARTS):
        with ours(one.file, 1, one.request()) as server:
            found.append(Process(server.ready, server.memory()))
    return found


def targets(taken: TakenBy, pictures: TakenBy, sizes: dict[str, float], folder: Path, rounds: int) -> list[Target]:
    """Return the targets that need no peer."""
    rate = ratio(taken["bare"].elapsed, taken["4 clients"].elapsed)
    begun = starts(folder)
    log = added_by_log(folder, 8 * rounds)  # it is no more than the noise between two bursts
    return [
        Target("1,001 Arrow rows to Arrow: bare model / ours", 0.65, 0.75, 0.90, against_bare(taken, "Arrow to Arrow")),
        Target("the same from 4 clients: rows/s against one bare thread", 1.1, 1.3, 1.6, rate),
        Target("1,001 Arrow rows to JSON: bare model / ours", 0.24, 0.28, 0.45, against_bare(taken, "Arrow to JSON")),
        Target("the same without echo", 0.55, 0.60, 0.75, against_bare(taken, "Arrow to JSON without")),
        Target("image in JSON: bare model / ours", 0.38, 0.45, 0.65, against_bare(pictures, f"{OURS} {IMAGE}")),
        Target("image in Arrow: bare model / ours", 0.80, 0.85, 0.92, against_bare(pictures, "Arrow")),
        Target("start to first answer, s", 0.35, 0.30, 0.18, figure(one.ready for one in begun)),
        Target("memory with one small model, MB", 85, 80, 65, figure(one.memory for one in begun), ".0f"),
        Target("most memory on images in JSON, MB", 280, 250, 180, figure([sizes["peak"]]), ".0f"),
        Target("install on a device, without Python, MB", 190, 175, 95, figure([sizes["install"]]), ".0f"),
        *(Target(f"log, added CPU, {name}", 0.10, 0.05, 0.03, added(*cpu), ".0%") for name, cpu in log.items()),
    ]


def targets_beside(taken: TakenBy, pictures: TakenBy, peers: Sequence[Peer]) -> list[Target]:
    """Return the targets that compare with the best peer, each time another may be the best."""
    return [
        Target("1 JSON row, p50: best peer / ours", 3, 4, 6, against_best(taken, ONE, p50, peers)),
        Target("1 JSON row, p99: best peer / ours", 2, 2, 4, against_best(taken, ONE, p99, peers)),
        Target("1 JSON row x32, requests/s: ours / best peer", 10, 15, 30, against_best(taken, CROWD, elapsed, peers)),
        Target("1 JSON row x32, p99: best peer / ours", 2, 2, 5, against_best(taken, CROWD, p99, peers)),
        Target("image in JSON, p50: best peer / ours", 2, 2.2, 3.5, against_best(pictures, IMAGE, p50, peers)),
    ]


def server_row(title: str, version: str, taken: TakenBy, process: Process, megabytes: float) -> list[str]:
    """Return what one server did."""
    one, crowd, many, image = (taken[f"{title} {kind}"] for kind in (ONE, CROWD, MANY, IMAGE))
    return [
        f"{title} {version}",
        f"{median(p50(one)):.2f} / {median(p99(one)):.1f}",
        f"{figure(1000 / each for each in crowd.elapsed).median:,.0f} / {median(p99(crowd)):.0f}",
        f"{median(p50(many)):.1f}",
        f"{median(p50(image)):.0f}",
        " / ".join(f"{median(each.cpu):.2g}" for each in (one, crowd, many)) + f" / {median(image.cpu):.0f}",
        f"{process.ready:.2f}",
        f"{process.memory:.0f}",
        f"{megabytes:.0f}",
    ]


def main() -> None:
    """Measure all, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the servers end too
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    peers = [] if options.no_peers else [peer for peer in PEERS if peer.installed]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        taken, processes = measure_rows(folder, peers, options.rounds)
        pictures, peak = measure_image(folder, peers, max(3, options.rounds // 3))
        megabytes = device_megabytes(folder / "bytecode")
        found = targets(taken, pictures, {"peak": peak, "install": megabytes}, folder, options.rounds)
    if peers:
        found += targets_beside(taken, pictures, peers)
    print("### Targets\n")
    print(table(["what", "must", "aim", "moonshot", "measured", "met"], [target.row() for target in found]))
    both = taken | {name: turns for name, turns in pictures.items() if name.endswith(IMAGE)}
    sizes = {OURS: ("", megabytes)} | {peer.title: (peer.version, peer.megabytes) for peer in peers}
    head = ["server", "1 row p50 / p99 ms", "x32 requests/s / p99 ms", "1,001 rows p50 ms", "image p50 ms"]
    head += ["CPU ms: 1 row / x32 / 1,001 rows / image", "start s", "memory MB", "on disk MB"]
    print("\n### Servers\n")
    print(
        table(
            head,
            [
                server_row(name, version, both, processes[name], megabytes)
                for name, (version, megabytes) in sizes.items()
            ],
        )
    )


if __name__ == "__main__":
    main()

"""Draw where the server's time goes for each class of request: build/flame-*.svg.

Usage: python -m benchmarks.flame [--seconds N]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.cases import Case, image, rows
from benchmarks.servers import ours
from benchmarks.traffic import Client
from jupyter_edge.core.media_types import ARROW_FILE


def record(name: str, case: Case, whole: bytes, seconds: int, folder: Path) -> None:
    """Send one request again and again while py-spy looks at the server."""
    picture = folder / f"flame-{name}.svg"
    spy = Path(sys.executable).with_name("py-spy")
    with ours(case.file, 1, whole) as server:
        client = Client(server.port)
        options = ["--native", "--rate", "400", "--duration", str(seconds), "--output", str(picture)]
        with subprocess.Popen([spy, "record", *options, "--pid", str(server.process.pid)]) as watching:
            while watching.poll() is None:
                client.ask(whole)
    if watching.returncode:
        raise SystemExit(watching.returncode)


def main() -> None:
    """Draw one JSON row, 1,001 Arrow rows, and an image in JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    seconds = parser.parse_args().seconds
    folder = Path("build")
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        one, many, picture = rows(Path(name), 1), rows(Path(name)), image(Path(name))
        record("1-json-row", one, one.request(), seconds, folder)
        record("1001-arrow-rows", many, many.request(ARROW_FILE, ARROW_FILE), seconds, folder)
        record("image-json", picture, picture.request(), seconds, folder)


if __name__ == "__main__":
    main()

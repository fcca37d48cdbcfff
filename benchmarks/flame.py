"""Draw where the server's time goes for each class of request: build/flame-*.svg.

Usage: python -m benchmarks.flame [--seconds N]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.arrow import table_of
from benchmarks.image_model import write_image_model
from benchmarks.serving import Client, request, server
from benchmarks.tree_model import write_tree_model
from jupyter_edge.core.media_types import ARROW_FILE, PANDAS_RECORDS


def record(name: str, model: Path, whole: bytes, seconds: int, folder: Path) -> None:
    """Send one request again and again while py-spy looks at the server."""
    picture = folder / f"flame-{name}.svg"
    spy = Path(sys.executable).with_name("py-spy")
    with server(model, 1) as (port, process, _):
        client = Client(port)
        client.send(whole)
        options = ["--native", "--rate", "400", "--duration", str(seconds), "--output", str(picture)]
        with subprocess.Popen([spy, "record", *options, "--pid", str(process.pid)]) as watching:
            while watching.poll() is None:
                client.send(whole)
    if watching.returncode:
        raise SystemExit(watching.returncode)


def main() -> None:
    """Draw one JSON row, 1,001 Arrow rows, and an image in JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    seconds = parser.parse_args().seconds
    folder = Path("build")
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    row = json.dumps([{"tensor": rng.random(29).tolist()}]).encode()
    image = json.dumps([{"tensor": rng.random((3, 640, 640)).round(10).tolist()}]).encode()
    with tempfile.TemporaryDirectory() as models:
        trees, detector = write_tree_model(Path(models) / "trees.onnx"), write_image_model(Path(models) / "image.onnx")
        for name, model, whole in (
            ("1-json-row", trees, request(row, PANDAS_RECORDS, PANDAS_RECORDS)),
            ("1001-arrow-rows", trees, request(table_of(1001), ARROW_FILE, ARROW_FILE)),
            ("image-json", detector, request(image, PANDAS_RECORDS, PANDAS_RECORDS)),
        ):
            record(name, model, whole, seconds, folder)


if __name__ == "__main__":
    main()

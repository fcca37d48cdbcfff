"""Print how long requests take through a real deployment, log included, beside the bare models on one thread.

Usage: python -m benchmarks.deployment [--rounds N]
"""

from __future__ import annotations

import argparse
import http.client
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.cases import Case, arrow_file, bare, image, json_records, rows
from benchmarks.rounds import in_turns, median, ratio, repeat, table
from jupyter_edge.client import Client, Pipeline
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.core.media_types import ARROW_FILE, PANDAS_RECORDS


def asking(client: Client, pipeline: Pipeline, body: bytes, media_type: str) -> Callable[[], None]:
    """Return a request to the pipeline's deployment, on one connection that is kept."""
    url = urlsplit(pipeline.url())
    connection = http.client.HTTPConnection(str(url.hostname), url.port)
    headers = {**client.auth.auth_header(), "Content-Type": media_type, "Accept": PANDAS_RECORDS}

    def ask() -> None:
        connection.request("POST", url.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(content[:500])

    return ask


def deploy(client: Client, case: Case) -> Pipeline:
    """Deploy a case's model."""
    name = case.file.stem
    pipeline = client.build_pipeline(name).add_model_step(client.upload_model(name, case.file))
    pipeline.deploy()
    return pipeline


def main() -> None:
    """Deploy both models in a home of their own, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JUPYTER_EDGE_HOME"] = f"{folder}/home"
        try:
            client = Client()
            many, one, picture = rows(Path(folder)), rows(Path(folder), 1), image(Path(folder), threads=1)
            trees, detector = deploy(client, many), deploy(client, picture)
            for name, case, pipeline, body, media_type, target, count in (
                ("1,001 Arrow rows to JSON", many, trees, arrow_file(many.values), ARROW_FILE, "6 ms", 10),
                ("1 JSON row", one, trees, json_records(one.values), PANDAS_RECORDS, "1 ms", 100),
                (
                    "1 image in JSON",
                    picture,
                    detector,
                    json_records(picture.values, picture.name),
                    PANDAS_RECORDS,
                    "2.5 x",
                    1,
                ),
            ):
                whole = repeat(asking(client, pipeline, body, media_type), count)
                taken = in_turns({"model": repeat(bare(case), count), "whole": whole}, rounds)
                model, found = taken["model"].elapsed, taken["whole"].elapsed
                lines.append(
                    [name, f"{median(model):.3f}", f"{median(found):.2f}", f"{ratio(found, model):.1f}", target]
                )
        finally:
            stop_engine()
    print(table(["a deployment, log included", "bare model ms", "request ms", "ratio", "target"], lines))


if __name__ == "__main__":
    main()

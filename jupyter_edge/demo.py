"""The main job from upload to edge logs, on the samples that come with the package: `jupyter-edge demo`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import requests

from jupyter_edge.client import Client, DeploymentConfigBuilder, Framework, Pipeline, Publish
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.core.errors import DeploymentError
from jupyter_edge.samples import path as sample
from jupyter_edge.vision import decode_yolo, image_to_tensor, to_png

_SHAPES = ("circle", "square", "triangle", "star", "heart")
_CONFIG = DeploymentConfigBuilder().replica_count(1).cpus(1).memory("900Mi").build()


def run_demo(folder: Path) -> None:
    """Run both stories, card fraud and object detection, in a home of their own; leave the picture in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in [name for name in os.environ if name.startswith("JUPYTER_EDGE_")]:
        del os.environ[name]  # another engine, its port and its registry are nothing to the demo
    with tempfile.TemporaryDirectory(prefix="home-", dir=folder) as home:
        os.environ["JUPYTER_EDGE_HOME"] = str(Path(home).absolute())
        try:
            _say("Starting the engine")
            client = Client()
            client.set_current_workspace(client.get_workspace("demo", create_if_not_exist=True))
            fraud, results = _card_fraud(client)
            picture, detections = _object_detection(client, folder)
            logs = fraud.logs(limit=5000, dataset=["time", "metadata"])
        finally:
            stop_engine()
    _say("Card fraud: what the transactions were, and what the model made of them")
    print(results.to_string())
    _say("Card fraud: who answered, by the pipeline's log")
    print(logs["metadata.partition"].value_counts().to_string())
    _say("Object detection: what was found")
    print(detections.to_string(index=False))
    print(f"\nPicture: {picture}")


def _card_fraud(client: Client) -> tuple[Pipeline, pd.DataFrame]:
    _say("Card fraud: upload, deploy, infer")
    model = client.upload_model("ccfraud", sample("ccfraud.onnx"), framework=Framework.ONNX)
    pipeline = client.build_pipeline("card-fraud").add_model_step(model.configure(tensor_fields=["tensor"]))
    pipeline.deploy(deployment_config=_CONFIG)
    with pa.ipc.open_file(sample("transactions.arrow")) as reader:
        table = reader.read_all()
    central = pipeline.infer(table.select(["tensor"]))
    results = _results(central, table.column("label"))
    pipeline.undeploy()

    _say("Card fraud: publish, register an edge, run it, infer there")
    registered = pipeline.publish(_CONFIG).add_edge("demo-shop")
    print(registered.serve_command())
    with _edge(registered) as url:
        body = sample("transactions.arrow").read_bytes()
        rows = requests.post(
            f"{url}/infer", body, headers={"Content-Type": "application/vnd.apache.arrow.file"}, timeout=30
        )
        rows.raise_for_status()
        print(f"The edge answered {len(rows.json())} rows.")
    return pipeline, results


def _results(answer: pa.Table, labels: pa.ChunkedArray) -> pd.DataFrame:
    """Count transactions by what they were and what the model made of them."""
    scores = pd.Series([row[0] for row in answer.column("out.fraud_probability").to_pylist()])
    truth = labels.to_pandas().map({0: "honest", 1: "fraud"})
    return pd.crosstab(
        truth.rename("transaction"), (scores > 0.5).map({False: "passed", True: "flagged"}).rename("model")
    )


def _object_detection(client: Client, folder: Path) -> tuple[Path, pd.DataFrame]:
    _say("Object detection: upload, deploy, infer, publish")
    model = client.upload_model("shapes", sample("shapes.onnx"), framework=Framework.ONNX)
    model = model.configure(tensor_fields=["images"], batch_config="single")
    pipeline = client.build_pipeline("shapes").add_model_step(model)
    pipeline.deploy(deployment_config=_CONFIG)
    image = image_to_tensor(sample("shapes.png"), size=(256, 256))
    answer = pipeline.infer(image.to_arrow("images"))
    detections = decode_yolo(answer.column("out.output0")[0].as_py(), image, names=_SHAPES)
    picture = folder / "detections.png"
    picture.write_bytes(to_png(detections.draw(sample("shapes.png"))))
    pipeline.undeploy()
    pipeline.publish(_CONFIG)
    return picture, detections.to_pandas()


@contextmanager
def _edge(publish: Publish) -> Iterator[str]:
    """Run the published pipeline by the very command that is printed for it, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(["bash", "-c", publish.serve_command(port)], start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(url, process)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in a terminal: the shell waits for the edge to end
        process.wait(30)


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(f"{url}/pipelines", timeout=5)
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return
    msg = "The edge did not start: its output above says why."
    raise DeploymentError(msg)


def _say(text: str) -> None:
    print(f"\n== {text}", flush=True)

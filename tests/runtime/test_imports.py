from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.runtime import models

SCRIPT = """
import asyncio, json, os, socket, sys, threading, urllib.request
from pathlib import Path
import uvloop
from jupyter_edge.core.pipeline import PipelineSpec
from jupyter_edge.core.records import NoLog
from jupyter_edge.runtime.handler import Handler
from jupyter_edge.runtime.pipeline import Pipeline
from jupyter_edge.runtime.server import serve

spec = PipelineSpec.from_json(json.loads(sys.argv[1]))
handler = Handler(Pipeline.load(spec, lambda sha: Path(sys.argv[2]), 1), NoLog(), "here", None, None)
sock = socket.create_server(("127.0.0.1", 0))
url = f"http://127.0.0.1:{sock.getsockname()[1]}/infer"

def ask():
    answers = []
    for accept in ("application/json", "application/vnd.apache.arrow.file"):
        for rows in (1, 5000):
            body = json.dumps([{"x": [1, 2, 3]}] * rows).encode()
            with urllib.request.urlopen(urllib.request.Request(url, body, {"Accept": accept})) as answer:
                answers.append(answer.read())
    with urllib.request.urlopen(urllib.request.Request(url, answers[2].replace(b"out", b"xxx"))) as answer:
        pass

async def main():
    stop = asyncio.Event()
    asking = asyncio.get_running_loop().run_in_executor(None, ask)
    asking.add_done_callback(lambda done: stop.set())
    await serve(handler, sock, stop)
    try:
        await asking
    except urllib.error.HTTPError as error:
        assert error.code == 400, error

uvloop.run(main())
print(json.dumps({"modules": sorted(sys.modules), "telemetry": os.environ["ORT_DISABLE_TELEMETRY"]}))
"""
FOREIGN = {
    "pandas",
    "pyarrow",
    "fastapi",
    "starlette",
    "sqlalchemy",
    "matplotlib",
    "IPython",
    "jupyter_server",
    "uvicorn",
}


def test_serving_loads_nothing_that_a_device_lacks_and_tells_nobody(tmp_path: Path) -> None:
    path = models.doubling(tmp_path / "model.onnx")
    spec = json.dumps(models.pipeline_of(path).spec.to_json())
    done = subprocess.run([sys.executable, "-c", SCRIPT, spec, str(path)], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    result = json.loads(done.stdout)
    assert not FOREIGN & set(result["modules"])
    assert "onnxruntime" in result["modules"]
    assert result["telemetry"] == "1"

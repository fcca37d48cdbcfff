"""FastAPI on uvicorn: a typed body, a typed answer, and a plain function, which runs in a thread.

Usage: python serve_fastapi.py MODEL PORT THREADS
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI
from pydantic import create_model

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(sys.argv[3])
session = onnxruntime.InferenceSession(sys.argv[1], options)
(tensor,) = session.get_inputs()


def nested(depth: int) -> Any:
    """Return the type of numbers in lists of lists."""
    return list[nested(depth - 1)] if depth else float  # type: ignore[misc]


Request = create_model("Request", inputs=(nested(len(tensor.shape)), ...))
Answer = create_model("Answer", outputs=(nested(len(session.get_outputs()[0].shape)), ...))
app = FastAPI()


@app.post("/predict")
def predict(request: Request) -> Answer:  # type: ignore[valid-type]
    """Run the model."""
    values = np.asarray(request.inputs, np.float32)  # type: ignore[attr-defined]
    return Answer(outputs=session.run(None, {tensor.name: values})[0].tolist())


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")

"""BentoML: a service whose arguments and answer are arrays, in one worker.

Usage: MODEL=... THREADS=... bentoml serve serve_bentoml:Model
"""

from __future__ import annotations

import os

import bentoml
import numpy as np
import onnxruntime


@bentoml.service(workers=1)
class Model:
    """An ONNX model."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["THREADS"])
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)
        self.input = self.session.get_inputs()[0].name

    @bentoml.api
    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Run the model."""
        return self.session.run(None, {self.input: inputs.astype(np.float32)})[0]  # type: ignore[no-any-return]

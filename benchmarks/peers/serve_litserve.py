"""LitServe: one API of four steps, in one worker.

Usage: python serve_litserve.py MODEL PORT THREADS
"""

from __future__ import annotations

import sys
from typing import Any

import litserve
import numpy as np
import onnxruntime


class Model(litserve.LitAPI):
    """An ONNX model."""

    def setup(self, device: str) -> None:
        """Load the model, in the worker."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(sys.argv[3])
        self.session = onnxruntime.InferenceSession(sys.argv[1], options)
        self.input = self.session.get_inputs()[0].name

    def decode_request(self, request):  # type: ignore[no-untyped-def]  # a type would be read as that of a query
        """Read a body."""
        return np.asarray(request["inputs"], np.float32)

    def predict(self, values: Any) -> Any:
        """Run the model."""
        return self.session.run(None, {self.input: values})[0]

    def encode_response(self, output: Any) -> dict[str, Any]:
        """Write an answer."""
        return {"outputs": output.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Model(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False, log_level="warning")

"""MLServer: a custom runtime of the Open Inference Protocol.

Usage: MODEL=... THREADS=... mlserver start FOLDER, where the settings in FOLDER name serve_mlserver.Model
"""

from __future__ import annotations

import os

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Model(MLModel):
    """An ONNX model."""

    async def load(self) -> bool:
        """Load the model."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["THREADS"])
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Run the model."""
        values = NumpyCodec.decode_input(payload.inputs[0])
        (output,) = self.session.run(None, {self.session.get_inputs()[0].name: values})
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("output", output)])

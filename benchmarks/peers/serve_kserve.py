"""KServe: a model server with one custom model, over REST.

Usage: python serve_kserve.py MODEL PORT THREADS
"""

from __future__ import annotations

import sys

import kserve
import onnxruntime


class Model(kserve.Model):
    """An ONNX model."""

    def __init__(self) -> None:
        super().__init__("bench")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(sys.argv[3])
        self.session = onnxruntime.InferenceSession(sys.argv[1], options)
        self.ready = True

    def predict(self, payload: kserve.InferRequest, *_: object, **__: object) -> kserve.InferResponse:
        """Run the model; the answer is binary if the request is."""
        (tensor,) = payload.inputs
        (values,) = self.session.run(None, {self.session.get_inputs()[0].name: tensor.as_numpy()})
        output = kserve.InferOutput("output", list(values.shape), "FP32")
        binary = payload.use_binary_outputs
        output.set_data_from_numpy(values, binary_data=binary)
        return kserve.InferResponse(payload.id, self.name, [output], use_binary_outputs=binary)


if __name__ == "__main__":
    kserve.ModelServer(http_port=int(sys.argv[2]), enable_grpc=False, enable_latency_logging=False, workers=1).start(
        [Model()]
    )

"""Triton, by pytriton: a Python function behind Triton's own server.

Usage: python serve_pytriton.py MODEL PORT THREADS
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import onnxruntime
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(sys.argv[3])
session = onnxruntime.InferenceSession(sys.argv[1], options)
(tensor,), (result,) = session.get_inputs(), session.get_outputs()


@batch
def infer(inputs: Any) -> list[Any]:
    """Run the model."""
    return session.run(None, {tensor.name: inputs})  # type: ignore[no-any-return]


config = TritonConfig(http_address="127.0.0.1", http_port=int(sys.argv[2]), allow_grpc=False, allow_metrics=False)
with Triton(config=config) as triton:
    triton.bind(
        model_name="bench",
        infer_func=infer,
        inputs=[Tensor(name="inputs", dtype=np.float32, shape=tuple(tensor.shape[1:]))],
        outputs=[Tensor(name="output", dtype=np.float32, shape=tuple(result.shape[1:]))],
        config=ModelConfig(max_batch_size=1 if isinstance(tensor.shape[0], int) else 2048),
    )
    triton.serve()

"""Write answers of the Open Inference Protocol 2 ("Inference Response JSON Object" of its HTTP/REST part).

Outputs that are wanted as bytes follow the JSON, as the extension "binary_tensor_data" describes.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson

from jupyter_edge.runtime.codecs.json_values import writable
from jupyter_edge.runtime.codecs.open_inference_reader import DATATYPES

Array = np.ndarray[Any, Any]


def encode(head: dict[str, Any], outputs: Iterable[tuple[str, Array, bool]]) -> tuple[bytes, int | None]:
    """Return an answer, and the length of its JSON where bytes follow.

    ``head`` is what it begins with, such as the model's name; ``outputs`` are name and values of each output, text as
    objects, and whether it is wanted as bytes. Among numbers in JSON, NaN and infinities are null.
    """
    described, chunks = [], []
    for name, values, binary in outputs:
        kind = "str" if values.dtype.kind == "O" else values.dtype.name
        output: dict[str, Any] = {"name": name, "datatype": DATATYPES[kind], "shape": values.shape}
        if binary:
            chunks.append(_bytes(values))
            output["parameters"] = {"binary_data_size": len(chunks[-1])}
        else:
            flat = values.ravel()
            output["data"] = flat.tolist() if kind == "str" else writable(flat)
        described.append(output)
    text = orjson.dumps(head | {"outputs": described}, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join([text, *chunks]), len(text) if chunks else None


def _bytes(values: Array) -> bytes:
    if values.dtype.kind != "O":
        return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    texts = [text.encode() for text in values.flat]
    return b"".join(itertools.chain.from_iterable((struct.pack("<I", len(text)), text) for text in texts))

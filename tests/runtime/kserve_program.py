"""Ask a server with KServe's client, in whose environment this runs: ``python kserve_program.py URL TOKEN``."""

from __future__ import annotations

import asyncio
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput


async def main(url: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}  # copied, because the client adds its own
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    assert await client.is_server_live(url)
    assert await client.is_server_ready(url)
    assert await client.is_model_ready(url, "line", headers=headers)
    assert not await client.is_model_ready(url, "other", headers=headers)
    values = np.array([[1, 2, 3], [4, 5, 6.5]], np.float32)
    for binary_in in (False, True):
        for outputs in (None, False, True):
            tensor = InferInput("x", [2, 3], "FP32")
            tensor.set_data_from_numpy(values, binary_data=binary_in)
            wanted = None if outputs is None else [RequestedOutput("y", {"binary_data": outputs})]
            request = InferRequest("line", [tensor], request_id="7", request_outputs=wanted)
            answer = await client.infer(url, request, "line", dict(headers))
            assert answer.id == "7"
            assert answer.model_name == "line"
            assert np.array_equal(answer.outputs[0].as_numpy(), values * 2), (binary_in, outputs)
    refused = None
    try:
        await client.infer(
            url, InferRequest("line", [InferInput("x", [1, 2], "FP32", [1.0, 2.0])]), "line", dict(headers)
        )
    except httpx.HTTPStatusError as error:
        refused = error.response
    assert refused is not None
    assert refused.status_code == 400
    assert "Column 'x' should hold float32" in refused.json()["error"], refused.text
    await client.close()


asyncio.run(main(*sys.argv[1:]))

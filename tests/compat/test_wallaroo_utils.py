from __future__ import annotations

import json

import numpy as np

from jupyter_edge.compat.aliases.WallarooUtils import Util


def test_a_tensor_becomes_one_row_that_json_keeps_nested() -> None:
    tensor = np.random.default_rng(2).random((1, 3, 20, 30), dtype=np.float32)
    frame = Util().convert_data(tensor, "images")
    assert frame.shape == (1, 1)
    (record,) = json.loads(frame.to_json(orient="records"))
    assert list(record) == ["images"]
    read = np.array(record["images"], np.float32)
    assert read.shape == tensor.shape
    np.testing.assert_allclose(read, tensor, atol=1e-7)

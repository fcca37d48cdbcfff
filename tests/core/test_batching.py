from __future__ import annotations

from typing import Any

import pytest

from jupyter_edge.core.batching import DynamicBatchingConfig
from jupyter_edge.core.errors import InvalidInputError


def test_settings_survive_the_way_through_json() -> None:
    config = DynamicBatchingConfig(max_batch_delay_ms=0, batch_size_target=8, batch_size_limit=16)
    assert DynamicBatchingConfig.from_dict(config.to_json()) == config
    assert DynamicBatchingConfig.from_dict({}).to_json() == {
        "max_batch_delay_ms": 10,
        "batch_size_target": 4,
        "batch_size_limit": None,
    }


@pytest.mark.parametrize(
    "values",
    [
        {"max_batch_delay_ms": "10"},
        {"max_batch_delay_ms": None},
        {"max_batch_delay_ms": -1},
        {"batch_size_target": 0},
        {"batch_size_target": True},
        {"batch_size_limit": 2.5},
        {"batch_size_limit": 3},
        {"batch_size": 4},
    ],
)
def test_what_is_no_such_setting_is_refused_by_name(values: dict[str, Any]) -> None:
    (name,) = values
    with pytest.raises(InvalidInputError, match=name):
        DynamicBatchingConfig.from_dict(values)

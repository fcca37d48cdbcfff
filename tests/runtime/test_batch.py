from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jupyter_edge.runtime.batch import as_column, bytes_per_row


@pytest.mark.parametrize(
    ("column", "size"),
    [
        (np.zeros((3, 10), np.float32), 40),
        (np.zeros(3), 8),
        ([np.zeros(2), np.zeros(5)], 40),
        (["a", "abc"], 3),
        ([["ab", "cd"], []], 4),
        ([{"key": [1, 2]}, None], 19),
        ([[[1, 2], [3]], []], 24),
    ],
)
def test_a_column_is_as_large_as_its_largest_row(column: Any, size: int) -> None:
    assert bytes_per_row(column) == size


def test_nulls_are_nan_of_the_type_asked_for() -> None:
    column = as_column([[0.1, None]], np.float32)
    assert isinstance(column, np.ndarray)
    assert column.dtype == np.float32
    assert np.isnan(column[0, 1])


@pytest.mark.parametrize("values", [["1", "2"], [1, "2"], [None, "2"], [{}], [[1], [1, 2]], [[1, "a"]]])
def test_what_is_not_all_numbers_stays_a_list(values: list[Any]) -> None:
    assert as_column(values) is values

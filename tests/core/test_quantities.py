from __future__ import annotations

from typing import Any

import pytest

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.quantities import parse_cpus, parse_memory


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("900Mi", 900 * 2**20),
        ("1Gi", 2**30),
        ("1.5Gi", 3 * 2**29),
        ("512M", 512 * 10**6),
        ("1024", 1024),
        ("8Ki", 8192),
    ],
)
def test_memory_quantities_are_read_as_kubernetes_reads_them(text: str, amount: int) -> None:
    assert parse_memory(text) == amount


@pytest.mark.parametrize("text", ["", "Mi", "-1Gi", "0", "1 Gi", "1gb", "1GiB", "NaN", "0.5", "8388608Ti", "9" * 400])
def test_what_is_no_memory_quantity_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInputError, match="900Mi"):
        parse_memory(text)


@pytest.mark.parametrize(("value", "cpus"), [(1, 1.0), (0.5, 0.5), ("4", 4.0), ("250m", 0.25)])
def test_cpus_may_be_fractions_and_thousandths(value: float | str, cpus: float) -> None:
    assert parse_cpus(value) == cpus


@pytest.mark.parametrize("value", [0, -1, "many", float("nan"), float("inf"), True, "m"])
def test_what_is_no_number_of_cpus_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInputError, match="positive number"):
        parse_cpus(value)

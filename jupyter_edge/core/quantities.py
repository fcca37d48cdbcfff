"""Amounts of CPU and memory, written as Kubernetes writes them (resource quantities)."""

from __future__ import annotations

import math
import re

from jupyter_edge.core.errors import InvalidInputError

_UNITS = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(|[kMGT]|[KMGT]i)")
_TOO_MUCH = 2**63  # for the kernel, which counts in signed 64 bits


def parse_memory(text: str) -> int:
    """Return the bytes that a quantity such as ``"900Mi"`` or ``"1Gi"`` stands for.

    Raises:
        InvalidInputError: if the text is no positive memory quantity.
    """
    match = _MEMORY.fullmatch(str(text).strip())
    amount = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 1 <= amount < _TOO_MUCH:
        msg = f"{text!r} is not a memory quantity: write a number and a unit, such as '900Mi' or '1Gi'."
        raise InvalidInputError(msg)
    return int(amount)


def parse_cpus(value: float | str) -> float:
    """Return a positive number of CPUs; ``"500m"`` is half a CPU.

    Raises:
        InvalidInputError: if the value is no positive number of CPUs.
    """
    text = str(value).strip()
    try:
        cpus = float(text[:-1]) / 1000 if text.endswith("m") else float(text)
    except ValueError:
        cpus = math.nan
    if isinstance(value, bool) or not math.isfinite(cpus) or cpus <= 0:
        msg = f"{value!r} is not a number of CPUs: give a positive number, such as 1 or 0.5."
        raise InvalidInputError(msg)
    return cpus

from __future__ import annotations

import pytest

from jupyter_edge.core.hosts import is_loopback


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:8790", True),
        ("127.1.2.3", True),
        ("127.0.0.1:5000/team/models", True),
        ("localhost", True),
        ("localhost:80", True),
        ("[::1]:80", True),
        ("[::1]", True),
        ("10.0.0.1:80", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("registry.example:5000", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_only_this_machine_counts_as_loopback(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected

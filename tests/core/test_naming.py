from __future__ import annotations

import re

import pytest

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.naming import check_name, listed, new_instance_name


@pytest.mark.parametrize(("kind", "name"), [("model", "Yolov8n"), ("pipeline", "edge-pipeline"), ("pipeline", "8ball")])
def test_ordinary_names_are_accepted(kind: str, name: str) -> None:
    assert check_name(kind, name) == name


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("model", ""),
        ("model", "8ball"),
        ("model", "a_b"),
        ("model", "a-"),
        ("pipeline", "Edge"),
        ("edge", "shop 7"),
        ("model", "x" * 64),
        ("model", "a\n"),
    ],
)
def test_other_names_are_refused_with_the_rule(kind: str, name: str) -> None:
    with pytest.raises(InvalidInputError, match=f"cannot name {'an' if kind == 'edge' else 'a'} {kind}: .* at most 63"):
        check_name(kind, name)


def test_instance_names_look_like_those_of_pods_and_differ() -> None:
    first, second = new_instance_name(), new_instance_name()
    assert re.fullmatch(r"engine-[0-9a-f]{9}-[a-z0-9]{5}", first)
    assert first != second


def test_a_message_lists_ten_names_and_counts_the_others() -> None:
    names = [f"edge-{i}" for i in range(1000)]
    assert listed(names[:10]) == ", ".join(names[:10])
    assert listed(names) == f"{', '.join(names[:10])} and 990 more"

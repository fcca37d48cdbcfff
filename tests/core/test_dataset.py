from __future__ import annotations

import pytest

from jupyter_edge.core.dataset import Selection
from jupyter_edge.core.errors import InvalidInputError

LEAVES = [
    ("time",),
    ("in", "tensor"),
    ("out", "variable"),
    ("check_failures",),
    ("metadata", "last_model"),
    ("metadata", "elapsed"),
]


def chosen(query: str) -> list[str]:
    return [".".join(leaf) for leaf in Selection.parse(query).choose(LEAVES)]


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("", "time in.tensor out.variable check_failures metadata.last_model metadata.elapsed"),
        ("dataset%5B%5D=*&dataset.exclude%5B%5D=metadata", "time in.tensor out.variable check_failures"),
        (
            "dataset[]=*&dataset[]=metadata",
            "time in.tensor out.variable check_failures metadata.last_model metadata.elapsed",
        ),
        ("dataset=time&dataset=out&dataset=metadata", "time out.variable metadata.last_model metadata.elapsed"),
        (
            "dataset[]=in&dataset[]=metadata.elapsed&dataset[]=time&dataset.exclude[]=metadata",
            "in.tensor metadata.elapsed time",
        ),
        ("dataset[]=*&dataset.exclude[]=in&dataset.exclude[]=metadata", "time out.variable check_failures"),
        ("dataset[]=*&dataset.exclude=in.tensor&dataset.exclude=metadata", "time out.variable check_failures"),
        ("dataset=out.variable&dataset=out", "out.variable"),
        ("dataset=metadata/elapsed&dataset.separator=/", "metadata.elapsed"),
        (
            "dataset.exclude=nothing-of-that-name&unrelated=1",
            "time in.tensor out.variable check_failures metadata.last_model metadata.elapsed",
        ),
    ],
)
def test_paths_are_chosen_in_the_order_asked_for(query: str, paths: str) -> None:
    assert chosen(query) == paths.split()


def test_a_dotted_column_name_is_found_by_its_whole_path() -> None:
    assert Selection.parse("dataset=in.a.b").choose([("in", "a.b"), ("in", "a")]) == [("in", "a.b")]


def test_an_unknown_path_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInputError, match=r"'out\.confidence'.*out\.variable"):
        chosen("dataset=out.confidence")


def test_an_empty_separator_leaves_the_answer_nested() -> None:
    assert Selection.parse("dataset.separator=").separator is None
    assert Selection.parse("dataset.separator=.").separator == "."

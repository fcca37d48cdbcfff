from __future__ import annotations

import re
from pathlib import Path

import pytest

from jupyter_edge.client import read_declaration
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.magics.documentation import help_text, overview, page
from jupyter_edge.magics.verbs import VERBS

from .conftest import Run

PAGE = Path(__file__).parents[2] / "docs" / "magics.md"


def test_the_page_is_the_one_that_the_table_makes() -> None:
    made = page()
    assert PAGE.read_text() == made, "python -m jupyter_edge.magics.documentation > docs/magics.md"


@pytest.mark.parametrize(
    "text",
    [
        "zzz: 1",
        "steps: [{zzz: 1}]",
        "steps: [{dynamic_batching_config: {zzz: 1}}]",
        "steps: []\npublish: {zzz: 1}",
        "steps: []\nedges: [{zzz: 1}]",
    ],
)
def test_the_page_names_each_key_of_a_declaration(text: str) -> None:
    with pytest.raises(InvalidInputError, match="known are") as raised:
        read_declaration(text)
    known = str(raised.value).partition("known are ")[2].rstrip(".").split(", ")
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert [key for key in known if not any(re.search(rf"[` ]{key}`", row) for row in rows)] == []


def test_the_lines_of_the_page_run(run: Run, workspace: str, in_samples: Path) -> None:
    blocks = re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    for block in blocks:
        run(block.replace("shop-7", workspace).replace("%load_ext jupyter_edge\n", ""))
    run("%edge undeploy card-fraud")


def test_help_explains_each_verb() -> None:
    assert help_text("") == overview()
    for verb in VERBS:
        assert f"  {verb.name} " in overview()
        text = help_text(verb.name)
        assert verb.api in text
        assert all(argument.name in text for argument in verb.arguments if argument.is_flag)
    assert all(f"%edge edge {word}" in help_text("edge") for word in ("add", "remove", "list"))
    with pytest.raises(InvalidInputError, match="did you mean deploy"):
        help_text("deplo")


def test_help_is_shown_as_text(run: Run) -> None:
    assert repr(run("%edge")) == overview()
    assert "usage: %edge serve" in repr(run("%edge help serve"))
    assert run("get_ipython().find_line_magic('edge').__doc__") == overview()

from __future__ import annotations

import re

import pytest

from jupyter_edge.widgets.front_end import STATIC, script, stylesheet

SHEETS = sorted(path.stem for path in STATIC.glob("*.css"))
SCRIPTS = sorted(path.stem for path in STATIC.glob("*.js"))


@pytest.mark.parametrize("name", SHEETS)
def test_a_style_sheet_which_the_whole_page_gets_styles_only_our_own(name: str) -> None:
    rules = re.sub(r"/\*.*?\*/", "", stylesheet(name), flags=re.DOTALL)
    heads = [head.strip() for head in re.findall(r"([^{}]+)\{[^{}]*\}", rules)]
    assert heads
    assert not [head for head in heads if any("jupyter-edge" not in one for one in re.split(r",(?![^(]*\))", head))]


@pytest.mark.parametrize("name", SHEETS)
def test_a_style_sheet_asks_no_other_machine(name: str) -> None:
    assert not re.findall(r'url\((?!"data:)|@import', (STATIC / f"{name}.css").read_text())


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_one_module_that_asks_no_other_machine(name: str) -> None:
    assert not re.findall(r"\bimport\b|https?://(?!www\.w3\.org/2000/svg\b)", script(name))

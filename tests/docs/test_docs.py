"""Every python and bash block of the README and of docs/ runs, page by page, as a reader would run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(python|bash)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def program_of(page: Path) -> str:
    """One Python program: python blocks as they are, bash blocks by bash, which stops at the first error."""
    parts = []
    for language, block in _BLOCK.findall(page.read_text()):
        if language == "bash":
            parts.append(
                f"import subprocess; subprocess.run(['bash', '-euo', 'pipefail', '-c', {block!r}], check=True)"
            )
        else:
            parts.append(block)
    return "\n".join(parts)


@pytest.mark.parametrize("page", [page for page in PAGES if program_of(page)], ids=lambda page: page.stem)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path) -> None:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER_EDGE", "OCI_"))}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    environ |= {"JUPYTER_EDGE_HOME": str(tmp_path / "home"), "MPLBACKEND": "Agg"}
    (tmp_path / "work").mkdir()
    try:
        run = subprocess.run(
            [sys.executable, "-c", program_of(page)],
            env=environ,
            cwd=tmp_path / "work",
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    finally:
        subprocess.run(
            [sys.executable, "-m", "jupyter_edge.cli", "engine", "stop"],
            env=environ,
            check=True,
            capture_output=True,
            timeout=60,
        )
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_page_is_reached_from_the_readme() -> None:
    text = PAGES[0].read_text() + "".join(page.read_text() for page in PAGES[1:])
    for page in PAGES[1:]:
        assert f"{page.name})" in text, page.name


def test_every_link_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} -> {target}"

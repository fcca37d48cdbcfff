from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_edge.display.charts import Chart
from jupyter_edge.vision import read_image

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def lines(figure: Figure) -> None:
    axes = figure.subplots()
    axes.plot([1, 3, 2], color="#1f77b4")
    axes.set_title("<script>alert('rows & more')</script>")


def tags(html: str) -> set[str]:
    found: set[str] = set()

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, _attributes: list[tuple[str, str | None]]) -> None:
            found.add(tag)

    Parser().feed(html)
    return found


def test_a_chart_is_a_picture_on_white() -> None:
    pixels = read_image(Chart(lines, "Rows", size=(4, 2))._repr_png_())
    assert pixels.shape == (220, 440, 3)
    assert tuple(pixels[0, 0]) == (255, 255, 255)
    assert (pixels == (31, 119, 180)).all(axis=2).any()


def test_a_notebook_shows_it_in_the_colours_of_its_page_and_runs_nothing() -> None:
    html = Chart(lines, 'Rows of "a" & b\n1\n2')._repr_html_()
    assert "currentColor" in html
    assert "#1a1b1c" not in html
    assert 'aria-label="Rows of &quot;a&quot; &amp; b"' in html
    assert "<pre>Rows of &quot;a&quot; &amp; b\n1\n2</pre>" in html
    assert "script" not in tags(html)


def test_a_chart_is_saved_as_its_suffix_says(tmp_path: Path) -> None:
    chart = Chart(lines, "Rows")
    for name, start in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")):
        chart.save(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)


def test_matplotlib_is_loaded_only_to_draw() -> None:
    program = (
        "import sys, jupyter_edge.display.charts as c; c.Chart(print, 'words'); print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"

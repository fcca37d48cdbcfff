from __future__ import annotations

import io
from typing import Any

import nbformat
from nbclient import NotebookClient

from jupyter_edge.display import Dots


def test_a_line_grows_from_its_text_to_its_last_word() -> None:
    out = io.StringIO()
    dots = Dots("Waiting ", out=out)
    dots.tick()
    dots.tick()
    dots.end()
    assert out.getvalue() == "Waiting . ok\n"


def test_another_word_can_end_the_line() -> None:
    out = io.StringIO()
    dots = Dots("Waiting ", out=out)
    dots.tick()
    dots.end(" failed")
    assert out.getvalue() == "Waiting . failed\n"


def test_quick_work_stays_silent() -> None:
    out = io.StringIO()
    dots = Dots("Uploading ", patience=3600.0, out=out)
    dots.tick()
    dots.end()
    assert out.getvalue() == ""


def run_in_a_notebook(*sources: str) -> Any:
    v4: Any = nbformat.v4
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=120).execute()
    return [cell.outputs for cell in notebook.cells]


def test_a_cell_shows_the_line_as_one_output_however_often_it_grows() -> None:
    grow = "dots = Dots('Waiting\\nPublishing'); dots.tick(); dots._next = 0; dots.tick(); dots.end()"
    _, (output,), captured, (kept,) = run_in_a_notebook(
        "from jupyter_edge.display import Dots", grow, f"%%capture kept\n{grow}", "print(kept.stdout, end='')"
    )
    assert output.data == {"text/plain": "Waiting\nPublishing.. ok"}
    assert captured == []
    assert kept.text == "Waiting\nPublishing.. ok\n"

from __future__ import annotations

from typing import Any

import nbformat
from nbclient import NotebookClient


def test_a_notebook_shows_an_error_as_one_line_and_stops() -> None:
    v4: Any = nbformat.v4
    source = "from jupyter_edge import EntityNotFoundError\nraise EntityNotFoundError('There is no x: build it.')"
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source)])
    NotebookClient(notebook, timeout=120, allow_errors=True).execute()
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "error"
    assert output.traceback == ["EntityNotFoundError: There is no x: build it."]

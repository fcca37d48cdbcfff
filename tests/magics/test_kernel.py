"""The magics in a real kernel: what a notebook's reader meets."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from jupyter_edge.samples import path


def notebook(*sources: str) -> Any:
    v4: Any = nbformat.v4
    return v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])


@pytest.fixture
def ask() -> Iterator[Callable[[str], str]]:
    """Run a cell in a kernel that has the magics, and return what it prints."""
    client = NotebookClient(notebook("%load_ext jupyter_edge"), timeout=120)

    def run_cell(source: str) -> str:
        cell = notebook(source).cells[0]
        client.nb.cells.append(cell)
        client.execute_cell(cell, len(client.nb.cells) - 1)
        return "".join(output.get("text", "") for output in cell.outputs)

    with client.setup_kernel(env=dict(os.environ)):
        client.execute_cell(client.nb.cells[0], 0)
        yield run_cell


@pytest.mark.parametrize(
    ("typed", "matches"), [("%edge unde", ["undeploy"]), ("%edge deploy x --mem", ["--memory"]), ("%edge xyz", ["xyz"])]
)
def test_verbs_and_flags_complete_in_a_kernel(ask: Callable[[str], str], typed: str, matches: list[str]) -> None:
    question = f"print(get_ipython().kernel.do_complete({typed!r}, {len(typed)})['matches'])"
    assert ask(question).strip() == repr(matches)


def test_an_error_stops_run_all_with_one_line() -> None:
    cells = notebook("%load_ext jupyter_edge", "%edge deploy nosuch", "ran = True")
    with pytest.raises(CellExecutionError):
        NotebookClient(cells, timeout=120).execute()
    (output,) = cells.cells[1].outputs
    assert (output.output_type, output.ename) == ("error", "EntityNotFoundError")
    assert "has no pipeline 'nosuch'" in output.evalue
    assert len(output.traceback) == 1
    assert "\n" not in output.traceback[0]
    assert cells.cells[2].execution_count is None


def test_an_edge_ends_with_its_kernel_also_when_that_is_killed(ask: Callable[[str], str], name: str) -> None:
    said = ask(f"""
%edge upload {name} {path("ccfraud.onnx")} --quiet
%edge pipeline {name} {name} --quiet
%edge publish {name} --quiet
%edge serve {name} --as {name} -o edge
import os
print(os.getpid(), edge._process.pid)
""")
    kernel, leash = (psutil.Process(int(word)) for word in said.split()[-2:])
    processes = [leash, *leash.children(recursive=True)]
    assert any("serve" in process.cmdline() for process in processes)
    kernel.kill()
    deadline = time.monotonic() + 30
    while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.05)

"""The magics in a real kernel: what a notebook's reader meets."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import nbformat
import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from jupyter_edge.samples import path


@pytest.fixture
def kernel() -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    manager, client = start_new_kernel(env=dict(os.environ))
    client.execute_interactive("%load_ext jupyter_edge", timeout=60)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_verbs_complete_in_a_kernel(kernel: tuple[KernelManager, BlockingKernelClient]) -> None:
    _, client = kernel
    reply: Any = client.complete("%edge unde", reply=True, timeout=60)
    assert reply["content"]["matches"] == ["undeploy"]
    reply = client.complete("%edge deploy x --mem", reply=True, timeout=60)
    assert reply["content"]["matches"] == ["--memory"]


def test_an_error_stops_run_all_with_one_line() -> None:
    v4: Any = nbformat.v4
    cells = [v4.new_code_cell(source) for source in ("%load_ext jupyter_edge", "%edge deploy nosuch", "ran = True")]
    notebook = v4.new_notebook(cells=cells)
    with pytest.raises(CellExecutionError):
        NotebookClient(notebook, timeout=120).execute()
    (output,) = notebook.cells[1].outputs
    assert (output.output_type, output.ename) == ("error", "EntityNotFoundError")
    assert "has no pipeline 'nosuch'" in output.evalue
    assert len(output.traceback) == 1
    assert "\n" not in output.traceback[0]
    assert notebook.cells[2].execution_count is None


def test_an_edge_ends_with_its_kernel_also_when_that_is_killed(
    kernel: tuple[KernelManager, BlockingKernelClient], name: str
) -> None:
    manager, client = kernel
    source = f"""
%edge upload {name} {path("ccfraud.onnx")} --quiet
%edge pipeline {name} {name} --quiet
%edge publish {name} --quiet
%edge serve {name} --as {name} -o edge
print(edge._process.pid)
"""
    said: list[str] = []
    client.execute_interactive(source, timeout=120, output_hook=lambda one: said.append(one["content"].get("text", "")))
    leash = psutil.Process(int("".join(said).split()[-1]))
    processes = [leash, *leash.children(recursive=True)]
    assert any("serve" in process.cmdline() for process in processes)
    manager.shutdown_kernel(now=True)
    deadline = time.monotonic() + 30
    while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.05)

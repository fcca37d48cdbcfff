"""The magics in a real kernel: what a notebook's reader meets."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import nbformat
import psutil
import pytest
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from jupyter_edge.samples import path


def notebook(*sources: str) -> Any:
    v4: Any = nbformat.v4
    return v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])


class Kernel:
    """A kernel that has the magics."""

    def __init__(self) -> None:
        self.client = NotebookClient(notebook("%load_ext jupyter_edge"), timeout=120, allow_errors=True)

    def run(self, source: str) -> Any:
        """Run a cell and return its outputs."""
        cell = notebook(source).cells[0]
        self.client.nb.cells.append(cell)
        self.client.execute_cell(cell, len(self.client.nb.cells) - 1)
        return cell.outputs

    def ask(self, source: str) -> str:
        """Run a cell and return what it prints."""
        return "".join(output.get("text", "") for output in self.run(source))

    def complete(self, typed: str) -> list[str]:
        """Return what the kernel offers at the end of a text, as it tells a notebook."""
        channels: Any = self.client.kc
        asked = channels.complete(typed, len(typed))
        while True:
            message = run_sync(channels.shell_channel.get_msg)(timeout=60)
            if message["parent_header"].get("msg_id") == asked:
                return list(message["content"]["matches"])


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    with kernel.client.setup_kernel(env=dict(os.environ)):
        kernel.client.execute_cell(kernel.client.nb.cells[0], 0)
        yield kernel


def test_lines_complete_in_a_kernel_whatever_the_engine_does(kernel: Kernel, name: str) -> None:
    assert kernel.complete("%edge unde") == ["undeploy"], "no engine was asked for yet"
    assert kernel.complete("%edge deploy x --mem") == ["--memory"]
    assert kernel.complete("%edge xyz") == ["xyz"]
    kernel.run(f"%edge upload {name} {path('ccfraud.onnx')} --quiet\n%edge pipeline {name} {name} --quiet")
    deadline = time.monotonic() + 30  # an engine that was being asked before knows the name only when asked again
    while kernel.complete(f"%edge deploy {name[:5]}") != [name]:
        assert time.monotonic() < deadline, "a new name is never offered"
    assert kernel.complete(f"for _ in range(2):\n    x = %edge pipeline new {name[:5]}") == [name]
    assert kernel.complete(f"%%edge infer {name} {path('ccfraud.onnx')}"[:-3]) == [str(path("ccfraud.onnx"))]
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
        kernel.run("import os; os.environ['JUPYTER_EDGE_TOKEN'] = 'none'")
        kernel.run(f"%config EdgeMagics.url = 'http://127.0.0.1:{silent.getsockname()[1]}'")
        assert kernel.complete("%edge unde") == ["undeploy"]
        assert kernel.complete(f"%edge deploy {name[:5]}") == [name], "the names that were known"


def test_an_interrupt_of_a_verb_that_waits_cancels_its_job(kernel: Kernel, name: str) -> None:
    kernel.run(f"%edge upload {name} {path('ccfraud.onnx')} --quiet\n%edge pipeline {name} {name} --quiet")
    (output,) = kernel.run(f"""
import os, signal, threading, time
from jupyter_edge.client import Client
def interrupt(client=Client()):
    while all(job.done for job in client.jobs()):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
%edge deploy {name} --replicas 4 --cpus 0.1 --memory 300Mi --quiet
""")
    assert (output.output_type, output.ename) == ("error", "KeyboardInterrupt")
    assert len(output.traceback) == 1
    assert "`%edge jobs` shows how it ended" in output.traceback[0]
    ended = kernel.ask("""
%edge jobs -o jobs
while not jobs[0].done:
    time.sleep(0.05)
    %edge jobs -o jobs
print(jobs[0].kind, jobs[0].state)
""")
    assert ended.split() == ["deploy", "cancelled"]
    assert "Undeployed" in kernel.ask(f"%edge pipeline {name} -o pipeline\nprint(pipeline.status()['status'])")


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


def test_an_edge_ends_with_its_kernel_also_when_that_is_killed(kernel: Kernel, name: str) -> None:
    said = kernel.ask(f"""
%edge upload {name} {path("ccfraud.onnx")} --quiet
%edge pipeline {name} {name} --quiet
%edge publish {name} --quiet
%edge serve {name} --as {name} -o edge
import os
print(os.getpid(), edge._process.pid)
""")
    shell, leash = (psutil.Process(int(word)) for word in said.split()[-2:])
    processes = [leash, *leash.children(recursive=True)]
    assert any("serve" in process.cmdline() for process in processes)
    shell.kill()
    deadline = time.monotonic() + 30
    while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.05)

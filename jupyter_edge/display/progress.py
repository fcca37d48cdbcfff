"""Progress as text that grows: it reads the same in a notebook, a terminal and a log file."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO


class Dots:
    """A line that gets a dot for every second that passes, and a last word.

    Args:
        text: how the line begins.
        done: the last word where all went well.
        patience: seconds that pass before anything is written, so that quick work stays silent.
        out: where to write; standard output at the time of writing where not given.
    """

    def __init__(self, text: str, done: str = " ok", patience: float = 0.0, out: TextIO | None = None) -> None:
        self._text = text
        self._done = done
        self._out = out
        self._shown = ""
        self._output: Any = None
        self._next = time.monotonic() + patience

    def tick(self) -> None:
        """Write what is due by now; call this as often as is convenient."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 1
            self._write("." if self._shown else f"{self._text}.")

    def end(self, word: str | None = None) -> None:
        """Finish the line with its last word, or another one; nothing is written where the line was never begun."""
        if self._shown:
            self._write(f"{self._done if word is None else word}\n")

    def _write(self, text: str) -> None:
        self._shown += text
        out = self._out or sys.stdout
        if _is_cell_output(out):
            self._display()
        else:
            out.write(text)
            out.flush()

    def _display(self) -> None:
        """Show the line as one output of the cell: tools that run notebooks keep each write apart, on its own line."""
        from IPython.display import display

        bundle = {"text/plain": self._shown.rstrip("\n")}
        if self._output is None:
            self._output = display(bundle, raw=True, display_id=True)
        else:
            self._output.update(bundle, raw=True)


def _is_cell_output(out: TextIO) -> bool:
    """Say whether text goes to a notebook's cell: to the kernel's own stream, not to what a user put in its place."""
    kernel = sys.modules.get("ipykernel.iostream")
    return kernel is not None and isinstance(out, kernel.OutStream)

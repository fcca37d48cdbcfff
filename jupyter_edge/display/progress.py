"""Progress as text that grows: it reads the same in a notebook, a terminal and a log file."""

from __future__ import annotations

import sys
import time
from typing import TextIO


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
        self._shown = False
        self._next = time.monotonic() + patience

    def tick(self) -> None:
        """Write what is due by now; call this as often as is convenient."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 1
            self._write("." if self._shown else f"{self._text}.")
            self._shown = True

    def end(self, word: str | None = None) -> None:
        """Finish the line with its last word, or another one; nothing is written where the line was never begun."""
        if self._shown:
            self._write(f"{self._done if word is None else word}\n")

    def _write(self, text: str) -> None:
        out = self._out or sys.stdout
        out.write(text)
        out.flush()

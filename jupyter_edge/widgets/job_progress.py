"""The bar of a job, with words, and a button that cancels it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from jupyter_edge.core.errors import EdgeError, JobCancelledError
from jupyter_edge.widgets.base import STYLE, Row, message
from jupyter_edge.widgets.cancel_button import CancelButton

if TYPE_CHECKING:
    from jupyter_edge.client import Job

_LOOK_SECONDS = 0.2
_STYLES = {"succeeded": "success", "failed": "danger", "cancelled": "warning"}
_KINDS = {"succeeded": "good", "failed": "bad", "cancelled": "plain"}


class JobProgress(widgets.VBox):
    """How far a job is, and a button that cancels it, also while the kernel runs a cell.

    An interrupt of the kernel cancels what a cell waits for (``wait``), too.
    """

    def __init__(self, job: Job | None = None) -> None:
        self.job = job
        self._words = ""
        self._cancel: Callable[[], object] | None = None
        self._bar = widgets.FloatProgress(min=0, max=1, layout=widgets.Layout(flex="1 1 20em", width="auto"))
        self._button = CancelButton(self.cancel)
        self._line = widgets.HTML()
        super().__init__([widgets.HTML(STYLE), Row(self._bar, self._button), self._line])
        self.add_class("jupyter-edge-panel")
        self.add_class("jupyter-edge-job")
        self.layout.display = "none"
        if job is not None:
            self.follow(job)

    def follow(self, job: Job, on_end: Callable[[Job], object] | None = None) -> None:
        """Show a job until it has ended, from a thread, and call ``on_end`` with it then."""
        self._begin(job)
        threading.Thread(target=self._follow, args=(job, on_end), name="job-progress", daemon=True).start()

    def wait(self) -> Job:
        """Wait until the job has ended and return it; an interrupt cancels it.

        Raises:
            EdgeError: with the cause, if it failed.
            JobCancelledError: if it was cancelled.
        """
        if self.job is None:
            msg = "This bar follows no job: give it one, JobProgress(job)."
            raise EdgeError(msg)
        self._button.waits = True
        try:
            with _cancelled_by_interrupt(self):
                while not self.job.done:
                    time.sleep(_LOOK_SECONDS)
                    self._show(self.job.refresh())
        finally:
            self._button.waits = False
        if self.job.state == "succeeded":
            return self.job
        kind = JobCancelledError if self.job.state == "cancelled" else EdgeError
        raise kind(self.job.error or f"The {self.job.kind} was {self.job.state}.")

    def show(self, progress: float, words: str, cancel: Callable[[], object] | None) -> None:
        """Show work that is not the engine's, such as sending a file."""
        self._cancel = cancel
        self._button.job = {}
        self._button.disabled = cancel is None
        self._button.layout.display = None
        self.layout.display = None
        self._bar.bar_style = "info"
        self._say(progress, words, "plain")

    def hide(self) -> None:
        """Show nothing."""
        self.layout.display = "none"

    def cancel(self) -> None:
        """End the work before it is done."""
        if self._cancel is None:
            return
        self._button.disabled = True
        try:
            self._cancel()
        except EdgeError as error:
            self._line.value = message(str(error), "bad")

    def __repr__(self) -> str:
        return self._words or "No job yet."

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        html = self._line.value
        return {"application/vnd.jupyter.widget-view+json": view, "text/html": html, "text/plain": repr(self)}

    def _begin(self, job: Job) -> None:
        self.show(job.progress, "", job.cancel)
        self._button.job = {"id": job.id, "created_at": job.created_at.isoformat()}
        self._show(job)

    def _follow(self, job: Job, on_end: Callable[[Job], object] | None) -> None:
        try:
            while not job.done:
                time.sleep(_LOOK_SECONDS)
                job = job.refresh()
                self._show(job)
        except EdgeError as error:
            self._bar.bar_style = "danger"
            self._line.value = message(str(error), "bad")
            self._button.layout.display = "none"
            return
        if on_end is not None:
            on_end(job)

    def _show(self, job: Job) -> None:
        self.job = job
        words = job.error or job.message if job.state != "succeeded" else ""
        self._bar.bar_style = _STYLES.get(job.state, "info")
        progress = 1.0 if job.done else job.progress
        share = "" if job.done else f" {job.progress:.0%}"
        said = f"{job.kind.capitalize()} {job.state}{share}{': ' + words if words else '.'}"
        self._say(progress, said, _KINDS.get(job.state, "plain"))
        if job.done:
            self._cancel = None
            self._button.layout.display = "none"

    def _say(self, progress: float, words: str, kind: str) -> None:
        self._words = words
        self._bar.value = progress
        self._line.value = message(words, kind)


def follow(job: Job) -> Job:
    """Show a job until it has ended: as a bar in a notebook, as text elsewhere; an interrupt cancels it.

    Raises:
        EdgeError: with the cause, if it failed or was cancelled.
    """
    if "ipykernel.zmqshell" not in sys.modules:
        return job.wait()
    from IPython.display import display

    bar = JobProgress()
    bar._begin(job)
    with _cancelled_by_interrupt(bar):
        display(bar)
    return bar.wait()


@contextmanager
def _cancelled_by_interrupt(bar: JobProgress) -> Iterator[None]:
    """Cancel a bar's job where the user interrupts, and let the bar show how it ends."""
    try:
        yield
    except KeyboardInterrupt:
        if bar.job is not None:
            with suppress(EdgeError):  # it may have ended by now: the interrupt is what the caller has to see
                bar.follow(bar.job.cancel())
        raise

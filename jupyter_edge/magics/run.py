"""Run one verb: the same for a line, a cell and a command."""

from __future__ import annotations

import io
import sys
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from jupyter_edge.core.errors import AuthenticationError, EdgeError, EngineUnavailableError, InvalidInputError
from jupyter_edge.display.twins import Command
from jupyter_edge.magics.output import to_json
from jupyter_edge.magics.session import Session
from jupyter_edge.magics.table import Verb
from jupyter_edge.magics.words import in_verbs


def run_verb(verb: Verb, session: Session, options: Namespace) -> Any:
    """Run a verb and return its result; print it as JSON if that is asked for, and return nothing.

    Raises:
        EdgeError: that of the Python API, advising verbs.
    """
    options.body = _body(verb, options)
    workspace = getattr(options, "workspace", None)

    def reworded(message: str) -> str:
        return in_verbs(message, session.prefix, getattr(options, "pipeline", None))

    try:
        with ExitStack() as stack:
            if options.quiet:
                stack.enter_context(redirect_stdout(io.StringIO()))
            stack.enter_context(session.in_workspace(workspace))
            stack.enter_context(_plain_warnings(reworded))
            result = _twin(verb, session, options) or verb.run(session, options)
    except EdgeError as error:
        if isinstance(error, EngineUnavailableError | AuthenticationError):
            session.forget_client()  # so that the next verb finds the engine, or starts it, again
        error.args = (reworded(str(error)),)
        raise
    if options.json:
        print(to_json(result))
        return None
    return Command(result) if type(result) is str else result


@contextmanager
def _plain_warnings(reworded: Callable[[str], str]) -> Iterator[None]:
    """Write our warnings as their words alone: where in our code they come from helps nobody."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        finally:
            for warning in caught:
                print(reworded(str(warning.message)), file=sys.stderr)


def _body(verb: Verb, options: Namespace) -> str | None:
    """Return what the cell holds, or the file that takes its place."""
    body: str | None = options.body if options.body and options.body.strip() else None
    if body and not verb.body:
        msg = f"%%edge {verb.name} reads nothing from the cell: write %edge {verb.name}, and code in another cell."
        raise InvalidInputError(msg)
    if not getattr(options, "file", None) or not verb.body:
        return body
    if body:
        msg = "There is both a cell and a --file: give one of them."
        raise InvalidInputError(msg)
    try:
        return sys.stdin.read() if options.file == "-" else Path(options.file).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"The file {options.file} cannot be read ({error}): name a text file."
        raise InvalidInputError(msg) from None


def _twin(verb: Verb, session: Session, options: Namespace) -> Any:
    if not getattr(options, "show", None):
        return None
    from jupyter_edge.magics.twins import twin_of

    return twin_of(verb, session, options)

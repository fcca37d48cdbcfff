"""Twins of verbs: text that does the same from outside."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from jupyter_edge.display.twins import Command, in_shell

if TYPE_CHECKING:
    from jupyter_edge.magics.session import Session
    from jupyter_edge.magics.table import Verb


def twin_of(verb: Verb, session: Session, options: Namespace) -> Command:
    """Return the twin of the kind that ``options.show`` names."""
    if options.show == "python" and verb.python:
        from jupyter_edge.client.twins import program

        workspace = getattr(options, "workspace", None) or session.workspace
        return program(verb.python(session, options), workspace)
    if options.show == "curl" and verb.curl:
        return in_shell(verb.curl(session, options))
    return Command(verb.twin(session, options) if verb.twin else "")

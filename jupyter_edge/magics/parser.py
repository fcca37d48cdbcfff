"""Arguments of verbs, read by argparse; what cannot be read is an error of ours, which names the next step."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable
from typing import NoReturn

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.magics.table import Argument, Verb
from jupyter_edge.magics.verbs import VERBS
from jupyter_edge.magics.words import nearest, no_verb, sentence

OUT = Argument("--out", "put the result into this variable, and show nothing", "variables", {"metavar": "NAME"})


class VerbParser(argparse.ArgumentParser):
    """A parser that raises rather than ends the process."""

    def error(self, message: str) -> NoReturn:
        """Raise the error.

        Raises:
            InvalidInputError: always, naming the command that explains the verb.
        """
        msg = f"{self.prog}: {message}: `%edge help {self.prog.removeprefix('%edge ')}` explains it."
        raise InvalidInputError(msg)


def notebook_arguments(verb: Verb) -> tuple[Argument, ...]:
    """Return the arguments of a verb in a notebook."""
    return (*verb.all_arguments, OUT)


def add_arguments(parser: argparse.ArgumentParser, arguments: Iterable[Argument]) -> None:
    """Add arguments to a parser."""
    for argument in arguments:
        parser.add_argument(*short_names(argument), help=argument.help.replace("%", "%%"), **argument.options)


def short_names(argument: Argument) -> tuple[str, ...]:
    """Return how an argument may be written: ``--out`` and ``--file`` also by their first letters."""
    return (argument.name, argument.name[1:3]) if argument.name in {"--out", "--file"} else (argument.name,)


def parser_of(verb: Verb) -> VerbParser:
    """Return the parser of a verb in a notebook."""
    parser = VerbParser(prog=f"%edge {verb.name}", description=sentence(verb.help), add_help=False, allow_abbrev=False)
    add_arguments(parser, notebook_arguments(verb))
    return parser


def parse(line: str) -> tuple[Verb, argparse.Namespace]:
    """Read a line of ``%edge``: a verb and its arguments, quoted as in a shell.

    Raises:
        InvalidInputError: naming what cannot be read, and the nearest right word.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        msg = f"The line cannot be read ({error}): close the quotes, or write a backslash before a lone one."
        raise InvalidInputError(msg) from None
    verb, rest = find_verb(words)
    parser = parser_of(verb)
    options, unknown = parser.parse_known_args(rest)
    if unknown:
        flags = [argument.name for argument in notebook_arguments(verb) if argument.is_flag]
        parser.error(f"it takes no {unknown[0]}{nearest(unknown[0], flags)}")
    return verb, options


def find_verb(words: list[str]) -> tuple[Verb, list[str]]:
    """Return the verb that words begin with, and the words that follow it; without words it is ``help``.

    Raises:
        InvalidInputError: if there is no such verb, with the nearest one.
    """
    words = words or ["help"]
    verbs = {verb.name: verb for verb in VERBS}
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in verbs:
            return verbs[name], words[length:]
    if any(name.startswith(f"{words[0]} ") for name in verbs):
        words = [" ".join(words[:2])]
    raise InvalidInputError(no_verb(words[0], verbs))

"""The verbs as sub-commands of `jupyter edge`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, TypeAlias

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.magics.parser import add_arguments
from jupyter_edge.magics.session import Session
from jupyter_edge.magics.table import Verb
from jupyter_edge.magics.verbs import VERBS
from jupyter_edge.magics.words import in_verbs, no_verb, sentence

if TYPE_CHECKING:
    Commands: TypeAlias = "argparse._SubParsersAction[CommandParser]"

_OWN = {"help", "serve"}


class CommandParser(argparse.ArgumentParser):
    """Raises `InvalidInputError` for a command that is not known, in the words of ``%edge``."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:
            group = self.prog.partition(" ")[2]
            known = [f"{group} {name}".strip() for name in action.choices]
            raise InvalidInputError(in_verbs(no_verb(f"{group} {value}".strip(), known), "jupyter edge", None))
        super()._check_value(action, value)


def add_verbs(commands: Commands) -> None:
    """Add a sub-command for each verb but ``help``, which explains all commands, and ``serve``: see ``add_serve``."""
    groups: dict[str, Commands] = {}
    for verb in VERBS:
        group, _, name = verb.name.rpartition(" ")
        if group and group not in groups:
            words = f"{', '.join(one.name.split()[1] for one in VERBS if one.name.startswith(f'{group} '))} {group}s"
            groups[group] = commands.add_parser(group, help=words).add_subparsers(required=True, metavar="VERB")
        if verb.name not in _OWN:
            parser = (groups[group] if group else commands).add_parser(
                name, help=verb.help.replace("%", "%%"), description=sentence(verb.help)
            )
            add_arguments(parser, verb.all_arguments)
            parser.set_defaults(run=lambda options, verb=verb: run_command(verb, options))


def add_serve(parser: argparse.ArgumentParser) -> None:
    """Add what ``serve`` takes for a publish of this home's engine; without a pipeline it reads its environment."""
    add_arguments(
        parser, [argument for argument in _serve().all_arguments if argument.name not in {"--stop", "--json"}]
    )


def serve_in_foreground(options: argparse.Namespace) -> None:
    """Serve a publish until it is interrupted."""
    if options.host != "127.0.0.1":
        msg = "A pipeline of this home's engine is served on this machine only: leave --host out."
        raise InvalidInputError(msg)
    options.stop, options.json = None, False
    edge = _run(_serve(), options)
    if isinstance(edge, str):
        print(edge)
        return
    print(edge, flush=True)
    edge.wait()


def run_command(verb: Verb, options: argparse.Namespace) -> None:
    """Run a verb and print what it returns."""
    from jupyter_edge.magics.output import to_text

    result = _run(verb, options)
    if result is not None and not options.quiet:
        print(to_text(result))


def _run(verb: Verb, options: argparse.Namespace) -> Any:
    from jupyter_edge.magics.run import run_verb

    options.body = None
    return run_verb(verb, Session(prefix="jupyter edge"), options)


def _serve() -> Verb:
    return next(verb for verb in VERBS if verb.name == "serve")

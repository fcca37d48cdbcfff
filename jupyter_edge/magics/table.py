"""What a verb is: the rows of the table that magics, completion, help, commands and documentation are made from."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_edge.magics.session import Session


@dataclass(frozen=True)
class Argument:
    """One argument: a name, or a flag; ``options`` are those of ``argparse.add_argument``.

    ``completes`` is what it names: pipelines, models, edges, workspaces, jobs, local_edges, verbs, variables or files.
    """

    name: str
    help: str
    completes: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_flag(self) -> bool:
        """Say whether it is written with dashes."""
        return self.name.startswith("-")

    @property
    def takes_value(self) -> bool:
        """Say whether a word follows the flag."""
        return self.is_flag and self.options.get("action") != "store_true"


@dataclass(frozen=True)
class Verb:
    """One verb: what runs it, and what is said of it.

    Attributes:
        name: one word, or two, such as "edge add".
        help: one line, imperative.
        api: the call of the Python API that it is, for the documentation.
        run: does it, and returns what is shown.
        python: its twin in Python, as lines that follow ``client = Client()``.
        curl: its twin as requests to the engine; ``None`` where there is none.
        twin: its twin of the kind ``options.show``, one of ``kinds``, as an object of the Python API shows it.
        kinds: the kinds that ``twin`` makes.
        body: what the cell of ``%%edge`` holds; ``None`` for verbs without one.
        in_workspace: whether a workspace matters to it.
    """

    name: str
    help: str
    api: str
    run: Callable[[Session, Namespace], Any]
    python: Callable[[Session, Namespace], str] | None = None
    curl: Callable[[Session, Namespace], str] | None = None
    twin: Callable[[Session, Namespace], str] | None = None
    kinds: tuple[str, ...] = ()
    arguments: tuple[Argument, ...] = ()
    body: str | None = None
    in_workspace: bool = True

    @property
    def shows(self) -> tuple[str, ...]:
        """Return the kinds of twins that ``--show`` takes."""
        own = [kind for kind, made in (("curl", self.curl), ("python", self.python)) if made]
        return (*own, *self.kinds)

    @property
    def all_arguments(self) -> tuple[Argument, ...]:
        """Return its own arguments, and those that every verb has."""
        workspace = Argument("--workspace", "work in this workspace, this time", "workspaces", {"metavar": "NAME"})
        show = Argument(
            "--show", "print what does the same from outside, and do nothing", options={"choices": self.shows}
        )
        file = Argument("--file", "read this file in place of the cell; - is standard input", "files")
        return (
            *self.arguments,
            *((file,) if self.body else ()),
            *((workspace,) if self.in_workspace else ()),
            *((show,) if self.shows else ()),
            Argument("--json", "print the result as JSON", options={"action": "store_true"}),
            Argument("--quiet", "show neither progress nor result", options={"action": "store_true"}),
        )

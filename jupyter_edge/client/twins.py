"""What objects show of themselves to be used elsewhere: commands that do the same from outside."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.display import Listing
from jupyter_edge.display.twins import Command, in_shell

if TYPE_CHECKING:
    from jupyter_edge.client.client import Client

Kinds = Mapping[str, Callable[[], Command]]
T = TypeVar("T")
_MODULES = ("datetime", "json", "pandas", "pathlib", "requests")


class Twins(ABC):
    """Mix-in of objects that show such commands; ``_twins()`` gives those that make sense."""

    def show(self, kind: str) -> Command:
        """Return a command that gets or runs this object from outside, to be read, printed or copied.

        Args:
            kind: ``curl`` or ``python``; for a publish or an edge also ``docker``, ``podman``, ``compose`` or ``helm``.
                Tokens and passwords are variables in it: ``jupyter-edge env`` prints them.

        Raises:
            InvalidInputError: for a kind that makes no sense here, naming those that do.
        """
        return show_twin("This list" if isinstance(self, list) else type(self).__name__, self._twins(), kind)

    @abstractmethod
    def _twins(self) -> Kinds:
        """Return the commands by their kind."""


class TwinListing(Twins, Listing[T]):
    """A list that shows as a table, and the commands that read it."""

    def __init__(
        self, items: Iterable[T], columns: Sequence[str], row: Callable[[T], Sequence[object]], twins: Kinds
    ) -> None:
        super().__init__(items, columns, row)
        self._own_twins = twins

    def _twins(self) -> Kinds:
        return self._own_twins


def show_twin(what: str, twins: Kinds, kind: str) -> Command:
    """Return the twin of a kind.

    Raises:
        InvalidInputError: if there is none, naming those that there are.
    """
    if kind not in twins:
        msg = f"{what} shows no {kind!r}: the kinds that make sense for it are {', '.join(twins)}."
        raise InvalidInputError(msg)
    return twins[kind]()


def reading(request: str, code: str, workspace: Callable[[], str] | None = None) -> Kinds:
    """Return the twins of what is read by one request, or by code that runs in a workspace."""
    return {"curl": lambda: in_shell(request), "python": lambda: program(code, workspace and workspace())}


def program(code: str, workspace: str | None = None) -> Command:
    """Return a whole Python program that runs lines of code with a client, in a workspace if one is named."""
    from jupyter_edge import client

    lines = [f"client.set_current_workspace(client.get_workspace({workspace!r}))"] if workspace else []
    lines += code.splitlines()
    names = [name for name in client.__all__ if any(re.search(rf"\b{name}\b", line) for line in lines)]
    modules = [f"import {name}" for name in _MODULES if re.search(rf"\b{name}\.", code)]
    imports = f"from jupyter_edge.client import {', '.join(sorted({'Client', *names}))}"
    return Command("\n".join([*modules, imports, "", "client = Client()", *lines]))


def workspace_name(client: Client, workspace_id: int) -> str:
    """Return the name of a workspace."""
    return str(client.transport.post("workspaces/get", {"id": workspace_id})["name"])

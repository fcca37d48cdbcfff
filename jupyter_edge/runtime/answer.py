"""An answer before it is written: named values, nested or flattened, that a codec turns into bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from jupyter_edge.core.dataset import Path
from jupyter_edge.core.records import Column


@dataclass(slots=True)
class Constant:
    """A value that all rows share."""

    value: Any


Value = Column | Constant


@dataclass(frozen=True, eq=False)
class Layout:
    """What an answer holds, in order: nested by path, or with a separator under joined names.

    ``fixed`` are values that all answers share; the others come with the rows.
    """

    leaves: tuple[Path, ...]
    separator: str | None
    fixed: Mapping[Path, Constant] = field(default_factory=dict)


@dataclass(slots=True)
class Values:
    """The rows to write: what a layout leaves open, and the shape of one row's value of inputs that come flattened."""

    rows: int
    by_path: dict[Path, Value]
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def row(self, number: int) -> Values:
        """Return one of the rows alone."""
        row = {
            path: value if isinstance(value, Constant) else value[number : number + 1]
            for path, value in self.by_path.items()
        }
        return Values(1, row, self.shapes)


class Writer(Protocol):
    """Writes answers of one layout."""

    def write(self, values: Values) -> bytes:
        """Write all rows as one answer."""

    def write_rows(self, values: Values) -> list[bytes]:
        """Write each row as an answer of its own."""


def arrange(leaves: Iterable[Path], values: Mapping[Path, Any], separator: str | None) -> dict[str, Any]:
    """Return the chosen leaves as a tree; with a separator as one level of joined names."""
    if separator is not None:
        return {separator.join(leaf): values[leaf] for leaf in leaves}
    tree: dict[str, Any] = {}
    for leaf in leaves:
        node = tree
        for name in leaf[:-1]:
            node = node.setdefault(name, {})
        node[leaf[-1]] = values[leaf]
    return tree

"""An answer before it is written: named values, nested or flattened, that a codec turns into bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from jupyter_edge.core.dataset import Path
from jupyter_edge.core.records import Column


@dataclass(frozen=True)
class Constant:
    """A value that all rows share."""

    value: Any


Value = Column | Constant


@dataclass(frozen=True)
class Answer:
    """Rows to write: ``tree`` maps names to values, or to further trees where the answer is nested.

    ``shapes`` tells, by the names on the way joined by ``separator``, the shape of one row's value where the list
    that holds it is flat.
    """

    rows: int
    tree: dict[str, Any]
    separator: str = "."
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def row(self, number: int) -> Answer:
        """Return one of the rows alone."""
        return Answer(1, _row_of(self.tree, number), self.separator, self.shapes)


def _row_of(tree: dict[str, Any], number: int) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            row[name] = _row_of(value, number)
        else:
            row[name] = value if isinstance(value, Constant) else value[number : number + 1]
    return row


def arrange(leaves: Iterable[Path], values: dict[Path, Value], separator: str | None) -> dict[str, Any]:
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

"""An answer before it is written: named values, nested or flattened, that a codec turns into bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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


class Writer(Protocol):
    """Writes answers of one layout."""

    def write(self, values: Values) -> bytes:
        """Write all rows as one answer."""

    def write_rows(self, values: Values) -> list[bytes]:
        """Write each row as an answer of its own."""


class TreeWriter:
    """Writes answers of one layout by functions that take each as a tree."""

    def __init__(
        self, layout: Layout, encode: Callable[[Answer], bytes], encode_rows: Callable[[Answer], list[bytes]]
    ) -> None:
        self._layout = layout
        self._encode = encode
        self._encode_rows = encode_rows

    def write(self, values: Values) -> bytes:
        """Write all rows as one answer."""
        return self._encode(self._answer(values))

    def write_rows(self, values: Values) -> list[bytes]:
        """Write each row as an answer of its own."""
        return self._encode_rows(self._answer(values))

    def _answer(self, values: Values) -> Answer:
        layout = self._layout
        joint = layout.separator or "."
        shapes = {joint.join(("in", name)): shape for name, shape in values.shapes.items()}
        tree = arrange(layout.leaves, {**layout.fixed, **values.by_path}, layout.separator)
        return Answer(values.rows, tree, joint, shapes)


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

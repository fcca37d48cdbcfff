"""Which fields of an answer a caller wants: the query parameters dataset, dataset.exclude and dataset.separator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self
from urllib.parse import parse_qsl

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.naming import listed

Path = tuple[str, ...]
"""The names of a field from the top of an answer down, such as ``("out", "variable")``."""


class Selection(NamedTuple):
    """The wanted paths in their order, the paths to leave out, and the separator of flattened names.

    ``*`` stands for every top-level field. Without a separator the answer is nested.
    """

    wanted: tuple[str, ...] = ("*",)
    excluded: frozenset[str] = frozenset()
    separator: str | None = None

    @classmethod
    def parse(cls, query: str) -> Self:
        """Read a query string; keys may end in ``[]`` and come more than once, other keys are passed over."""
        found: dict[str, list[str]] = {}
        for key, value in parse_qsl(query, keep_blank_values=True):
            found.setdefault(key.removesuffix("[]"), []).append(value)
        separator = found.get("dataset.separator", [""])[-1]
        return cls(
            wanted=tuple(found.get("dataset", ["*"])),
            excluded=frozenset(found.get("dataset.exclude", [])),
            separator=separator or None,
        )

    def choose(self, leaves: Sequence[Path]) -> list[Path]:
        """Return the wanted leaves, each once, in the order they were asked for.

        An excluded path takes away what was asked for by exactly that path, and the leaf of that name.

        Raises:
            InvalidInputError: for a path that the answer does not have, with those it has.
        """
        known: dict[str, list[Path]] = {}
        for leaf in leaves:
            for joint in {".", self.separator or "."}:
                for depth in range(1, len(leaf) + 1):
                    known.setdefault(joint.join(leaf[:depth]), []).append(leaf)
        top = list(dict.fromkeys(leaf[0] for leaf in leaves))
        chosen: dict[Path, None] = {}
        for wanted in self.wanted:
            for path in top if wanted == "*" else [wanted]:
                if path not in known:
                    msg = f"dataset names {path!r}, which the answer does not have: choose from *, {listed([*known])}."
                    raise InvalidInputError(msg)
                if path not in self.excluded:
                    chosen.update(dict.fromkeys(known[path]))
        return [leaf for leaf in chosen if len(leaf) == 1 or ".".join(leaf) not in self.excluded]

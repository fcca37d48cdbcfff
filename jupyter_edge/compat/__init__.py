"""Make the import names of Wallaroo's 2023.4 tutorials work where no package of that name is installed.

``%load_ext jupyter_edge.compat`` in a notebook, or ``jupyter_edge.compat.install()`` elsewhere, makes ``wallaroo``,
``CVDemoUtils`` and ``WallarooUtils`` importable. They are ordinary modules in the folder ``aliases``, and none of them
runs before a notebook imports it.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["install", "uninstall"]

ALIASES = Path(__file__).with_name("aliases")
NAMES = frozenset({"wallaroo", "CVDemoUtils", "WallarooUtils"})


class AliasFinder(MetaPathFinder):
    """Find the aliases, last of all finders: an installed package or a file beside the notebook comes first."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the alias' spec; its submodules need none of this, the package's own path leads to them."""
        return PathFinder.find_spec(fullname, [str(ALIASES)], target) if fullname in NAMES else None


def install() -> None:
    """Make the aliases importable; calling it again changes nothing."""
    if not any(isinstance(finder, AliasFinder) for finder in sys.meta_path):
        sys.meta_path.append(AliasFinder())


def uninstall() -> None:
    """Take the aliases back, also the imported ones; real packages of the same names stay."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, AliasFinder)]
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in NAMES and ALIASES in Path(getattr(module, "__file__", None) or "").parents:
            del sys.modules[name]


def load_ipython_extension(ipython: Any) -> None:
    """Answer ``%load_ext jupyter_edge.compat``."""
    install()


def unload_ipython_extension(ipython: Any) -> None:
    """Answer ``%unload_ext jupyter_edge.compat``."""
    uninstall()

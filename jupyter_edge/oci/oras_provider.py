"""oras' registry class, imported in a quarter of the time.

oras imports jsonschema, and that builds a grammar of IRIs (RFC 3987) where ``rfc3987_syntax`` is installed, as it is
beside Jupyter. It takes over a second at each start of an edge, and no schema of oras holds an IRI.
"""

from __future__ import annotations

import sys

_GRAMMAR = "rfc3987_syntax"
_hidden = sys.modules.setdefault(_GRAMMAR, None) is None  # type: ignore[arg-type]  # None: an import of it fails
try:
    from oras.provider import Registry
finally:
    if _hidden:
        del sys.modules[_GRAMMAR]

__all__ = ["Registry"]

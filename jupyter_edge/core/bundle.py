"""The edge bundle: what an edge needs to join its engine, as base64 of sourceable shell text."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

from jupyter_edge.core.errors import InvalidInputError

_LINE = re.compile(r"(?:export\s+)?([A-Z_]+)=(.*)")
_ID = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class EdgeBundle:
    """Identity and addresses of one edge; the join token works once.

    ``opscenter_host`` is ``host`` or ``host:port``, without a scheme.
    """

    edge_name: str
    join_token: str = field(repr=False)
    opscenter_host: str
    pipeline_url: str
    workspace_id: int

    def encode(self) -> str:
        """Return the bundle as single-line base64 of ``export KEY=value`` lines, without a last newline."""
        lines = {
            "BUNDLE_VERSION": 1,
            "EDGE_NAME": self.edge_name,
            "JOIN_TOKEN": self.join_token,
            "OPSCENTER_HOST": self.opscenter_host,
            "PIPELINE_URL": self.pipeline_url,
            "WORKSPACE_ID": self.workspace_id,
        }
        text = "\n".join(f"export {key}={value}" for key, value in lines.items())
        return base64.b64encode(text.encode()).decode()

    @classmethod
    def decode(cls, text: str) -> EdgeBundle:
        """Read a bundle by its keys, in any order; keys that are not known are passed over.

        Raises:
            InvalidInputError: if the text is no bundle, naming what is missing; never showing the text itself.
        """
        advice = "copy EDGE_BUNDLE again from where the edge was added."
        try:
            plain = base64.b64decode(text.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            msg = f"EDGE_BUNDLE is not base64 of a bundle: {advice}"
            raise InvalidInputError(msg) from None
        lines = (_LINE.fullmatch(line.strip()) for line in plain.splitlines())
        found: dict[str, str] = {line[1]: line[2] for line in lines if line}
        missing = [key for key in ("EDGE_NAME", "JOIN_TOKEN", "OPSCENTER_HOST", "PIPELINE_URL") if not found.get(key)]
        workspace = found.get("WORKSPACE_ID", "0")
        if missing or not _ID.fullmatch(workspace):
            msg = f"EDGE_BUNDLE lacks a usable {', '.join(missing) or 'WORKSPACE_ID'}: {advice}"
            raise InvalidInputError(msg)
        return cls(
            found["EDGE_NAME"],
            found["JOIN_TOKEN"],
            found["OPSCENTER_HOST"],
            found["PIPELINE_URL"],
            int(workspace),
        )

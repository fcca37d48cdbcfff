"""What an edge server is told by its environment: the variables of the published `docker run` command."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_edge.core.bundle import EdgeBundle
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.quantities import parse_cpus, parse_memory
from jupyter_edge.core.secret import Secret

DEFAULT_PERSIST = "/persist"


@dataclass(frozen=True)
class EdgeSettings:
    """Settings of one edge server.

    ``cpus`` overrides what was published; ``storage`` bounds the log that waits to be shipped, in bytes; ``insecure``
    allows plain http to an engine on another machine.
    """

    pipeline_url: str
    persist: Path
    username: str | None = None
    password: Secret | None = None
    bundle: EdgeBundle | None = None
    cpus: float | None = None
    storage: int | None = None
    debug: bool = False
    insecure: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> EdgeSettings:
        """Read PIPELINE_URL, OCI_REGISTRY, OCI_USERNAME, OCI_PASSWORD, EDGE_BUNDLE, CONFIG_CPUS, DEBUG and the others.

        Raises:
            InvalidInputError: naming the variable that is missing or cannot be used.
        """
        given = {key: value.strip() for key, value in environ.items() if value.strip()}
        bundle = EdgeBundle.decode(given["EDGE_BUNDLE"]) if "EDGE_BUNDLE" in given else None
        pipeline_url = given.get("PIPELINE_URL") or (bundle.pipeline_url if bundle else "")
        if not pipeline_url:
            msg = "PIPELINE_URL is not set: give the pipeline URL of the publish, or its EDGE_BUNDLE."
            raise InvalidInputError(msg)
        _check_registry(given.get("OCI_REGISTRY", ""), pipeline_url)
        return cls(
            pipeline_url=pipeline_url,
            persist=Path(given.get("JUPYTER_EDGE_PERSIST", DEFAULT_PERSIST)),
            username=given.get("OCI_USERNAME"),
            password=Secret(given["OCI_PASSWORD"]) if "OCI_PASSWORD" in given else None,
            bundle=bundle,
            cpus=parse_cpus(given["CONFIG_CPUS"]) if "CONFIG_CPUS" in given else None,
            storage=parse_memory(given["LOCAL_INFERENCE_STORAGE"]) if "LOCAL_INFERENCE_STORAGE" in given else None,
            debug=given.get("DEBUG", "").lower() in {"1", "true", "yes"},
            insecure=given.get("OPSCENTER_INSECURE") == "1",
        )


def _check_registry(registry: str, pipeline_url: str) -> None:
    """Refuse to send the credentials of one registry to another."""
    host = registry.removeprefix("https://").removeprefix("http://").rstrip("/")
    if host and not pipeline_url.startswith(host.split("/")[0] + "/"):
        msg = f"PIPELINE_URL {pipeline_url} is not in OCI_REGISTRY {host}: both must name the same registry."
        raise InvalidInputError(msg)

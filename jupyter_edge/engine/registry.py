"""The edge registry that publishes go to: the engine's own, or an external one named in the environment."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jupyter_edge.core.errors import EdgeError, EntityNotFoundError, InvalidInputError
from jupyter_edge.core.secret import Secret
from jupyter_edge.core.version import VERSION
from jupyter_edge.oci.helm import chart_version
from jupyter_edge.oci.reference import Reference

if TYPE_CHECKING:
    from jupyter_edge.oci.client import RegistryClient

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EdgeRegistry:
    """Where publishes go; ``address`` is ``host[:port]``, for an external registry perhaps with a path behind it."""

    address: str
    username: str | None
    password: Secret | None = field(repr=False)
    external: bool = False

    @property
    def engine_image(self) -> Reference:
        """The container image that runs a published pipeline."""
        return Reference.parse(f"{self.address}/engines/jupyter-edge:{VERSION}")

    def pipeline(self, name: str, version: str) -> Reference:
        """Return where a pipeline's version lies."""
        return Reference.parse(f"{self.address}/pipelines/{name}:{version}")

    def chart(self, name: str, version: str) -> Reference:
        """Return where the helm chart of a pipeline's version lies."""
        return Reference.parse(f"{self.address}/charts/{name}:{chart_version(version)}")

    @contextmanager
    def connect(self) -> Iterator[RegistryClient]:
        """Give a client of the registry, for one thread."""
        from jupyter_edge.oci.client import RegistryClient  # takes seconds to import, which an engine's start must not

        plain = None if self.external else True  # the engine's own speaks plain HTTP, wherever it listens
        client = RegistryClient(self.address.partition("/")[0], self.username, self.password, insecure=plain)
        try:
            yield client
        finally:
            client.close()

    def engine_image_available(self) -> bool:
        """Tell whether the engine image was pushed; not, where the registry cannot be asked."""
        image = self.engine_image
        try:
            with self.connect() as client:
                client.fetch_manifest(image.repository, image.target)
        except EntityNotFoundError:
            return False
        except EdgeError as error:
            _log.warning("The registry was not asked for the engine image: %s", error)
            return False
        return True


def edge_registry(own: EdgeRegistry, environment: Mapping[str, str]) -> EdgeRegistry:
    """Return the external registry that JUPYTER_EDGE_REGISTRY names, else the engine's own.

    Raises:
        InvalidInputError: if the variable holds no address, or only one of user name and password is given.
    """
    address = environment.get("JUPYTER_EDGE_REGISTRY", "").rstrip("/")
    if not address:
        return own
    username = environment.get("JUPYTER_EDGE_REGISTRY_USERNAME") or None
    password = environment.get("JUPYTER_EDGE_REGISTRY_PASSWORD") or None
    if (username is None) != (password is None):
        msg = "Give both JUPYTER_EDGE_REGISTRY_USERNAME and JUPYTER_EDGE_REGISTRY_PASSWORD, or none of them."
        raise InvalidInputError(msg)
    registry = EdgeRegistry(address, username, Secret(password) if password else None, external=True)
    try:
        registry.pipeline("any", "any")
    except InvalidInputError:
        msg = f"JUPYTER_EDGE_REGISTRY is {address!r}: write host:port or host/path, without https:// before it."
        raise InvalidInputError(msg) from None
    return registry

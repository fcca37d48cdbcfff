"""Publishes: a pipeline version in the edge registry, its edges, and the commands that run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jupyter_edge.client import commands
from jupyter_edge.client.edge import Edge
from jupyter_edge.client.panels import load_panel
from jupyter_edge.client.twins import Kinds, TwinListing, Twins, reading
from jupyter_edge.core.bundle import EdgeBundle
from jupyter_edge.core.deployment import DeploymentConfig, limits_of
from jupyter_edge.core.errors import EdgeError, InvalidInputError, PublishError
from jupyter_edge.core.hosts import is_loopback
from jupyter_edge.core.naming import check_name
from jupyter_edge.display import Details, Link, list_time, table_time
from jupyter_edge.display.tables import Block
from jupyter_edge.display.twins import Command, post

if TYPE_CHECKING:
    from jupyter_edge.client.client import Client
    from jupyter_edge.client.pipeline import Pipeline
    from jupyter_edge.display.charts import Chart

_COLUMNS = ["id", "pipeline_version_name", "engine_url", "pipeline_url", "created_by", "created_at", "updated_at"]


class Publish(Twins, Details):
    """One publish of a pipeline version.

    ``status`` is PendingPublish, Publishing, Published or Error; the addresses have no scheme, and are ``None`` until
    Published. What ``add_edge`` returns also holds that edge's bundle, in ``docker_run_variables`` and ``helm``.
    """

    _heading_tag = "td"

    def __init__(self, client: Client, data: dict[str, Any]) -> None:
        self._client = client
        self.id: int = data["id"]
        self.pipeline_version_id: int = data["pipeline_version_id"]
        self.pipeline_version_name: str = data["pipeline_version_name"]
        self.status: str = data["status"]
        self.error: str | None = data["error"]
        self.created_at = datetime.fromisoformat(data["created_at"])
        self.updated_at = datetime.fromisoformat(data["updated_at"])
        self.created_by: str = client.email_of(data["created_by"])
        self.pipeline_url: str | None = data["pipeline_url"]
        self.engine_url: str | None = data["engine_url"]
        self.helm: dict[str, Any] | None = data["helm"]
        self.engine_config: dict[str, Any] = data["engine_config"]
        self.user_images: list[str] = data["user_images"]
        self.docker_run_variables: dict[str, str] = data["docker_run_variables"]

    @property
    def helm_chart_url(self) -> str | None:
        """Return the chart's address, without ``oci://``."""
        return self.helm["chart"] if self.helm else None

    @property
    def helm_chart_reference(self) -> str | None:
        """Return the chart's address by digest."""
        return self.helm["reference"] if self.helm else None

    @property
    def helm_chart_version(self) -> str | None:
        """Return the chart's version, ``0.0.1-<pipeline version>``."""
        return self.helm["version"] if self.helm else None

    def refresh(self) -> Publish:
        """Return the publish as it stands now; an edge's bundle is shown once only, so it is not in it."""
        return Publish(self._client, self._client.transport.post("pipelines/get_publish_status", {"id": self.id}))

    def add_edge(self, name: str, tags: Sequence[str] = ()) -> Publish:
        """Add an edge location; return the publish with the bundle of that edge.

        Raises:
            ConflictError: if an edge of this name exists in any workspace.
        """
        check_name("edge", name)
        if isinstance(tags, str):
            msg = f"tags is the text {tags!r}: give a list, [{tags!r}]."
            raise InvalidInputError(msg)
        body = {"pipeline_publish_id": self.id, "name": name, "tags": list(tags)}
        return Publish(self._client, self._client.transport.post("pipelines/add_edge_to_publish", body))

    def remove_edge(self, name: str) -> None:
        """Remove an edge by its name; one that does not exist gives a warning."""
        self._client.remove_edge(name)

    def pipeline(self) -> Pipeline:
        """Return the pipeline that is published."""
        pipelines = self._client.list_pipelines()
        versions = ((pipeline, version.id()) for pipeline in pipelines for version in pipeline.versions_read())
        return next(pipeline for pipeline, version_id in versions if version_id == self.pipeline_version_id)

    def list_edges(self) -> TwinListing[Edge]:
        """Return the edges of this publish."""
        return self._client.list_edges(publish=self)

    def serve_command(self, port: int = commands.PORT) -> Command:
        """Return the shell command that serves this publish on this machine, without a container."""
        return commands.serve_command(self._published(), port)

    def docker_run_command(self) -> Command:
        """Return the ``docker run`` command; it needs OCI_USERNAME and OCI_PASSWORD in the shell's environment."""
        return commands.docker_run_command(self._published())

    def compose(self) -> Command:
        """Return a ``compose.yaml``; it needs OCI_USERNAME and OCI_PASSWORD in the environment."""
        return commands.compose_file(self._published())

    def helm_commands(self, namespace: str | None = None, release: str | None = None) -> Command:
        """Return the commands that install the chart; namespace and release are named as the pipeline if not given."""
        return commands.helm_commands(self._published(), namespace, release)

    def panel(self) -> Any:
        """Return the form that shows this publish with the commands that run it, to be shown in a notebook."""
        return load_panel("PublishPanel")(self._client, publish_id=self.id)

    def diagram(self) -> Chart:
        """Return a drawing of the publish's models, what is in the registry, and the edges that run it."""
        from jupyter_edge.client.publish_diagram import draw_publish

        pipeline = self.pipeline()
        steps = next(one.steps() for one in pipeline.versions_read() if one.id() == self.pipeline_version_id)
        image_available = self._client.transport.post("registry/get")["engine_image_available"]
        return draw_publish(self, pipeline.name(), steps, self.list_edges(), image_available=image_available)

    def details(self) -> dict[str, object]:
        """Return the rows of the publish's table; a bundle is not in them."""
        rows: dict[str, object] = {
            "ID": self.id,
            "Pipeline Version": self.pipeline_version_name,
            "Status": self.status,
            "Engine URL": _link(self.engine_url),
            "Pipeline URL": _link(self.pipeline_url),
            "Helm Chart URL": _link(self.helm_chart_url, "oci://"),
            "Helm Chart Reference": self.helm_chart_reference,
            "Helm Chart Version": self.helm_chart_version,
            "Engine Config": _config_words(self.engine_config),
            "User Images": self.user_images,
            "Created By": self.created_by,
            "Created At": table_time(self.created_at),
            "Updated At": table_time(self.updated_at),
        }
        return rows | ({"Error": self.error} if self.error else {}) | self._command_rows()

    def __repr__(self) -> str:
        return f"Publish(id={self.id}, status={self.status!r}, pipeline_url={self.pipeline_url!r})"

    def _twins(self) -> Kinds:
        bundle = self.docker_run_variables.get("EDGE_BUNDLE")
        request = post("pipelines/get_publish_status", {"id": self.id})
        read = reading(request, f"print(client.get_publish({self.id}))")
        return {**read, **self._container_twins(EdgeBundle.decode(bundle).edge_name if bundle else None)}

    def _container_twins(self, edge: str | None) -> Kinds:
        """Return what runs the publish in containers: as an edge whose bundle the shell has, if one is named."""

        def shown(write: Callable[[commands.PublishedPipeline], Command]) -> Callable[[], Command]:
            return lambda: write(replace(self._published(), bundle=None, edge=edge))

        return {
            "docker": shown(commands.docker_run_command),
            "podman": shown(commands.podman_run_command),
            "compose": shown(commands.compose_file),
            "helm": shown(lambda published: commands.helm_commands(published, None, None)),
        }

    def _command_rows(self) -> dict[str, object]:
        if self.docker_run_variables:
            names = "serve_command(), docker_run_command(), compose() and helm_commands()"
            return {"Commands": f"{names} hold this edge's bundle, which works once"}
        if self.pipeline_url is None:
            return {}
        try:
            published = self._published()
        except EdgeError:  # showing a publish must not fail because the engine is gone
            return {}
        return {
            "Serve Command": Block(commands.serve_command(published, commands.PORT)),
            "Docker Run Command": Block(commands.docker_run_command(published)),
            "Helm Commands": Block(commands.helm_commands(published, None, None)),
        }

    def _published(self) -> commands.PublishedPipeline:
        if self.pipeline_url is None or self.engine_url is None or self.helm is None:
            msg = (
                f"Publish {self.id} is {self.status}, so there is nothing to run yet: {self.error or 'see refresh()'}."
            )
            raise PublishError(msg)
        registry = self._client.transport.post("registry/get")
        return commands.PublishedPipeline(
            pipeline_url=self.pipeline_url,
            engine_url=self.engine_url,
            helm=self.helm,
            engine_config=self.engine_config,
            registry=registry["registry"],
            image_available=registry["engine_image_available"],
            bundle=self.docker_run_variables.get("EDGE_BUNDLE"),
            registry_is_local=self._client.is_local,
        )


def publish_listing(publishes: Iterable[Publish], twins: Kinds) -> TwinListing[Publish]:
    """Return publishes as a list that shows as a table; those without addresses are in it."""
    return TwinListing(
        publishes,
        _COLUMNS,
        lambda publish: [
            publish.id,
            publish.pipeline_version_name,
            _link(publish.engine_url),
            _link(publish.pipeline_url),
            publish.created_by,
            list_time(publish.created_at),
            list_time(publish.updated_at),
        ],
        twins,
    )


def _config_words(config: DeploymentConfig) -> str:
    limits, engine = limits_of(config), config.get("engine") or {}
    words = [f"{limits} per edge"] if str(limits) else ["no limits"]
    words += [f"{limits.replicas} replicas"] if limits.replicas > 1 else []
    return ", ".join([*words, *(str(engine[key]) for key in ("arch", "accel") if engine.get(key, "none") != "none")])


def _link(address: str | None, shown_scheme: str = "") -> Link | None:
    if address is None:
        return None
    scheme = "http" if is_loopback(address) else "https"
    return Link(f"{shown_scheme}{address}", f"{scheme}://{address}")

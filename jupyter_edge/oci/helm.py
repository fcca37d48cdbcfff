"""The helm chart of a published pipeline, as the OCI artifact that ``helm pull oci://`` expects.

A chart is an image manifest with Chart.yaml as JSON for its config and the packaged chart as its only layer; the last
part of the repository is the chart's name and the tag its version (helm.sh/docs/topics/registries).
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template
from typing import TYPE_CHECKING, Any

from jupyter_edge.core.deployment import limits_of
from jupyter_edge.core.pipeline import PipelineSpec
from jupyter_edge.oci.blobs import digest_of
from jupyter_edge.oci.manifest import IMAGE_MANIFEST, describe, to_json
from jupyter_edge.oci.reference import Reference

if TYPE_CHECKING:
    from jupyter_edge.oci.client import RegistryClient

CONFIG_TYPE = "application/vnd.cncf.helm.config.v1+json"
CONTENT_TYPE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_OCI = "org.opencontainers.image."
_FILLED = ("values.yaml", "README.md")


def chart_version(version: str) -> str:
    """Return the chart's version for a pipeline version's UUID."""
    return f"0.0.1-{version}"


@dataclass(frozen=True)
class Chart:
    """What a chart runs: a published pipeline, by an engine image."""

    spec: PipelineSpec
    pipeline: Reference
    engine_image: str

    @property
    def metadata(self) -> dict[str, str]:
        """Return what Chart.yaml says."""
        return {
            "apiVersion": "v2",
            "name": self.spec.name,
            "version": chart_version(self.spec.version),
            "appVersion": self.spec.version,
            "description": f"The pipeline {self.spec.name}, ready to run on an edge",
            "type": "application",
        }


def push_chart(client: RegistryClient, reference: Reference, chart: Chart, created: datetime) -> str:
    """Publish a chart and return the manifest's digest.

    ``reference`` is ``<registry>/charts/<pipeline>`` with the chart's version as its tag.

    Raises:
        RegistryError: if the registry refuses or cannot be reached.
    """
    package = package_chart(reference, chart)
    config = to_json(chart.metadata)
    for content in (config, package):
        client.push_blob(reference.repository, content, digest_of(content))
    manifest = {
        "schemaVersion": 2,
        "mediaType": IMAGE_MANIFEST,
        "config": describe(CONFIG_TYPE, config),
        "layers": [describe(CONTENT_TYPE, package)],
        "annotations": {
            **{f"{_OCI}{key}": chart.metadata[key] for key in ("version", "description")},
            f"{_OCI}title": chart.spec.name,
            f"{_OCI}created": created.isoformat(),
        },
    }
    return client.push_manifest(reference.repository, reference.target, to_json(manifest), IMAGE_MANIFEST)


def package_chart(reference: Reference, chart: Chart) -> bytes:
    """Return the chart as a ``.tgz``, the same bytes for the same input."""
    spec = chart.spec
    values = {
        "image": json.dumps(chart.engine_image),
        "pipeline_url": json.dumps(str(chart.pipeline)),
        "resources": json.dumps(_resources(spec)),
        "config_cpus": f"{limits_of(spec.engine_config).cpus or 1:g}",
        "name": spec.name,
        "version": spec.version,
        "chart": f"{reference.registry}/{reference.repository}",
        "chart_version": chart_version(spec.version),
    }
    contents = {"Chart.yaml": json.dumps(chart.metadata, indent=2).encode() + b"\n"}
    for path, source in _files_of(files("jupyter_edge.oci") / "chart"):
        text = source.read_text(encoding="utf-8")
        contents[path] = (Template(text).substitute(values) if path in _FILLED else text).encode()
    return _tgz({f"{spec.name}/{path}": content for path, content in contents.items()})


def _resources(spec: PipelineSpec) -> dict[str, dict[str, Any]]:
    asked = (spec.engine_config.get("engine") or {}).get("resources") or {}
    found = {}
    for kind in ("limits", "requests"):
        amounts = asked.get(kind) or {}
        found[kind] = {name: amounts[name] for name in ("cpu", "memory") if amounts.get(name) is not None}
    return {kind: amounts for kind, amounts in found.items() if amounts}


def _files_of(folder: Traversable, prefix: str = "") -> list[tuple[str, Traversable]]:
    found = []
    for item in folder.iterdir():
        path = f"{prefix}{item.name}"
        found += _files_of(item, f"{path}/") if item.is_dir() else [(path, item)]
    return found


def _tgz(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", filename="", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, content in sorted(contents.items()):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()

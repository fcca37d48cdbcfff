"""A published pipeline as an OCI 1.1 artifact: its specification as config, one layer for each model's file.

Layers are raw files with the media type and the file path annotation of the CNCF ModelPack specification (model-spec
0.0.7, "Media types" and "Layer annotation keys"), so that its tools find the weights; the artifact type is our own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_edge.core.errors import DigestError, InvalidInputError, PublishError, RegistryError
from jupyter_edge.core.pipeline import ModelSpec, PipelineSpec
from jupyter_edge.oci.blobs import BlobStore
from jupyter_edge.oci.manifest import (
    IMAGE_MANIFEST,
    MAX_MANIFEST_SIZE,
    Descriptor,
    describe,
    parse_manifest,
    printable,
    to_json,
)
from jupyter_edge.oci.reference import Reference

if TYPE_CHECKING:
    from jupyter_edge.oci.client import Progress, RegistryClient

ARTIFACT_TYPE = "application/vnd.jupyter-edge.pipeline.v1"
CONFIG_TYPE = "application/vnd.jupyter-edge.pipeline.config.v1+json"
WEIGHT_TYPE = "application/vnd.cncf.model.weight.v1.raw"
_TITLE = "org.opencontainers.image.title"
_VERSION = "org.opencontainers.image.version"
_FILEPATH = "org.cncf.model.filepath"
_OWN = "jupyter-edge."


@dataclass(frozen=True)
class Layer:
    """One model's file as the manifest describes it; ``size`` in bytes."""

    digest: str
    size: int
    filename: str
    name: str
    type: str
    runtime: str
    version: str


@dataclass(frozen=True)
class PulledPipeline:
    """A pipeline whose layers are all in the blob store, each checked."""

    spec: PipelineSpec
    manifest_digest: str
    layers: tuple[Layer, ...]


def push_pipeline(
    client: RegistryClient,
    reference: Reference,
    spec: PipelineSpec,
    blobs: BlobStore,
    progress: Progress | None = None,
) -> str:
    """Publish a pipeline under the reference's tag and return the manifest's digest.

    The same specification always gives the same digest. ``progress`` is told how many bytes of the models are done,
    and may raise to cancel; the tag appears last.

    Raises:
        PublishError: if a model's file is missing or damaged.
        RegistryError: if the registry refuses or cannot be reached.
    """
    config = to_json(spec.to_json())
    done = 0
    for model in _distinct(spec):
        digest = f"sha256:{model.sha}"
        if not blobs.has(digest) or not blobs.verify(digest):
            msg = f"The file of the model {model.name} ({model.version}) is missing or damaged: upload it again."
            raise PublishError(msg)
        client.push_blob(reference.repository, blobs.path(digest), digest, _shifted(progress, done))
        done += model.size
    descriptor = describe(CONFIG_TYPE, config)
    client.push_blob(reference.repository, config, descriptor["digest"])
    manifest = to_json(
        {
            "schemaVersion": 2,
            "mediaType": IMAGE_MANIFEST,
            "artifactType": ARTIFACT_TYPE,
            "config": descriptor,
            "layers": [_describe_model(model) for model in _distinct(spec)],
            "annotations": {_TITLE: spec.name, _VERSION: spec.version},
        }
    )
    return client.push_manifest(reference.repository, reference.target, manifest, IMAGE_MANIFEST)


def pull_pipeline(
    client: RegistryClient, reference: Reference, blobs: BlobStore, on_layer: Callable[[Layer], None]
) -> PulledPipeline:
    """Bring a published pipeline into ``blobs``; layers that are there already, and sound, are not fetched again.

    ``on_layer`` is told of each layer before it is fetched.

    Raises:
        DigestError: if anything that came is not what was published, naming the model.
        RegistryError: if the address holds no pipeline, or the registry cannot be reached.
    """
    content, manifest_digest, _ = client.fetch_manifest(reference.repository, reference.target)
    try:
        manifest = parse_manifest(content)
        if manifest.get("artifactType") != ARTIFACT_TYPE or manifest["config"]["size"] > MAX_MANIFEST_SIZE:
            raise KeyError("artifactType")
        layers = tuple(_read_layer(descriptor) for descriptor in manifest["layers"])
        _fetch(client, reference, blobs, manifest["config"]["digest"], manifest["config"]["size"])
        with blobs.open(manifest["config"]["digest"]) as file:
            spec = PipelineSpec.from_json(json.load(file))
    except (InvalidInputError, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        msg = f"{reference} is not a published pipeline: take PIPELINE_URL from the publish."
        raise RegistryError(msg) from error
    if {f"sha256:{model.sha}" for model in spec.models} - {layer.digest for layer in layers}:
        msg = f"{reference} does not hold all models of the pipeline {spec.name}: publish it again."
        raise RegistryError(msg)
    for layer in layers:
        on_layer(layer)
        try:
            _fetch(client, reference, blobs, layer.digest, layer.size)
        except DigestError as error:
            msg = f"The model {layer.name} ({layer.version}) of {reference} is not what was published: {error}"
            raise DigestError(msg) from error
    return PulledPipeline(spec, manifest_digest, layers)


def _fetch(client: RegistryClient, reference: Reference, blobs: BlobStore, digest: str, size: int) -> None:
    if blobs.has(digest):
        if blobs.verify(digest):
            return
        blobs.delete(digest)
    client.fetch_blob(reference.repository, digest, blobs, size)


def _distinct(spec: PipelineSpec) -> list[ModelSpec]:
    return list({(model.name, model.version, model.sha): model for model in spec.models}.values())


def _describe_model(model: ModelSpec) -> Descriptor:
    own = {"name": model.name, "type": "model", "runtime": model.runtime, "version": model.version}
    return {
        "mediaType": WEIGHT_TYPE,
        "digest": f"sha256:{model.sha}",
        "size": model.size,
        "annotations": {
            _TITLE: model.sha,
            _FILEPATH: f"{model.name}/{model.version}/model.onnx",
            **{f"{_OWN}{key}": value for key, value in own.items()},
        },
    }


def _read_layer(descriptor: Descriptor) -> Layer:
    annotations = descriptor["annotations"]
    own = {key: printable(annotations[f"{_OWN}{key}"]) for key in ("name", "type", "runtime", "version")}
    return Layer(descriptor["digest"], descriptor["size"], printable(annotations[_TITLE]), **own)


def _shifted(progress: Progress | None, start: int) -> Progress | None:
    return None if progress is None else lambda done: progress(start + done)

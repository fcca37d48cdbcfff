from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace

import pytest

from jupyter_edge.core.errors import DigestError, PublishError, RegistryError
from jupyter_edge.core.pipeline import ModelSpec, PipelineSpec
from jupyter_edge.core.schema import ModelSchema, TensorSpec
from jupyter_edge.core.secret import Secret
from jupyter_edge.oci.artifact import Layer, pull_pipeline, push_pipeline
from jupyter_edge.oci.blobs import BlobStore, digest_of
from jupyter_edge.oci.client import RegistryClient
from jupyter_edge.oci.manifest import IMAGE_MANIFEST, describe, to_json
from jupyter_edge.oci.reference import Reference

from .conftest import PASSWORD, USERNAME, Relay, RunningRegistry

FIRST, SECOND = os.urandom(200_000), os.urandom(100_000)
SCHEMA = ModelSchema((TensorSpec("x", "float32", (None, 29)),), (TensorSpec("y", "float32", (None, 1)),))


def model(name: str, content: bytes) -> ModelSpec:
    version = "693e19b5-0dc7-4afb-9922-e3f7feefe66d"
    return ModelSpec(name, version, digest_of(content)[7:], len(content), SCHEMA, tensor_fields=("tensor",))


SPEC = PipelineSpec(
    "edge-pipeline",
    "a5752acc-9334-4cf0-8b34-471979b55d4d",
    21,
    (model("ccfraud", FIRST), model("post", SECOND), model("ccfraud", FIRST)),
    {"engine": {"resources": {"limits": {"cpu": 1.0, "memory": "900Mi"}}}},
)


@pytest.fixture
def sources(registry: RunningRegistry) -> BlobStore:
    """The store that the engine's uploads and its registry share."""
    for content in (FIRST, SECOND):
        registry.blobs.put(content)
    return registry.blobs


@pytest.fixture
def reference(registry: RunningRegistry) -> Reference:
    return Reference(registry.host, f"pipelines/{SPEC.name}", SPEC.version)


def test_a_pulled_pipeline_is_the_one_that_was_pushed(
    client: RegistryClient, reference: Reference, sources: BlobStore, blobs: BlobStore
) -> None:
    done: list[int] = []
    digest = push_pipeline(client, reference, SPEC, sources, done.append)
    assert done[-1] == len(FIRST) + len(SECOND)
    layers: list[Layer] = []
    pulled = pull_pipeline(client, reference, blobs, layers.append)
    assert pulled.spec == SPEC
    assert pulled.manifest_digest == digest
    assert pulled.layers == tuple(layers)
    assert [(layer.name, layer.type, layer.runtime, layer.version) for layer in layers] == [
        ("ccfraud", "model", "onnx", "693e19b5-0dc7-4afb-9922-e3f7feefe66d"),
        ("post", "model", "onnx", "693e19b5-0dc7-4afb-9922-e3f7feefe66d"),
    ]
    for layer, content in zip(layers, (FIRST, SECOND), strict=True):
        assert layer.digest == f"sha256:{layer.filename}"
        assert blobs.open(layer.digest).read() == content
    by_digest = pull_pipeline(client, replace(reference, digest=digest), blobs, layers.append)
    assert by_digest == pulled


@pytest.mark.external
def test_a_pipeline_goes_through_dockers_registry(docker_registry: str, blobs: BlobStore) -> None:
    sources = BlobStore(blobs.root.parent / "sources")
    for content in (FIRST, SECOND):
        sources.put(content)
    client = RegistryClient(docker_registry, USERNAME, Secret(PASSWORD))
    reference = Reference(docker_registry, "some/deep/path/pipelines/edge-pipeline", SPEC.version)
    digest = push_pipeline(client, reference, SPEC, sources)
    pulled = pull_pipeline(client, replace(reference, tag=None, digest=digest), blobs, lambda layer: None)
    assert pulled.spec == SPEC


def test_the_manifest_is_an_oci_artifact_of_modelpack_layers(
    client: RegistryClient, reference: Reference, sources: BlobStore
) -> None:
    digest = push_pipeline(client, reference, SPEC, sources)
    content, _, media_type = client.fetch_manifest(reference.repository, SPEC.version)
    manifest = json.loads(content)
    assert digest == digest_of(content)
    assert media_type == manifest["mediaType"] == IMAGE_MANIFEST
    assert manifest["artifactType"] == "application/vnd.jupyter-edge.pipeline.v1"
    assert manifest["layers"][0] == {
        "mediaType": "application/vnd.cncf.model.weight.v1.raw",
        "digest": digest_of(FIRST),
        "size": len(FIRST),
        "annotations": {
            "org.opencontainers.image.title": digest_of(FIRST)[7:],
            "org.cncf.model.filepath": "ccfraud/693e19b5-0dc7-4afb-9922-e3f7feefe66d/model.onnx",
            "jupyter-edge.name": "ccfraud",
            "jupyter-edge.type": "model",
            "jupyter-edge.runtime": "onnx",
            "jupyter-edge.version": "693e19b5-0dc7-4afb-9922-e3f7feefe66d",
        },
    }
    assert push_pipeline(client, reference, SPEC, sources) == digest, "the same pipeline gives the same bytes"


def test_a_publish_to_the_engines_own_registry_moves_no_model(
    registry: RunningRegistry, reference: Reference, sources: BlobStore
) -> None:
    with Relay(registry.host) as relay:
        push_pipeline(RegistryClient(relay.host, USERNAME, Secret(PASSWORD)), reference, SPEC, sources)
        assert relay.bytes["up"] < 20_000


def test_only_missing_or_damaged_layers_are_fetched(
    registry: RunningRegistry, client: RegistryClient, reference: Reference, sources: BlobStore, blobs: BlobStore
) -> None:
    push_pipeline(client, reference, SPEC, sources)
    pull_pipeline(client, reference, blobs, lambda layer: None)
    with Relay(registry.host) as relay:
        again = RegistryClient(relay.host, USERNAME, Secret(PASSWORD))
        pull_pipeline(again, reference, blobs, lambda layer: None)
        assert relay.bytes["down"] < 20_000
        blobs.path(digest_of(SECOND)).write_bytes(b"damaged")
        pull_pipeline(again, reference, blobs, lambda layer: None)
        assert len(SECOND) < relay.bytes["down"] < len(FIRST)
    assert blobs.verify(digest_of(SECOND))


def test_a_damaged_layer_is_named_with_its_model(
    registry: RunningRegistry, client: RegistryClient, reference: Reference, sources: BlobStore, blobs: BlobStore
) -> None:
    push_pipeline(client, reference, SPEC, sources)
    registry.blobs.path(digest_of(SECOND)).write_bytes(SECOND[:-1] + bytes([SECOND[-1] ^ 1]))
    with pytest.raises(DigestError, match=f"The model post .*{digest_of(SECOND)}"):
        pull_pipeline(client, reference, blobs, lambda layer: None)
    assert not blobs.has(digest_of(SECOND))


def test_a_missing_or_damaged_upload_is_not_published(
    client: RegistryClient, reference: Reference, sources: BlobStore
) -> None:
    sources.path(digest_of(FIRST)).write_bytes(b"damaged")
    with pytest.raises(PublishError, match=r"model ccfraud .* upload it again"):
        push_pipeline(client, reference, SPEC, sources)
    sources.delete(digest_of(FIRST))
    with pytest.raises(PublishError, match=r"model ccfraud .* upload it again"):
        push_pipeline(client, reference, SPEC, sources)
    with pytest.raises(RegistryError, match="does not have the manifest"):
        client.fetch_manifest(reference.repository, SPEC.version)


def cut_artifact_type(manifest: dict[str, object]) -> None:
    del manifest["artifactType"]


def cut_layers(manifest: dict[str, object]) -> None:
    manifest["layers"] = []


def cut_annotations(manifest: dict[str, object]) -> None:
    for layer in manifest["layers"]:  # type: ignore[attr-defined]
        del layer["annotations"]


def swap_config(manifest: dict[str, object]) -> None:
    manifest["config"] = describe("text/plain", FIRST)


@pytest.mark.parametrize("change", [cut_artifact_type, cut_layers, cut_annotations, swap_config])
def test_what_is_no_whole_pipeline_is_refused(
    client: RegistryClient,
    reference: Reference,
    sources: BlobStore,
    blobs: BlobStore,
    change: Callable[[dict[str, object]], None],
) -> None:
    push_pipeline(client, reference, SPEC, sources)
    manifest = json.loads(client.fetch_manifest(reference.repository, SPEC.version)[0])
    change(manifest)
    client.push_manifest(reference.repository, "changed", to_json(manifest), IMAGE_MANIFEST)
    with pytest.raises(RegistryError, match=r"is not a published pipeline|does not hold all models"):
        pull_pipeline(client, replace(reference, tag="changed"), blobs, lambda layer: None)


def test_control_characters_of_a_foreign_manifest_reach_no_log(
    client: RegistryClient, reference: Reference, sources: BlobStore, blobs: BlobStore
) -> None:
    evil = replace(SPEC, models=(replace(SPEC.models[0], name="a\x1b[2J\nLogin Succeeded"),))
    push_pipeline(client, reference, evil, sources)
    pulled = pull_pipeline(client, reference, blobs, lambda layer: None)
    assert pulled.layers[0].name == "a[2JLogin Succeeded"

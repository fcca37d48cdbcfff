from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from jupyter_edge.core.pipeline import PipelineSpec
from jupyter_edge.core.secret import Secret
from jupyter_edge.oci.blobs import BlobStore, digest_of
from jupyter_edge.oci.client import RegistryClient
from jupyter_edge.oci.helm import Chart, chart_version, package_chart, push_chart
from jupyter_edge.oci.reference import Reference

from .conftest import PASSWORD, USERNAME, RunningRegistry

VERSION = "a5752acc-9334-4cf0-8b34-471979b55d4d"
RESOURCES = {"limits": {"cpu": 1.5, "memory": "900Mi"}, "requests": {"cpu": 0.5, "memory": "512Mi"}}
SPEC = PipelineSpec("edge-pipeline", VERSION, 21, (), {"engine": {"resources": RESOURCES | {"gpu": False}}})
CREATED = datetime(2026, 1, 2, tzinfo=UTC)
LOGIN = {"ociRegistry": {"registry": "registry.example.org/some/path", "username": "u", "password": "p$'\"\n"}}
HELMS = [
    path for path in os.environ.get("JUPYTER_EDGE_TEST_HELM", shutil.which("helm") or "").split(os.pathsep) if path
]


def chart_of(registry: str, spec: PipelineSpec = SPEC) -> Chart:
    pipeline = Reference(registry, f"pipelines/{spec.name}", spec.version)
    return Chart(spec, pipeline, f"{registry}/engines/jupyter-edge:0.1.0")


def place_of(registry: str) -> Reference:
    return Reference(registry, f"charts/{SPEC.name}", chart_version(VERSION))


def unpack(package: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        return {member.name: archive.extractfile(member).read().decode() for member in archive}  # type: ignore[union-attr]


def test_a_package_holds_one_chart_named_after_the_pipeline() -> None:
    package = package_chart(place_of("host:1"), chart_of("host:1"))
    contents = unpack(package)
    assert {path.split("/")[0] for path in contents} == {"edge-pipeline"}
    chart = yaml.safe_load(contents["edge-pipeline/Chart.yaml"])
    assert (chart["name"], chart["version"], chart["appVersion"]) == (SPEC.name, f"0.0.1-{VERSION}", VERSION)
    values = yaml.safe_load(contents["edge-pipeline/values.yaml"])
    assert values["ociRegistry"] == {"registry": "", "username": "", "password": ""}
    assert values["pipelineUrl"] == f"host:1/pipelines/edge-pipeline:{VERSION}"
    assert values["image"] == "host:1/engines/jupyter-edge:0.1.0"
    assert values["resources"] == RESOURCES
    assert values["configCpus"] == 1.5
    assert values["edgeBundle"] == ""
    assert f"oci://host:1/charts/edge-pipeline --version 0.0.1-{VERSION}" in contents["edge-pipeline/README.md"]
    assert "kubectl create namespace" in contents["edge-pipeline/README.md"]
    assert package == package_chart(place_of("host:1"), chart_of("host:1")), "the same chart gives the same bytes"


@pytest.mark.parametrize("config", [{}, {"engine": {}}, {"engine": {"resources": {"limits": {}}}}])
def test_a_pipeline_without_limits_gives_a_chart_without_limits(config: dict[str, Any]) -> None:
    spec = PipelineSpec(SPEC.name, VERSION, 21, (), config)
    values = yaml.safe_load(unpack(package_chart(place_of("h.x"), chart_of("h.x", spec)))["edge-pipeline/values.yaml"])
    assert values["resources"] == {}
    assert values["configCpus"] == 1


def check_chart_artifact(client: RegistryClient, folder: Path) -> None:
    place = place_of(str(client.hostname))
    digest = push_chart(client, place, chart_of(place.registry), CREATED)
    content, _, _ = client.fetch_manifest(place.repository, digest)
    manifest = json.loads(content)
    assert client.fetch_manifest(place.repository, f"0.0.1-{VERSION}")[1] == digest
    assert manifest["config"]["mediaType"] == "application/vnd.cncf.helm.config.v1+json"
    (layer,) = manifest["layers"]
    assert layer["mediaType"] == "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
    assert manifest["annotations"]["org.opencontainers.image.created"] == "2026-01-02T00:00:00+00:00"
    store = BlobStore(folder / "pulled")
    client.fetch_blob(place.repository, layer["digest"], store, layer["size"])
    assert store.open(layer["digest"]).read() == package_chart(place, chart_of(place.registry))


def test_a_chart_is_pushed_as_helm_expects_it(client: RegistryClient, tmp_path: Path) -> None:
    check_chart_artifact(client, tmp_path)


@pytest.mark.external
def test_a_chart_is_pushed_to_dockers_registry(docker_registry: str, tmp_path: Path) -> None:
    check_chart_artifact(RegistryClient(docker_registry, USERNAME, Secret(PASSWORD)), tmp_path)


Helm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(params=HELMS or [""])
def helm(request: pytest.FixtureRequest, tmp_path: Path) -> Helm:
    """Run a real helm: those that JUPYTER_EDGE_TEST_HELM lists, else the one on PATH."""
    if not request.param:
        pytest.skip("there is no helm: name one or more in JUPYTER_EDGE_TEST_HELM")
    names = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
    environment = {name: str(tmp_path / name) for name in names} | {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    environment["HELM_REGISTRY_CONFIG"] = str(tmp_path / "registry.json")

    def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [request.param, *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert done.returncode == 0 or not check, done.stderr + done.stdout
        return done

    return run


@pytest.fixture
def package(tmp_path: Path) -> str:
    path = tmp_path / f"edge-pipeline-0.0.1-{VERSION}.tgz"
    path.write_bytes(package_chart(place_of("host.example:1"), chart_of("host.example:1")))
    return str(path)


def values_file(folder: Path, **values: Any) -> str:
    path = folder / "local-values.yaml"
    path.write_text(yaml.safe_dump(LOGIN | values))
    return str(path)


def render(helm: Helm, package: str, folder: Path, **values: Any) -> dict[str, dict[str, Any]]:
    text = helm("template", "try", package, "--namespace", "space", "--values", values_file(folder, **values)).stdout
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in yaml.safe_load_all(text) if item}


def container_of(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    (container,) = objects["Deployment/try-engine"]["spec"]["template"]["spec"]["containers"]
    return dict(container)


@pytest.mark.external
def test_helm_finds_nothing_to_say_against_the_chart(helm: Helm, package: str, tmp_path: Path) -> None:
    done = helm("lint", "--strict", package, "--values", values_file(tmp_path))
    assert "0 chart(s) failed" in done.stdout


@pytest.mark.external
def test_the_chart_runs_the_engine_as_docker_would(helm: Helm, package: str, tmp_path: Path) -> None:
    objects = render(helm, package, tmp_path, edgeBundle="YWJj")
    container = container_of(objects)
    environment = {item["name"]: item for item in container["env"]}
    assert environment["OCI_REGISTRY"]["value"] == "registry.example.org/some/path"
    assert environment["PIPELINE_URL"]["value"] == f"host.example:1/pipelines/edge-pipeline:{VERSION}"
    assert environment["CONFIG_CPUS"]["value"] == "1.5"
    secret = objects["Secret/try-engine"]["data"]
    for name, expected in (("OCI_USERNAME", "u"), ("OCI_PASSWORD", "p$'\"\n"), ("EDGE_BUNDLE", "YWJj")):
        assert environment[name]["valueFrom"]["secretKeyRef"]["name"] == "try-engine"
        assert base64.b64decode(secret[name]).decode() == expected
    login = json.loads(base64.b64decode(objects["Secret/try-engine-pull"]["data"][".dockerconfigjson"]))
    assert list(login["auths"]) == ["registry.example.org"]
    assert login["auths"]["registry.example.org"]["password"] == "p$'\"\n"
    assert container["image"] == "host.example:1/engines/jupyter-edge:0.1.0"
    assert container["resources"] == RESOURCES
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["startupProbe"]["httpGet"] == {"path": "/pipelines", "port": "http"}
    pod = objects["Deployment/try-engine"]["spec"]["template"]
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    service = objects["Service/engine-svc"]["spec"]
    assert service["ports"] == [{"name": "http", "port": 8080, "targetPort": "http"}]
    assert service["selector"].items() <= pod["metadata"]["labels"].items()
    claim = {"name": "persist", "persistentVolumeClaim": {"claimName": "try-engine"}}
    assert claim in pod["spec"]["volumes"]
    assert "PersistentVolumeClaim/try-engine" in objects


@pytest.mark.external
def test_an_existing_secret_takes_the_place_of_credentials(helm: Helm, package: str, tmp_path: Path) -> None:
    registry = {"registry": "registry.example.org"}
    objects = render(
        helm, package, tmp_path, ociRegistry=registry, existingSecret="mine", imagePullSecrets=[{"name": "pull"}]
    )
    assert not [name for name in objects if name.startswith("Secret/")]
    references = [item["valueFrom"]["secretKeyRef"] for item in container_of(objects)["env"] if "valueFrom" in item]
    assert {reference["name"] for reference in references} == {"mine"}
    pod = objects["Deployment/try-engine"]["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "pull"}]


@pytest.mark.external
def test_persistence_may_be_given_up(helm: Helm, package: str, tmp_path: Path) -> None:
    objects = render(helm, package, tmp_path, persistence={"enabled": False})
    assert not [name for name in objects if name.startswith("PersistentVolumeClaim/")]
    volumes = objects["Deployment/try-engine"]["spec"]["template"]["spec"]["volumes"]
    assert {"name": "persist", "emptyDir": {}} in volumes


@pytest.mark.external
@pytest.mark.parametrize("missing", ["registry", "username", "password"])
def test_missing_credentials_are_said_before_anything_is_installed(
    helm: Helm, package: str, tmp_path: Path, missing: str
) -> None:
    registry = {key: value for key, value in LOGIN["ociRegistry"].items() if key != missing}
    done = helm("template", "try", package, "--values", values_file(tmp_path, ociRegistry=registry), check=False)
    assert done.returncode != 0
    assert missing in done.stderr


@pytest.mark.external
def test_helm_pulls_the_chart_by_version_and_by_the_printed_reference(
    helm: Helm, registry: RunningRegistry, tmp_path: Path
) -> None:
    client = RegistryClient(registry.host, USERNAME, Secret(PASSWORD))
    place = place_of(registry.host)
    digest = push_chart(client, place, chart_of(registry.host), CREATED)
    plain = ["--plain-http"] if helm("version", "--short").stdout.startswith("v4") else []
    helm("registry", "login", registry.host, "--username", USERNAME, "--password", PASSWORD, *plain)
    url = f"oci://{registry.host}/charts/edge-pipeline"
    helm("pull", url, "--version", f"0.0.1-{VERSION}", *plain)
    pulled = tmp_path / f"edge-pipeline-0.0.1-{VERSION}.tgz"
    assert digest_of(pulled.read_bytes()) == digest_of(package_chart(place, chart_of(registry.host)))
    by_digest = tmp_path / "by-digest"
    by_digest.mkdir()
    helm("pull", f"{url}@{digest}", "--destination", str(by_digest), *plain)
    (only,) = by_digest.iterdir()
    assert only.read_bytes() == pulled.read_bytes()
    assert "ociRegistry" in helm("show", "values", url, "--version", f"0.0.1-{VERSION}", *plain).stdout

from __future__ import annotations

import base64
import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from jupyter_edge.client.commands import (
    PublishedPipeline,
    compose_file,
    docker_run_command,
    helm_commands,
    podman_run_command,
    serve_command,
)
from jupyter_edge.core.bundle import EdgeBundle

VERSION = "a5752acc-9334-4cac-8b34-471979b55d61"
BUNDLE = EdgeBundle("shop-7", "join-token", "127.0.0.1:8790", f"ghcr.io/acme/pipelines/fraud:{VERSION}", 21).encode()
PUBLISHED = PublishedPipeline(
    pipeline_url=f"ghcr.io/acme/pipelines/fraud:{VERSION}",
    engine_url="ghcr.io/acme/engines/jupyter-edge:0.1.0",
    helm={"chart": "ghcr.io/acme/charts/fraud", "version": f"0.0.1-{VERSION}", "reference": "", "values": {}},
    engine_config={"engine": {"resources": {"limits": {"cpu": 0.5, "memory": "900Mi"}}}},
    registry="ghcr.io/acme",
    image_available=True,
    bundle=None,
    registry_is_local=False,
)
LOCAL = replace(
    PUBLISHED, registry="127.0.0.1:8790", pipeline_url=f"127.0.0.1:8790/pipelines/fraud:{VERSION}", bundle=BUNDLE
)
RECORDER = """#!/bin/bash
for argument in "$(basename "$0")" "$@"; do
    [ -p "$argument" ] && cat "$argument" || printf %s "$argument"
    printf '\\0'
done >> calls
printf '\\n\\0' >> calls
"""
PASSWORD = "p'a\"s$s w,o`rd"


@pytest.fixture
def run(tmp_path: Path) -> object:
    """Run shell text in bash, with recorders in the place of docker, helm, kubectl and jupyter-edge."""

    def run_text(text: str, **environment: str) -> list[list[str]]:
        for name in ("docker", "helm", "kubectl"):
            (tmp_path / name).write_text(RECORDER)
            (tmp_path / name).chmod(0o755)
        path = f"{tmp_path}:{os.environ['PATH']}"
        values = {"OCI_USERNAME": "user", "OCI_PASSWORD": PASSWORD, "PATH": path, **environment}
        subprocess.run(["bash", "-euc", text], cwd=tmp_path, env=values, check=True, timeout=30)
        calls = (tmp_path / "calls").read_text().split("\n\0")
        return [call.rstrip("\0").split("\0") for call in calls if call]

    return run_text


def test_docker_gets_every_variable_of_an_edge(run) -> None:  # type: ignore[no-untyped-def]
    ((program, *arguments),) = run(docker_run_command(replace(PUBLISHED, bundle=BUNDLE)))
    assert (program, arguments[0], arguments[-1]) == ("docker", "run", PUBLISHED.engine_url)
    variables = dict(argument.split("=", 1) for argument in arguments if "=" in argument and argument[0].isupper())
    assert variables == {
        "OCI_REGISTRY": "ghcr.io/acme",
        "EDGE_BUNDLE": BUNDLE,
        "CONFIG_CPUS": "0.5",
        "OCI_USERNAME": "user",
        "OCI_PASSWORD": PASSWORD,
        "PIPELINE_URL": PUBLISHED.pipeline_url,
    }
    assert arguments[arguments.index("-p") + 1] == "8080:8080"
    assert arguments[arguments.index("--memory") + 1] == str(900 * 2**20)


def test_a_container_reaches_a_registry_on_loopback_by_the_hosts_network() -> None:
    assert "--network host" in docker_run_command(LOCAL)
    engine = yaml.safe_load(compose_file(LOCAL))["services"]["engine"]
    assert engine["network_mode"] == "host"
    assert "ports" not in engine


def test_without_password_a_command_stops_before_docker(run) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(subprocess.CalledProcessError):
        run(docker_run_command(PUBLISHED), OCI_PASSWORD="")


def test_commands_say_first_when_there_is_no_engine_image_yet() -> None:
    lacking = replace(PUBLISHED, image_available=False)
    for text in (docker_run_command(lacking), compose_file(lacking), helm_commands(lacking, None, None)):
        assert text.startswith("# ghcr.io/acme/engines/jupyter-edge:0.1.0 is not in the registry yet")
    assert not docker_run_command(PUBLISHED).startswith("#")


def test_the_compose_file_has_one_service_that_asks_for_its_credentials() -> None:
    text = compose_file(replace(PUBLISHED, bundle=BUNDLE))
    document = yaml.safe_load(text)
    assert "version" not in document
    (engine,) = document["services"].values()
    assert engine["image"] == PUBLISHED.engine_url
    assert engine["ports"] == ["8080:8080"]
    assert engine["environment"]["OCI_PASSWORD"].startswith("${OCI_PASSWORD:?")
    assert engine["environment"]["EDGE_BUNDLE"] == BUNDLE
    assert engine["environment"]["CONFIG_CPUS"] == "0.5"
    assert engine["deploy"]["resources"]["limits"] == {"cpus": "0.5", "memory": f"{900 * 2**20}b"}
    assert engine["volumes"] == ["persist:/persist"]


def test_helm_installs_the_chart_in_a_namespace_with_credentials_kept_off_the_disk(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    login, namespace, install, forward = run(helm_commands(replace(PUBLISHED, bundle=BUNDLE), "shops", None))
    assert login[:4] == ["helm", "registry", "login", "ghcr.io"]
    assert namespace == ["kubectl", "create", "namespace", "shops"]
    assert install[-4:] == ["fraud", "oci://ghcr.io/acme/charts/fraud", "--version", f"0.0.1-{VERSION}"]
    assert forward[:3] == ["kubectl", "port-forward", "svc/engine-svc"]
    values = tmp_path / "local-values.yaml"
    assert yaml.safe_load(values.read_text()) == {"ociRegistry": {"registry": "ghcr.io/acme"}, "edgeBundle": BUNDLE}
    assert values.stat().st_mode & 0o077 == 0
    assert PASSWORD not in "".join((*install, *login, values.read_text()))


def test_serving_gets_its_variables_and_a_folder_of_its_own(tmp_path: Path) -> None:
    recorder = tmp_path / "jupyter-edge"
    recorder.write_text("#!/bin/bash\nenv -0\nprintf '%s\\0' \"ARGUMENTS=$*\"\n")
    recorder.chmod(0o755)
    text = serve_command(replace(PUBLISHED, bundle=BUNDLE), 8081)
    executable = next(word for word in shlex.split(text) if word.endswith("jupyter-edge"))
    values = {"OCI_USERNAME": "user", "OCI_PASSWORD": PASSWORD, "PATH": os.environ["PATH"]}
    shown = subprocess.run(
        ["bash", "-euc", text.replace(executable, str(recorder))],
        env=values,
        capture_output=True,
        text=True,
        check=True,
    )
    got = dict(line.split("=", 1) for line in shown.stdout.split("\0") if "=" in line)
    assert got["ARGUMENTS"] == "serve --port 8081"
    assert got["PIPELINE_URL"] == PUBLISHED.pipeline_url
    assert (got["OCI_REGISTRY"], got["OCI_USERNAME"], got["OCI_PASSWORD"]) == ("ghcr.io/acme", "user", PASSWORD)
    assert EdgeBundle.decode(got["EDGE_BUNDLE"]).edge_name == "shop-7"
    assert Path(got["JUPYTER_EDGE_PERSIST"]).parent == Path(os.environ["JUPYTER_EDGE_HOME"]) / "edges"


def test_a_bundle_in_a_variable_of_the_shell_does_what_one_in_the_command_does(run) -> None:  # type: ignore[no-untyped-def]
    inline, variable = replace(PUBLISHED, bundle=BUNDLE), replace(PUBLISHED, edge="shop-7")
    first, second = run(f"{docker_run_command(inline)}\n{docker_run_command(variable)}", EDGE_BUNDLE=BUNDLE)
    assert first == second
    (podman,) = run(podman_run_command(variable).replace("podman", "docker"), EDGE_BUNDLE=BUNDLE)[2:]
    assert podman == first
    with pytest.raises(subprocess.CalledProcessError):
        run(docker_run_command(variable))
    given = yaml.safe_load(compose_file(variable))["services"]["engine"]["environment"]["EDGE_BUNDLE"]
    assert given == "${EDGE_BUNDLE:?set it to the bundle of edge shop-7}"
    (_, _, install, _) = run(helm_commands(variable, None, None), EDGE_BUNDLE=BUNDLE)[3:]
    assert any(argument.startswith("edgeBundle=/dev/fd/") for argument in install)


def test_each_bundle_and_each_version_keeps_its_own_folder() -> None:
    other = EdgeBundle("shop-7", "another", "127.0.0.1:8790", PUBLISHED.pipeline_url, 21).encode()
    names = {replace(PUBLISHED, bundle=bundle).instance for bundle in (None, BUNDLE, other)}
    assert len(names) == 3
    assert f"fraud-{VERSION}" in names
    assert base64.b64decode(BUNDLE)


def test_a_command_shows_itself_as_it_is_to_be_pasted() -> None:
    text = docker_run_command(PUBLISHED)
    assert repr(text) == str(text)
    assert "\n    -e OCI_REGISTRY=ghcr.io/acme \\\n" in repr(text)

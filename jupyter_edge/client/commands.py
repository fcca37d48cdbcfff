"""Commands that run a publish: with pip, docker, compose or helm, each working as printed.

Passwords are never in them: the shell fills ``$OCI_USERNAME`` and ``$OCI_PASSWORD``. An edge's bundle may be, because
the edge needs it on a machine that knows nothing else; it works once. Else the shell fills ``$EDGE_BUNDLE``.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jupyter_edge.core.bundle import EdgeBundle
from jupyter_edge.core.deployment import limits_of
from jupyter_edge.core.home import Home
from jupyter_edge.core.hosts import is_loopback
from jupyter_edge.display.twins import Command

PORT = 8080
_REQUIRE_CREDENTIALS = (
    ': "${OCI_USERNAME:?set it to the user name for the registry}" "${OCI_PASSWORD:?set it to its password}"'
)
_ON_LOOPBACK = (
    "# Only this machine reaches this registry, so only a cluster on it can pull; helm has to be 3.18 or newer.\n"
)
_NO_IMAGE = "# {image} is not in the registry yet: push it there first.\n"


@dataclass(frozen=True)
class PublishedPipeline:
    """What the commands are made of; an ``edge`` without its ``bundle`` has it in the shell's ``$EDGE_BUNDLE``."""

    pipeline_url: str
    engine_url: str
    helm: dict[str, Any]
    engine_config: dict[str, Any]
    registry: str
    image_available: bool
    bundle: str | None
    registry_is_local: bool
    edge: str | None = None

    @property
    def cpus(self) -> str:
        """Return the CPUs that were published, as CONFIG_CPUS takes them."""
        return f"{limits_of(self.engine_config).cpus or 1:g}"

    @property
    def memory(self) -> int | None:
        """Return the bytes that were published."""
        return limits_of(self.engine_config).memory

    @property
    def on_loopback(self) -> bool:
        """Say whether only this machine reaches the registry."""
        return is_loopback(self.registry)

    @property
    def pipeline_name(self) -> str:
        """Return the pipeline's name."""
        return self.pipeline_url.rpartition("/")[2].partition(":")[0]

    @property
    def bundle_variable(self) -> str | None:
        """Return the variable that holds the bundle, as a shell and a compose file read it, if one does."""
        return f"${{EDGE_BUNDLE:?set it to the bundle of edge {self.edge}}}" if self.edge and not self.bundle else None

    @property
    def volume(self) -> str:
        """Return the shell's word for the instance."""
        if self.bundle_variable is None:
            return shlex.quote(self.instance)
        return f'"{self.edge}-$(printf %s "$EDGE_BUNDLE" | sha256sum | cut -c 1-8)"'

    @property
    def instance(self) -> str:
        """Return a name for what one server of this publish keeps, different for each bundle."""
        if self.bundle is None:
            return f"{self.pipeline_name}-{self.pipeline_url.rpartition(':')[2]}"
        digest = hashlib.sha256(self.bundle.encode()).hexdigest()
        return f"{EdgeBundle.decode(self.bundle).edge_name}-{digest[:8]}"


def serve_command(published: PublishedPipeline, port: int, persist: Path | None = None) -> Command:
    """Return the command that serves the publish on this machine, without a container.

    ``persist`` is the folder that the edge keeps its identity, models and unsent log in; one of its own if not given.
    """
    executable = _executable()
    home = os.environ.get("JUPYTER_EDGE_HOME")
    prefix = f"JUPYTER_EDGE_HOME={shlex.quote(home)} " if home else ""
    ask_engine = f'variables="$({prefix}{executable} env)" && eval "$variables"'
    fill = ask_engine if published.registry_is_local else _REQUIRE_CREDENTIALS
    variables = {"OCI_REGISTRY": published.registry, "PIPELINE_URL": published.pipeline_url}
    if published.bundle:
        variables["EDGE_BUNDLE"] = published.bundle
    variables["CONFIG_CPUS"] = published.cpus
    variables["JUPYTER_EDGE_PERSIST"] = str(persist or Home().path / "edges" / published.instance)
    settings = [f"{name}={shlex.quote(value)}" for name, value in variables.items()]
    settings += ['OCI_USERNAME="$OCI_USERNAME"', 'OCI_PASSWORD="$OCI_PASSWORD"']
    return Command(f"({fill} &&\n  {_continued(settings)} \\\n    {executable} serve --port {port})")


def docker_run_command(published: PublishedPipeline) -> Command:
    """Return the ``docker run`` command of the publish."""
    network = "--network host" if published.on_loopback else f"-p {PORT}:{PORT}"
    settings = [f"OCI_REGISTRY={shlex.quote(published.registry)}"]
    settings += [f"EDGE_BUNDLE={shlex.quote(published.bundle)}"] if published.bundle else []
    settings += [f'EDGE_BUNDLE="{published.bundle_variable}"'] if published.bundle_variable else []
    settings += [
        f"CONFIG_CPUS={published.cpus}",
        'OCI_USERNAME="${OCI_USERNAME:?}"',
        'OCI_PASSWORD="${OCI_PASSWORD:?}"',
        f"PIPELINE_URL={shlex.quote(published.pipeline_url)}",
    ]
    memory = [f"--memory {published.memory}"] if published.memory else []
    arguments = [
        f"docker run {network}",
        *(f"-e {setting}" for setting in settings),
        *memory,
        f"-v {published.volume}:/persist",
        shlex.quote(published.engine_url),
    ]
    return Command(_note(published) + _continued(arguments))


def podman_run_command(published: PublishedPipeline) -> Command:
    """Return the ``podman run`` command of the publish."""
    return Command(docker_run_command(published).replace("docker run", "podman run", 1))


def compose_file(published: PublishedPipeline) -> Command:
    """Return a ``compose.yaml`` for ``docker compose up`` and ``podman compose up`` (Compose Specification)."""
    environment = {"PIPELINE_URL": published.pipeline_url, "OCI_REGISTRY": published.registry}
    environment |= {"EDGE_BUNDLE": published.bundle} if published.bundle else {}
    environment = {name: value.replace("$", "$$") for name, value in environment.items()}
    environment |= {"EDGE_BUNDLE": published.bundle_variable} if published.bundle_variable else {}
    environment |= {
        "OCI_USERNAME": "${OCI_USERNAME:?set it to the registry's user name}",
        "OCI_PASSWORD": "${OCI_PASSWORD:?set it to the registry's password or token}",
        "CONFIG_CPUS": published.cpus,
    }
    limits = {"cpus": published.cpus} | ({"memory": f"{published.memory}b"} if published.memory else {})
    check = f"import urllib.request as request; request.urlopen('http://127.0.0.1:{PORT}/pipelines', timeout=3)"
    engine = {
        "image": published.engine_url,
        **({"network_mode": "host"} if published.on_loopback else {"ports": [f"{PORT}:{PORT}"]}),
        "environment": environment,
        "volumes": ["persist:/persist"],
        "restart": "unless-stopped",
        "healthcheck": {"test": ["CMD", "python", "-c", check], "interval": "10s", "start_period": "30s"},
        "deploy": {"resources": {"limits": limits}},
    }
    document = {"services": {"engine": engine}, "volumes": {"persist": {}}}
    return Command(_note(published) + yaml.safe_dump(document, sort_keys=False, width=4096))


def helm_commands(published: PublishedPipeline, namespace: str | None, release: str | None) -> Command:
    """Return the commands that install the published chart on the cluster of the current kubectl context."""
    space = shlex.quote(namespace or published.pipeline_name)
    plain_http = " --plain-http" if published.on_loopback else ""
    host = shlex.quote(published.registry.partition("/")[0])
    values: dict[str, Any] = {"ociRegistry": {"registry": published.registry}}
    values |= {"edgeBundle": published.bundle} if published.bundle else {}
    chart, version = shlex.quote(f"oci://{published.helm['chart']}"), shlex.quote(published.helm["version"])
    install = [
        f"helm install --namespace {space} --values local-values.yaml",
        '--set-file ociRegistry.username=<(printf %s "${OCI_USERNAME:?}")',
        '--set-file ociRegistry.password=<(printf %s "${OCI_PASSWORD:?}")',
        *([f'--set-file edgeBundle=<(printf %s "{published.bundle_variable}")'] if published.bundle_variable else []),
        f"{shlex.quote(release or published.pipeline_name)} {chart} --version {version}{plain_http}",
    ]
    warning = _ON_LOOPBACK if plain_http else ""
    login = f'helm registry login {host} --username "${{OCI_USERNAME:?}}" --password-stdin{plain_http}'
    lines = [
        f'printf %s "${{OCI_PASSWORD:?}}" | {login}',
        f"kubectl create namespace {space}",
        f"(umask 077; cat > local-values.yaml <<'EOF'\n{yaml.safe_dump(values, sort_keys=False, width=4096)}EOF\n)",
        _continued(install),
        f"kubectl port-forward svc/engine-svc -n {space} {PORT} --address 0.0.0.0",
    ]
    return Command(_note(published) + warning + "\n".join(lines))


def _continued(parts: list[str]) -> str:
    return " \\\n    ".join(parts)


def _note(published: PublishedPipeline) -> str:
    return "" if published.image_available else _NO_IMAGE.format(image=published.engine_url)


def _executable() -> str:
    """Return how a shell starts our command: beside this Python, on the path, or as a module."""
    beside = Path(sys.executable).with_name("jupyter-edge")
    found = str(beside) if beside.exists() else shutil.which("jupyter-edge")
    return shlex.quote(found) if found else f"{shlex.quote(sys.executable)} -m jupyter_edge.cli"

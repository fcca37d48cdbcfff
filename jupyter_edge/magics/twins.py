"""Twins of verbs: text that does the same from outside; the token is a variable, never in the text."""

from __future__ import annotations

import json
import re
import shlex
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from jupyter_edge.magics.table import CONTAINERS, Verb

if TYPE_CHECKING:
    from jupyter_edge.magics.session import Session

_VARIABLES = '# These set the variables: eval "$(jupyter-edge env)"\n'
_CURL = 'curl -sS --fail-with-body -H "Authorization: Bearer $JUPYTER_EDGE_TOKEN"'


def twin_of(verb: Verb, session: Session, options: Namespace) -> str:
    """Return the twin of the kind that ``options.show`` names."""
    if options.show == "python" and verb.python:
        workspace = getattr(options, "workspace", None) or session.workspace
        return _python(verb.python(session, options), workspace)
    if verb.publish and options.show in CONTAINERS:
        return _container(verb.publish(session, options), options.show)
    return _VARIABLES + (verb.curl(session, options) if verb.curl else "")


def post(path: str, body: dict[str, Any]) -> str:
    """Return the curl command of a management call."""
    return f'{_CURL} -d {shlex.quote(json.dumps(body))} "$JUPYTER_EDGE_URL/v1/api/{path}"'


def get(path: str) -> str:
    """Return the curl command that reads a path."""
    return f'{_CURL} "$JUPYTER_EDGE_URL/v1/api/{path}"'


def post_form(path: str, **parts: str) -> str:
    """Return the curl command of a multipart call; a part is text, or ``@`` and a file's path."""
    form = " ".join(f"-F {shlex.quote(f'{name}={value}')}" for name, value in parts.items())
    return f'{_CURL} {form} "$JUPYTER_EDGE_URL/v1/api/{path}"'


def post_data(url: str, content_type: str, data: str, *, token: bool = True) -> str:
    """Return the curl command of an inference request; ``data`` is text, or ``@`` and a file's path."""
    call = _CURL if token else _CURL.partition(" -H ")[0]
    header = shlex.quote(f"Content-Type: {content_type}")
    return f"{call} -H {header} --data-binary {shlex.quote(data)} {shlex.quote(url)}"


def config_code(options: Namespace) -> str:
    """Return the Python that builds the deployment configuration of a verb's flags."""
    calls = [("replica_count", options.replicas), ("cpus", options.cpus), ("memory", options.memory)]
    built = "".join(f".{name}({value!r})" for name, value in calls if value is not None)
    if options.arch is not None:
        built += f".arch({options.arch!r})"
    return f"DeploymentConfigBuilder(){built}" if built else "None"


def call_code(function: str, *arguments: str, **named: Any) -> str:
    """Return the Python of a call; keyword arguments that are ``None``, empty or False are left out."""
    return f"{function}({', '.join([*arguments, *(f'{name}={value!r}' for name, value in named.items() if value)])})"


def _python(lines: str, workspace: str | None) -> str:
    from jupyter_edge import client

    imports = [line for line in lines.splitlines() if line.startswith("import ")]
    calls = [line for line in lines.splitlines() if not line.startswith("import ")]
    if workspace:
        calls.insert(0, f"client.set_current_workspace(client.get_workspace({workspace!r}))")
    names = [name for name in client.__all__ if any(re.search(rf"\b{name}\b", line) for line in calls)]
    imports.append(f"from jupyter_edge.client import {', '.join(sorted({'Client', *names}))}")
    return "\n".join([*imports, "", "client = Client()", *calls])


def _container(publish: Any, kind: str) -> str:
    if kind == "compose":
        return str(publish.compose())
    if kind == "helm":
        return str(publish.helm_commands())
    text = str(publish.docker_run_command())
    return text.replace("docker run", "podman run", 1) if kind == "podman" else text

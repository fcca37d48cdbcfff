"""Commands that do from outside what a call does here, as text; a token is a variable of the shell in them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any

CONTAINERS = ("docker", "podman", "compose", "helm")
_OPEN_CURL = "curl -sS --fail-with-body"
_CURL = f'{_OPEN_CURL} -H "Authorization: Bearer $JUPYTER_EDGE_TOKEN"'
_VARIABLES = '# These set the variables: eval "$(jupyter-edge env)"\n'


class Command(str):
    """Text that a notebook shows as it is to be pasted, and ``print`` too."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def in_shell(commands: str) -> Command:
    """Return commands with the line that says where their variables come from."""
    return Command(_VARIABLES + commands)


def post(path: str, body: Mapping[str, Any]) -> str:
    """Return the curl command of a management call."""
    return f'{_CURL} -d {shlex.quote(json.dumps(body))} "$JUPYTER_EDGE_URL/v1/api/{path}"'


def get(path: str) -> str:
    """Return the curl command that reads a path."""
    return f'{_CURL} "$JUPYTER_EDGE_URL/v1/api/{path}"'


def get_open(url: str) -> str:
    """Return the curl command that reads an address which asks for no token."""
    return f"{_OPEN_CURL} {shlex.quote(url)}"


def download(path: str, file: str) -> str:
    """Return the curl command that puts what a POST to a path below ``/v1`` answers into a file."""
    return f'{_CURL} -d {shlex.quote("{}")} -o {shlex.quote(file)} "$JUPYTER_EDGE_URL/v1/{path}"'


def post_form(path: str, **parts: str) -> str:
    """Return the curl command of a multipart call; a part is text, or ``@`` and a file's path."""
    form = " ".join(f"-F {shlex.quote(f'{name}={value}')}" for name, value in parts.items())
    return f'{_CURL} {form} "$JUPYTER_EDGE_URL/v1/api/{path}"'


def post_data(url: str, content_type: str, data: str, *, token: bool = True) -> str:
    """Return the curl command of an inference request; ``data`` is text, or ``@`` and a file's path, or ``@-``."""
    call = _CURL if token else _OPEN_CURL
    header = shlex.quote(f"Content-Type: {content_type}")
    return f"{call} -H {header} --data-binary {shlex.quote(data)} {shlex.quote(url)}"


def fed_by(program: str, command: str) -> str:
    """Return a command whose input, ``@-`` in curl, is what a Python program writes; it runs where this package is."""
    return f"python3 - <<'END' | {command}\n{program}\nEND"


def pick(command: str, expression: str) -> str:
    """Return a command that prints what a Python expression takes from another's JSON ``answer``."""
    program = f"import json, sys; answer = json.load(sys.stdin); print({expression})"
    return f"{command} | python3 -c {shlex.quote(program)}"


def call_code(function: str, *arguments: str, **named: Any) -> str:
    """Return the Python of a call; keyword arguments that are ``None``, empty or False are left out."""
    given = (f"{name}={_value_code(value)}" for name, value in named.items() if value)
    return f"{function}({', '.join([*arguments, *given])})"


def _value_code(value: Any) -> str:
    if isinstance(value, datetime):
        return f"datetime.datetime.fromisoformat({value.isoformat()!r})"
    return repr(value)

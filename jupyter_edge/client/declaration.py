"""A whole pipeline as YAML: its steps, deployment, publish and edges; every key known, every mistake at its line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from jupyter_edge.client.model_file import ModelWish
from jupyter_edge.core.batching import DynamicBatchingConfig, check_setting, require_one_way
from jupyter_edge.core.deployment import DeploymentConfigBuilder
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.framework import Acceleration, Architecture, Framework
from jupyter_edge.core.naming import check_name


@dataclass(frozen=True)
class EdgeWish:
    """An edge that is to be registered."""

    name: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Declaration:
    """What a pipeline is to be; a deployment or publish that is ``None`` is left as it is."""

    steps: tuple[ModelWish, ...]
    deployment: DeploymentConfigBuilder | None = None
    publish: DeploymentConfigBuilder | None = None
    edges: tuple[EdgeWish, ...] = ()


def read_declaration(text: str, *, first_line: int = 1, variables: Mapping[str, Any] | None = None) -> Declaration:
    """Read a declaration.

    Args:
        text: YAML 1.1 with the keys ``steps`` (of ``model``, ``file``, ``framework``, ``arch``, ``accel``,
            ``tensor_fields``, ``batch_config`` and ``dynamic_batching_config``), ``deployment`` and ``publish``
            (``true``, or ``replicas``, ``cpus``, ``memory``, ``arch`` and ``accel``), and ``edges`` (of ``name`` and
            ``tags``). A value ``$name`` stands for a variable.
        first_line: the number of the text's first line, for messages.
        variables: the variables.

    Raises:
        InvalidInputError: naming the line of the first mistake, and the nearest key where one is not known.
    """
    return _Reader(first_line, variables or {}).declaration(text)


class _Reader:
    """Reads nodes of YAML rather than values, because nodes know their lines."""

    def __init__(self, first_line: int, variables: Mapping[str, Any]) -> None:
        self._first_line = first_line
        self._variables = variables
        self._edges: set[str] = set()

    def declaration(self, text: str) -> Declaration:
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = self._first_line + (error.problem_mark.line if error.problem_mark else 0)
            advice = "; indent with spaces" if "'\\t'" in (error.problem or "") else ""
            msg = f"Line {line} is no YAML: {error.problem}{advice}."
            raise InvalidInputError(msg) from None
        except yaml.reader.ReaderError as error:
            line = self._first_line + text.count("\n", 0, error.position)
            msg = f"Line {line} is no YAML: it has the character {chr(error.character)!r}."
            raise InvalidInputError(msg) from None
        if node is None:
            msg = "The declaration is empty: begin with `steps:` and a list of models."
            raise InvalidInputError(msg)
        readers = {
            "steps": lambda node: self._items(node, "steps", self._step),
            "deployment": lambda node: self._limits(node, "deployment"),
            "publish": lambda node: self._limits(node, "publish"),
            "edges": lambda node: self._items(node, "edges", self._edge),
        }
        found = self._mapping(node, "the declaration", readers)
        if not found.get("steps"):
            raise self._error(node, "there are no steps: write `steps:` and a list of models")
        if found.get("edges") and not found.get("publish"):
            raise self._error(node, "edges run a publish: write `publish: true` too")
        return Declaration(**found)

    def _step(self, node: yaml.Node) -> ModelWish:
        readers = {
            "model": self._text,
            "file": lambda node: Path(self._text(node)),
            "framework": lambda node: self._one_of(node, [framework.value for framework in Framework]),
            "arch": lambda node: self._one_of(node, [arch.value for arch in Architecture]),
            "accel": lambda node: self._one_of(node, [accel.value for accel in Acceleration]),
            "tensor_fields": self._texts,
            "batch_config": lambda node: self._one_of(node, ["single"]),
            "dynamic_batching_config": self._batching,
        }
        found = self._mapping(node, "a step", readers)
        if "model" not in found:
            raise self._error(node, "the step names no `model`")
        self._checked(node, lambda: check_name("model", found["model"]))
        batching = found.get("dynamic_batching_config")
        self._checked(node, lambda: require_one_way(found.get("batch_config"), batching))
        return ModelWish(name=found.pop("model"), **found)

    def _batching(self, node: yaml.Node) -> DynamicBatchingConfig:
        def read(name: str, node: yaml.Node) -> Any:
            value = self._value(node)
            self._checked(node, lambda: check_setting(name, value))
            return value

        names = [setting.name for setting in fields(DynamicBatchingConfig)]
        found = self._mapping(node, "dynamic_batching_config", {name: partial(read, name) for name in names})
        self._checked(node, lambda: DynamicBatchingConfig(**found))
        return DynamicBatchingConfig(**found)

    def _edge(self, node: yaml.Node) -> EdgeWish:
        found = self._mapping(node, "an edge", {"name": self._text, "tags": self._texts})
        if "name" not in found:
            raise self._error(node, "the edge has no `name`")
        self._checked(node, lambda: check_name("edge", found["name"]))
        if found["name"] in self._edges:
            raise self._error(node, f"edge {found['name']!r} is there twice")
        self._edges.add(found["name"])
        return EdgeWish(**found)

    def _limits(self, node: yaml.Node, what: str) -> DeploymentConfigBuilder | None:
        value = self._value(node)
        if isinstance(value, bool) or value is None:
            return DeploymentConfigBuilder() if value else None
        builder = DeploymentConfigBuilder()
        setters: dict[str, Callable[[Any], Any]] = {
            "replicas": builder.replica_count,
            "cpus": builder.cpus,
            "memory": builder.memory,
            "arch": builder.arch,
            "accel": builder.accel,
        }

        def reader(name: str) -> Callable[[yaml.Node], None]:
            return lambda node: self._checked(node, partial(setters[name], self._value(node)))

        self._mapping(node, what, {name: reader(name) for name in setters})
        return builder

    def _mapping(self, node: yaml.Node, what: str, readers: Mapping[str, Callable[[yaml.Node], Any]]) -> dict[str, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, f"{what} is a mapping of {', '.join(readers)}")
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else str(self._value(key_node))
            if key not in readers:
                near = difflib.get_close_matches(key, readers, n=1)
                words = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(readers)}."
                raise self._error(key_node, f"{key!r} is no key of {what}; {words}", end="")
            if key in found:
                raise self._error(key_node, f"{key!r} is there twice")
            found[key] = readers[key](value_node)
        return found

    def _items(self, node: yaml.Node, what: str, read: Callable[[yaml.Node], Any]) -> tuple[Any, ...]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._error(node, f"{what} is a list: begin each item with `- `")
        return tuple(read(item) for item in node.value)

    def _text(self, node: yaml.Node) -> str:
        value = self._value(node)
        if not isinstance(value, str | Path):
            raise self._error(node, f"{value!r} is no text")
        return str(value)

    def _one_of(self, node: yaml.Node, known: Sequence[str]) -> str:
        text = self._text(node)
        if text not in known:
            raise self._error(node, f"{text!r} is not known here: write {' or '.join(known)}")
        return text

    def _texts(self, node: yaml.Node) -> tuple[str, ...]:
        value = self._value(node)
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            example = f": write [{value}]" if isinstance(value, str) else ""
            raise self._error(node, f"{value!r} is no list of texts{example}")
        return tuple(value)

    def _value(self, node: yaml.Node) -> Any:
        try:
            value = yaml.SafeLoader("").construct_object(node, deep=True)
        except yaml.YAMLError as error:
            raise self._error(node, f"this is no plain value ({getattr(error, 'problem', error)})") from None
        if not isinstance(value, str) or not value.startswith("$"):
            return value
        if value[1:] not in self._variables:
            raise self._error(node, f"there is no variable {value[1:]!r}")
        return self._variables[value[1:]]

    def _checked(self, node: yaml.Node, check: Callable[[], object]) -> None:
        try:
            check()
        except (InvalidInputError, ValueError, TypeError) as error:
            raise self._error(node, str(error).replace("replica_count", "replicas"), end="") from None

    def _error(self, node: yaml.Node, words: str, end: str = ".") -> InvalidInputError:
        return InvalidInputError(f"Line {self._first_line + node.start_mark.line}: {words}{end}")

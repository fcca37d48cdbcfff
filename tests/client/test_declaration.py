from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_edge.client import read_declaration
from jupyter_edge.client.declaration import EdgeWish
from jupyter_edge.client.model_file import ModelWish
from jupyter_edge.core.batching import DynamicBatchingConfig
from jupyter_edge.core.deployment import limits_of
from jupyter_edge.core.errors import InvalidInputError

WHOLE = """
steps:
  - model: detector
    file: detector.onnx
    framework: onnx
    tensor_fields: [images]
    batch_config: single
  - model: $second
    arch: x86
    accel: cuda
    dynamic_batching_config:
      max_batch_delay_ms: 5
      batch_size_limit: 8
deployment:
  replicas: 2
  cpus: 0.5
  memory: 900Mi
  arch: arm
  accel: openvino
publish: true
edges:
  - name: shop-7
    tags: [berlin, mitte]
  - {name: shop-8}
"""


def test_a_whole_declaration_is_read() -> None:
    read = read_declaration(WHOLE, variables={"second": "classifier"})
    assert read.steps == (
        ModelWish("detector", Path("detector.onnx"), "onnx", ("images",), "single"),
        ModelWish("classifier", dynamic_batching_config=DynamicBatchingConfig(5, 4, 8), arch="x86", accel="cuda"),
    )
    assert read.edges == (EdgeWish("shop-7", ("berlin", "mitte")), EdgeWish("shop-8"))
    assert read.deployment
    assert read.publish
    config = read.deployment.build()
    limits = limits_of(config)
    assert (limits.replicas, limits.cpus, limits.memory, config["engine"]["arch"]) == (2, 0.5, 900 * 2**20, "arm")
    assert config["engine"]["accel"] == "openvino"
    assert read.publish.build()["engine"] == {}


def test_what_is_not_declared_is_left_as_it_is() -> None:
    read = read_declaration("steps: [{model: x}]\ndeployment: false")
    assert (read.deployment, read.publish, read.edges) == (None, None, ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "steps:\n  - model: x\n    tensor_feilds: [a]",
            "Line 3: 'tensor_feilds' is no key of a step; did you mean 'tensor_",
        ),
        (
            "steps: [{model: x}]\ndeploy: true",
            "Line 2: 'deploy' is no key of the declaration; did you mean 'deployment'",
        ),
        ("steps: [{model: x}]\nzzz: 1", "Line 2: 'zzz' is no key of the declaration; known are steps, deployment"),
        ("steps: [{model: x}]\ndeployment: {cpu: 1}", "Line 2: 'cpu' is no key of deployment; did you mean 'cpus'"),
        ("steps: [{model: x}]\npublish: 3", "Line 2: publish is a mapping of replicas"),
        (
            "steps: [{model: x}]\npublish: true\nedges:\n  - nam: x",
            "Line 4: 'nam' is no key of an edge; did you mean 'name'",
        ),
        ("steps: [{model: x}]\nedges: [{name: y}]", "Line 1: edges run a publish"),
        ("steps: [{model: x}]\nsteps: [{model: y}]", "Line 2: 'steps' is there twice"),
        ("steps: [{file: x}]", "Line 1: the step names no `model`"),
        ("steps: []", "Line 1: there are no steps"),
        ("steps: x", "Line 1: steps is a list"),
        ("steps: [{model: 3}]", "Line 1: 3 is no text"),
        ("steps: [{model: 'a b'}]", "Line 1: 'a b' cannot name a model"),
        ("steps: [{model: x, tensor_fields: a}]", r"Line 1: 'a' is no list of texts: write \[a\]"),
        ("steps: [{model: x}]\ndeployment:\n  cpus: 1\n  memory: lots", "Line 4: 'lots' is not a memory quantity"),
        ("steps: [{model: x}]\ndeployment: {replicas: 0}", "Line 2: replicas is 0"),
        ("steps: [{model: x}]\ndeployment: {replicas: true}", "Line 2: replicas is True"),
        ("steps: [{model: x}]\ndeployment: {cpus: [1]}", r"Line 2: \[1\] is not a number of CPUs"),
        ("steps:\n  - model: x\n    model: y", "Line 3: 'model' is there twice"),
        ("steps: [{model: x}]\npublish: true\nedges:\n- name: e\n- name: e", "Line 5: edge 'e' is there twice"),
        ("steps: [{model: x}]\npublish: true\nedges: [{name: e, tags: [1]}]", r"Line 3: \[1\] is no list of texts\."),
        ("steps:\n\t- model: x", r"Line 2 is no YAML: .*'\\t'.*; indent with spaces"),
        ("steps:\n- model: \x00", r"Line 2 is no YAML: it has the character '\\x00'"),
        ("steps:\n- &a {model: x}\n- {<<: *a}", "Line 3: '<<' is no key of a step"),
        ("steps: [*a]", "Line 1 is no YAML: found undefined alias"),
        ("steps: [{model: x}]\n---\nsteps: []", "Line 2 is no YAML: but found another document"),
        ("steps: [{model: x, tensor_fields: &a [*a]}]", "Line 1: this is no plain value"),
        ("steps: [{model: x, batch_config: double}]", "Line 1: 'double' is not known here: write single"),
        ("steps: [{model: x, framework: nosuch}]", "Line 1: 'nosuch' is not known here: write"),
        ("steps: [{model: x}]\ndeployment: {arch: mips}", "Line 2: 'mips' is"),
        ("steps: [{model: x}]\ndeployment: {accel: abacus}", "Line 2: 'abacus' is not an accelerator"),
        ("steps: [{model: x, accel: abacus}]", "Line 1: 'abacus' is not known here: write none or cuda"),
        (
            "steps:\n- model: x\n  dynamic_batching_config:\n    max_batch_delay_ms: 5\n    batch_size: 2",
            "Line 5: 'batch_size' is no key of dynamic_batching_config; did you mean 'batch_size_",
        ),
        (
            "steps:\n- model: x\n  dynamic_batching_config:\n    max_batch_delay_ms: 5\n    batch_size_target: soon",
            "Line 5: batch_size_target of a DynamicBatchingConfig is 'soon'",
        ),
        (
            "steps:\n- model: x\n  dynamic_batching_config:\n    batch_size_limit: 2\n    batch_size_target: 3",
            "Line 4: batch_size_limit is 2, and batch_size_target 3",
        ),
        ("steps: [{model: x, dynamic_batching_config: 5}]", "Line 1: dynamic_batching_config is a mapping of max_"),
        (
            "steps:\n- model: x\n  batch_config: single\n  dynamic_batching_config: {batch_size_target: 2}",
            'Line 2: batch_config="single" runs one row at a time',
        ),
        ("steps: [{model: $nosuch}]", "Line 1: there is no variable 'nosuch'"),
        ("steps: [{model: !!python/name:os.system x}]", "Line 1: this is no plain value"),
        ("steps: [{? [a] : b}]", r"Line 1: .*\['a'\].* is no key of a step"),
        ("steps: &a [*a]", "Line 1"),
        ("steps: [\n\n}", "Line 3 is no YAML"),
        ("- x", "Line 1: the declaration is a mapping of steps"),
        ("", "The declaration is empty"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        read_declaration(text)


def test_an_anchor_stands_for_what_it_names() -> None:
    read = read_declaration("steps: [{model: x}]\ndeployment: &limits {cpus: 1}\npublish: *limits")
    assert read.deployment
    assert read.publish
    assert read.deployment.build() == read.publish.build()


def test_lines_are_counted_as_the_reader_sees_them() -> None:
    with pytest.raises(InvalidInputError, match="Line 3: 'x' is no key"):
        read_declaration("steps: [{model: y}]\nx: 1", first_line=2)

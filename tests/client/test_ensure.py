from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_edge import samples
from jupyter_edge.client import (
    Client,
    DeploymentConfigBuilder,
    ModelWish,
    Pipeline,
    Publish,
    ensure_deployed,
    ensure_edge,
    ensure_model,
    ensure_published,
    ensure_steps,
)
from jupyter_edge.core.batching import DynamicBatchingConfig
from jupyter_edge.core.errors import ConflictError, EntityNotFoundError, InvalidInputError


def config(cpus: float) -> DeploymentConfigBuilder:
    return DeploymentConfigBuilder().replica_count(1).cpus(cpus).memory("900Mi")


def test_a_model_gets_a_version_only_where_its_file_or_settings_differ(client: Client, ccfraud: Path) -> None:
    first = ensure_model(client, ModelWish("m", ccfraud, tensor_fields=["tensor"]))
    assert ensure_model(client, ModelWish("m", ccfraud, tensor_fields=["tensor"])).id() == first.id()
    assert ensure_model(client, ModelWish("m")).id() == first.id()
    single = ensure_model(client, ModelWish("m", ccfraud, batch_config="single"))
    assert single.id() != first.id()
    assert (single.tensor_fields(), single.batch_config()) == (["tensor"], "single")
    other = ensure_model(client, ModelWish("m", samples.path("shapes.onnx"), tensor_fields=["images"]))
    assert other.sha() != first.sha()


def test_a_new_version_gathers_requests_as_the_one_before(client: Client, ccfraud: Path) -> None:
    batching = DynamicBatchingConfig(max_batch_delay_ms=5, batch_size_target=8)
    ensure_model(client, ModelWish("m", ccfraud)).configure(dynamic_batching_config=batching)
    renamed = ensure_model(client, ModelWish("m", ccfraud, tensor_fields=["tensor"]))
    assert (renamed.tensor_fields(), renamed.dynamic_batching_config()) == (["tensor"], batching)
    single = ensure_model(client, ModelWish("m", ccfraud, batch_config="single"))
    assert (single.batch_config(), single.dynamic_batching_config()) == ("single", None)


def test_a_wish_that_cannot_be_met_says_what_is_missing(client: Client, ccfraud: Path) -> None:
    with pytest.raises(EntityNotFoundError, match="no model 'm'"):
        ensure_model(client, ModelWish("m"))
    ensure_model(client, ModelWish("m", ccfraud))
    with pytest.raises(InvalidInputError, match="give its file"):
        ensure_model(client, ModelWish("m", tensor_fields=["x"]))
    with pytest.raises(InvalidInputError, match="no file"):
        ensure_model(client, ModelWish("m", Path("nosuch.onnx")))


def test_settings_that_do_not_fit_the_model_leave_no_version(client: Client, ccfraud: Path) -> None:
    with pytest.raises(InvalidInputError, match="give one name for each"):
        ensure_model(client, ModelWish("m", ccfraud, tensor_fields=["a", "b"]))
    assert list(client.list_models()) == []
    ensure_model(client, ModelWish("m", ccfraud, tensor_fields=["tensor"]))
    with pytest.raises(InvalidInputError, match="batch_config"):
        ensure_model(client, ModelWish("m", ccfraud, batch_config="several"))
    (model,) = client.list_models()
    assert model.version_count() == 1


def test_steps_make_a_version_only_where_they_differ(
    client: Client, ccfraud: Path, new_name: Callable[[], str]
) -> None:
    one, two = (ensure_model(client, ModelWish(name, ccfraud)) for name in ("one", "two"))
    name = new_name()
    before = ensure_steps(client, name, [one]).versions()
    assert len(ensure_steps(client, name, [one]).versions()) == len(before)
    changed = ensure_steps(client, name, [one, two])
    assert len(changed.versions()) == len(before) + 1
    assert [step["ModelInference"]["models"][0]["name"] for step in changed.steps()] == ["one", "two"]


def test_a_pipeline_is_deployed_again_only_where_steps_or_limits_differ(client: Client, pipeline: Pipeline) -> None:
    def instance() -> str:
        return str(pipeline.status()["engines"][0]["name"])

    pipeline.create_version()
    pipeline = client.get_pipeline(pipeline.name())
    ensure_deployed(pipeline, config(1))
    first = instance()
    ensure_deployed(pipeline, config(1))
    ensure_deployed(pipeline)
    assert instance() == first
    ensure_deployed(pipeline, config(0.5))
    second = instance()
    assert second != first
    ensure_deployed(pipeline, config(0.5), again=True)
    assert instance() not in {first, second}
    pipeline.undeploy()
    ensure_deployed(pipeline, config(0.5))
    assert pipeline.status()["status"] == "Running"
    pipeline.undeploy()


def test_hardware_that_models_name_is_as_wanted_where_none_is_named(
    client: Client, ccfraud: Path, new_name: Callable[[], str]
) -> None:
    model = ensure_model(client, ModelWish("m", ccfraud, tensor_fields=["tensor"], arch="arm"))
    assert ensure_model(client, ModelWish("m", ccfraud, arch="arm")).id() == model.id()
    assert ensure_model(client, ModelWish("m", ccfraud, batch_config="single")).arch() == "arm"
    pipeline = ensure_steps(client, new_name(), [model])
    assert ensure_deployed(pipeline, config(1)).job
    pipeline.job = None
    assert ensure_deployed(pipeline, config(1)).job is None
    assert ensure_deployed(pipeline, config(1).arch("arm")).job is None
    assert ensure_deployed(pipeline, config(1).arch("x86")).job
    pipeline.job = None
    assert ensure_deployed(pipeline, config(1)).job
    publish = ensure_published(pipeline, config(1))
    assert publish.engine_config["engine"]["arch"] == "arm"
    assert ensure_published(pipeline, config(1)).id == publish.id
    pipeline.undeploy()


def test_a_pipeline_is_published_again_only_where_steps_or_limits_differ(
    client: Client, pipeline: Pipeline, ccfraud: Path
) -> None:
    first = ensure_published(pipeline, config(1))
    pipeline = client.get_pipeline(pipeline.name())
    assert ensure_published(pipeline, config(1)).id == first.id
    assert ensure_published(pipeline).id == first.id
    assert ensure_published(pipeline, config(0.5)).id != first.id
    newest = ensure_published(pipeline, config(0.5), again=True)
    assert ensure_published(pipeline).id == newest.id
    ensure_steps(client, pipeline.name(), [ensure_model(client, ModelWish("other", ccfraud))])
    assert ensure_published(client.get_pipeline(pipeline.name())).id != newest.id


def test_an_edge_is_registered_once_and_gets_a_new_bundle_until_it_joins(
    client: Client, pipeline: Pipeline, published: Publish, new_name: Callable[[], str]
) -> None:
    name = new_name()
    first = ensure_edge(pipeline, name, ["berlin"])
    second = ensure_edge(pipeline, name)
    assert first.publish.docker_run_variables != second.publish.docker_run_variables
    assert [(edge.name, edge.tags) for edge in pipeline.list_edges()] == [(name, ["berlin"])]
    assert "waits to join" in repr(second)


def test_an_edge_of_another_pipeline_is_not_taken_away(
    client: Client, pipeline: Pipeline, published: Publish, new_name: Callable[[], str]
) -> None:
    other = client.build_pipeline(new_name()).add_model_step(client.get_model("ccfraud"))
    name = new_name()
    ensure_edge(pipeline, name)
    with pytest.raises(EntityNotFoundError, match="is not published"):
        ensure_edge(other, name)
    other.publish()
    with pytest.raises(ConflictError, match=pipeline.name()):
        ensure_edge(other, name)
    assert [edge.name for edge in pipeline.list_edges()] == [name]

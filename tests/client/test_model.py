from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_edge import samples
from jupyter_edge.client import (
    Acceleration,
    Architecture,
    Client,
    DeploymentConfigBuilder,
    DeploymentError,
    DynamicBatchingConfig,
    EntityNotFoundError,
    Framework,
    InvalidInputError,
    Job,
    serve_here,
)


def test_an_upload_is_kept_byte_for_byte_and_configured(client: Client, ccfraud: Path) -> None:
    model = client.upload_model("ccfraud", str(ccfraud), framework=Framework.ONNX).configure(
        tensor_fields=["tensor"], batch_config="single"
    )
    assert model.name() == "ccfraud"
    assert model.sha() == hashlib.sha256(ccfraud.read_bytes()).hexdigest()
    assert model.status() == "ready"
    assert isinstance(model.id(), int)
    assert model.tensor_fields() == ["tensor"]
    assert model.batch_config() == "single"
    assert model.runtime() == "onnx"
    html = model._repr_html_()
    assert "one row in a request" in html
    assert "native" in html
    assert repr(model).startswith("ModelVersion(name='ccfraud'")


def test_how_requests_are_gathered_is_configured_and_deployed(client: Client, ccfraud: Path) -> None:
    batching = DynamicBatchingConfig(max_batch_delay_ms=1, batch_size_target=2, batch_size_limit=8)
    model = client.upload_model("ccfraud", ccfraud)
    assert model.dynamic_batching_config() is None
    model.configure(dynamic_batching_config=batching)
    assert model.dynamic_batching_config() == batching
    assert "waits up to 1 ms for 2 rows, never more than 8" in model._repr_html_()
    with pytest.raises(InvalidInputError, match="give one of them"):
        model.configure(batch_config="single", dynamic_batching_config=batching)
    pipeline = client.build_pipeline("gathering").add_model_step(model).deploy()
    answer = pipeline.infer([{name: [0.0] * 29 for name in [spec.name for spec in model.schema().inputs]}])
    assert len(answer) == 1
    pipeline.undeploy()


def test_what_does_not_fit_a_model_is_said_before_a_version_of_it_is_made(client: Client, ccfraud: Path) -> None:
    batching = DynamicBatchingConfig(max_batch_delay_ms=5)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"tensor_fields": ["a", "b"]}, r"tensor_fields names \['a', 'b'\], but the model 'm' takes \['transaction'\]"),
        ({"tensor_fields": "tensor"}, r"give a list of column names, \['tensor'\]"),
        ({"batch_config": "single", "dynamic_batching_config": batching}, "give one of them"),
        ({"batch_config": "double"}, "batch_config"),
        ({"framework": "abacus"}, "'abacus' names the framework"),
        ({"arch": "abacus"}, "'abacus' is not an architecture"),
        ({"accel": "abacus"}, "'abacus' is not an accelerator"),
    ]
    for said, words in wrong:
        with pytest.raises(InvalidInputError, match=words):
            client.upload_model("m", ccfraud, **said)
        assert not client.list_models()
    version = client.upload_model("m", ccfraud, tensor_fields=["tensor"], dynamic_batching_config=batching)
    assert (version.tensor_fields(), version.dynamic_batching_config()) == (["tensor"], batching)
    assert (version.arch(), version.accel()) == (None, None)


def test_a_model_is_deployed_published_and_run_on_what_it_was_uploaded_for(
    client: Client, ccfraud: Path, new_name: Callable[[], str]
) -> None:
    model = client.upload_model("m", ccfraud, arch="x86", accel=Acceleration.OPENVINO, tensor_fields=["tensor"])
    assert (model.arch(), model.accel()) == (Architecture.X86, Acceleration.OPENVINO)
    pipeline = client.build_pipeline(new_name()).add_model_step(model)
    with pytest.raises(DeploymentError, match="accel=openvino needs"):
        pipeline.deploy(DeploymentConfigBuilder().cpus(1))
    publish = pipeline.publish(DeploymentConfigBuilder().cpus(1))
    assert (publish.engine_config["engine"]["arch"], publish.engine_config["engine"]["accel"]) == ("x86", "openvino")
    assert "x86, openvino" in publish._repr_html_()
    with pytest.raises(DeploymentError, match="accel=openvino needs"):
        serve_here(pipeline)
    pipeline.deploy(DeploymentConfigBuilder().cpus(1).accel("none"))
    assert pipeline.infer([{"tensor": [0.0] * 29}])
    other = client.upload_model("other", ccfraud, accel="cuda")
    with pytest.raises(InvalidInputError, match="different hardware .*m for openvino, other for cuda.*name accel"):
        pipeline.clear().add_model_step(model).add_model_step(other).publish()
    pipeline.undeploy()


def test_an_onnx_file_needs_no_framework(client: Client, ccfraud: Path) -> None:
    assert client.upload_model("ccfraud", ccfraud).framework() is Framework.ONNX


def test_a_second_upload_of_a_name_is_a_new_version(client: Client, ccfraud: Path) -> None:
    first = client.upload_model("ccfraud", ccfraud)
    second = client.upload_model("ccfraud", ccfraud)
    (model,) = client.list_models()
    assert [version.id() for version in model.versions()] == [first.id(), second.id()]
    assert client.get_model("ccfraud").id() == second.id()
    assert client.get_model("ccfraud", version=first.version()).id() == first.id()
    assert model.status() == "ready"
    assert second.version() in str(model)


def test_a_model_that_is_not_there_says_what_brings_it(client: Client, ccfraud: Path) -> None:
    with pytest.raises(EntityNotFoundError, match="upload_model"):
        client.get_model("nothing")
    client.upload_model("ccfraud", ccfraud)
    with pytest.raises(EntityNotFoundError, match="no version"):
        client.get_model("ccfraud", version="00000000-0000-0000-0000-000000000000")


def test_what_is_no_model_is_refused_with_the_reason(client: Client, tmp_path: Path) -> None:
    text = tmp_path / "model.onnx"
    text.write_text("this is no model")
    with pytest.raises(InvalidInputError, match="ONNX"):
        client.upload_model("m", text)
    with pytest.raises(InvalidInputError, match="There is no file"):
        client.upload_model("m", tmp_path / "missing.onnx")
    with pytest.raises(InvalidInputError, match=r"framework=Framework\.ONNX"):
        client.upload_model("m", text.rename(tmp_path / "model.bin"))
    with pytest.raises(InvalidInputError, match="cannot name a model"):
        client.upload_model("1 m", tmp_path / "model.bin", framework=Framework.ONNX)
    assert not client.list_models()


def test_a_framework_that_the_engine_does_not_run_is_refused_by_name(client: Client, ccfraud: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"(?i)tensorflow"):
        client.upload_model("m", ccfraud, framework=Framework.TENSORFLOW)


def test_settings_that_mean_nothing_are_refused(client: Client, ccfraud: Path) -> None:
    model = client.upload_model("ccfraud", ccfraud)
    with pytest.raises(InvalidInputError, match=r"\['tensor'\]"):
        model.configure(tensor_fields="tensor")
    with pytest.raises(InvalidInputError, match="no option wrong"):
        model.configure(wrong=1)
    with pytest.raises(InvalidInputError):
        model.configure(tensor_fields=["a", "b", "c"])


def test_uploads_are_listed_as_jobs(client: Client, ccfraud: Path) -> None:
    client.upload_model("ccfraud", ccfraud)
    job = client.jobs()[0]
    assert isinstance(job, Job)
    assert (job.kind, job.state, job.error) == ("upload", "succeeded", None)
    assert job.refresh().done
    assert "upload" in repr(client.jobs())
    assert "100%" in job._repr_html_()


def test_what_the_file_takes_gives_and_calls_its_classes_is_known(client: Client, ccfraud: Path) -> None:
    fraud = client.upload_model("ccfraud", ccfraud)
    assert [(spec.name, spec.shape) for spec in fraud.schema().inputs] == [("transaction", (None, 29))]
    assert fraud.class_names() is None
    detector = client.upload_model("shapes", samples.path("shapes.onnx"))
    assert detector.class_names() == ("circle", "square", "triangle", "star", "heart")


def test_an_upload_that_is_not_waited_for_is_a_job(client: Client, ccfraud: Path) -> None:
    shares: list[float] = []
    job = client.start_upload("ccfraud", ccfraud, on_sent=shares.append)
    assert job.kind == "upload"
    assert shares[-1] == 1
    assert job.wait().state == "succeeded"
    assert client.get_model("ccfraud").file_name() == ccfraud.name


def test_what_is_raised_while_a_file_is_sent_ends_the_upload(client: Client, ccfraud: Path) -> None:
    def stop(_share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.start_upload("ccfraud", ccfraud, on_sent=stop)
    assert not client.list_models()

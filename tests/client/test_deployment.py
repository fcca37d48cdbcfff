from __future__ import annotations

import io
import subprocess

import pandas as pd
import pytest

from jupyter_edge import samples
from jupyter_edge.client import Client, DeploymentConfigBuilder, DeploymentError, Pipeline


def test_undeploying_what_never_ran_does_nothing(pipeline: Pipeline) -> None:
    assert pipeline.undeploy().status()["status"] == "Undeployed"


def test_a_deployment_that_cannot_come_up_says_why(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeploymentError, match="memory"):
        pipeline.deploy(DeploymentConfigBuilder().memory("1Mi").build())
    assert capsys.readouterr().out.endswith(" failed\n")
    pipeline.undeploy()


def test_a_pipeline_undeployed_elsewhere_is_said_to_be_so(client: Client, deployed: Pipeline) -> None:
    client.pipelines_by_name(deployed.name())[0].undeploy()
    with pytest.raises(DeploymentError, match="not deployed"):
        deployed.infer(pd.DataFrame({"tensor": [[0.0] * 29]}))


def test_the_address_answers_curl_with_the_header_of_the_client(client: Client, deployed: Pipeline) -> None:
    assert deployed._deployment is not None
    url = deployed._deployment._url()
    assert url == deployed.url()
    headers = client.auth.auth_header()
    headers["Content-Type"] = "application/vnd.apache.arrow.file"
    headers["Accept"] = "application/json; format=pandas-records"
    options = [item for name, value in headers.items() for item in ("-H", f"{name}:{value}")]
    data = f"@{samples.path('transactions.arrow')}"
    command = ["curl", "-sS", "-X", "POST", url, *options, "--data-binary", data]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    frame = pd.read_json(io.StringIO(answer), orient="records")
    assert len(frame) == 1000
    assert frame["metadata"].map(lambda item: item["partition"]).nunique() == 1


def test_an_engine_elsewhere_forwards_inference(
    deployed: Pipeline, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = client.auth._bearer_token_str().removeprefix("Bearer ")
    monkeypatch.setenv("JUPYTER_EDGE_HOME", "/nonexistent")
    there = Client(client.api_endpoint, token).pipelines_by_name(deployed.name())[0]
    assert there.url().startswith(f"{client.api_endpoint}/v1/api/pipelines/infer/{deployed.name()}-")
    assert there.infer(pd.DataFrame({"tensor": [[0.0] * 29]})).shape == (1, 4)

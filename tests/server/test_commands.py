"""The commands that run a publish, as the panel copies them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import yaml

from tests.engine.process import EngineProcess
from tests.server.conftest import Fetch, fetch

PUBLISH: dict[str, Any] = {
    "pipeline_url": "127.0.0.1:9/pipelines/shop:0f8b1b6c",
    "engine_url": "127.0.0.1:9/engines/jupyter-edge:0.1.0",
    "helm": {"chart": "127.0.0.1:9/charts/shop", "version": "0.0.1-0f8b1b6c", "reference": "r"},
    "engine_config": {},
    "docker_run_variables": {},
}
BUNDLE = base64.b64encode(
    b"export BUNDLE_VERSION=1\nexport EDGE_NAME=shop-1\nexport JOIN_TOKEN=t\nexport OPSCENTER_HOST=127.0.0.1:9\n"
    b"export PIPELINE_URL=127.0.0.1:9/pipelines/shop:0f8b1b6c\nexport WORKSPACE_ID=1"
).decode()


async def commands(jp_fetch: Fetch, publish: object) -> tuple[int, dict[str, str]]:
    answer = await fetch(jp_fetch, "commands", method="POST", body=json.dumps({"publish": publish}))
    return answer.code, json.loads(answer.body)


async def test_each_command_names_the_publish(engine: EngineProcess, jp_fetch: Fetch) -> None:
    code, texts = await commands(jp_fetch, PUBLISH)
    assert code == 200
    assert set(texts) == {"serve", "docker", "compose", "helm"}
    assert "docker run" in texts["docker"]
    assert "helm install" in texts["helm"]
    assert "jupyter-edge serve" in texts["serve"]
    service = yaml.safe_load(texts["compose"])["services"]["engine"]
    assert service["environment"]["PIPELINE_URL"] == PUBLISH["pipeline_url"]


async def test_the_bundle_of_a_new_edge_is_in_each_command(engine: EngineProcess, jp_fetch: Fetch) -> None:
    _, texts = await commands(jp_fetch, PUBLISH | {"docker_run_variables": {"EDGE_BUNDLE": BUNDLE}})
    assert all(BUNDLE in text for text in texts.values())


@pytest.mark.parametrize("publish", [None, 1, {}, PUBLISH | {"helm": None}])
async def test_what_is_no_publish_is_refused(engine: EngineProcess, jp_fetch: Fetch, publish: object) -> None:
    code, answer = await commands(jp_fetch, publish)
    assert code == 400
    assert "publish" in answer["message"]

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_edge import samples
from jupyter_edge.client import Client, DeploymentConfigBuilder, ModelVersion, Pipeline, Publish, Workspace
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.client.transport import Transport
from jupyter_edge.core.home import EngineAddress, Home
from tests.client.server import Server

CONFIG = DeploymentConfigBuilder().replica_count(1).cpus(1).memory("900Mi").build()


@pytest.fixture(scope="session")
def engine_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home of its own, whose engine the first Client() starts."""
    home = Home(tmp_path_factory.mktemp("client") / "home")
    yield home
    stop_engine(home)


@pytest.fixture(autouse=True)
def _engine_environment(monkeypatch: pytest.MonkeyPatch, engine_home: Home) -> None:
    monkeypatch.setenv("JUPYTER_EDGE_HOME", str(engine_home.path))
    monkeypatch.setenv("JUPYTER_EDGE_PORT", "0")
    monkeypatch.delenv("JUPYTER_EDGE_URL", raising=False)
    monkeypatch.delenv("JUPYTER_EDGE_TOKEN", raising=False)


@pytest.fixture
def new_name() -> Callable[[], str]:
    """Give a name that nothing has yet."""
    return lambda: f"n{uuid.uuid4().hex[:12]}"


@pytest.fixture
def client(new_name: Callable[[], str]) -> Client:
    """A client of a real engine, in a new workspace."""
    client = Client()
    client.set_current_workspace(client.create_workspace(new_name()))
    return client


@pytest.fixture
def workspace(client: Client) -> Workspace:
    return client.get_current_workspace()


@pytest.fixture
def ccfraud() -> Path:
    return samples.path("ccfraud.onnx")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def transport(server: Server) -> Transport:
    """A transport to the server of prepared answers."""
    return Transport(EngineAddress(1, f"http://127.0.0.1:{server.server_port}", "t0ken"))


@pytest.fixture
def model(client: Client, ccfraud: Path) -> ModelVersion:
    return client.upload_model("ccfraud", ccfraud).configure(tensor_fields=["tensor"])


@pytest.fixture
def pipeline(client: Client, model: ModelVersion, new_name: Callable[[], str]) -> Pipeline:
    return client.build_pipeline(new_name()).add_model_step(model)


@pytest.fixture
def deployed(pipeline: Pipeline) -> Iterator[Pipeline]:
    yield pipeline.deploy(CONFIG)
    pipeline.undeploy()


@pytest.fixture
def published(pipeline: Pipeline) -> Publish:
    return pipeline.publish(DeploymentConfigBuilder().cpus(1).memory("1Gi").build())

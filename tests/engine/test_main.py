from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import httpx
import psutil
import pytest

from jupyter_edge.engine.main import FIRST_PORT
from tests.engine.process import SOURCE, EngineProcess, wait_for
from tests.engine.scenes import make_scene


def run_engine(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run an engine that is expected to refuse, and return how it did."""
    values = {"JUPYTER_EDGE_HOME": str(home), "JUPYTER_EDGE_PORT": "0", "PYTHONPATH": str(SOURCE)}
    return subprocess.run(
        [sys.executable, "-m", "jupyter_edge.engine", *arguments],
        env=os.environ | values | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def test_a_home_has_one_engine_only(engine: EngineProcess) -> None:
    refused = run_engine(engine.home.path)
    assert refused.returncode == 1
    assert engine.url in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert engine.post("users/me")


def test_many_engines_started_at_once_end_as_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    values = {"JUPYTER_EDGE_HOME": str(home), "JUPYTER_EDGE_PORT": "0", "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-m", "jupyter_edge.engine"]
    started = [subprocess.Popen(command, env=os.environ | values, stderr=subprocess.DEVNULL) for _ in range(3)]
    try:
        wait_for(lambda: sum(process.poll() == 1 for process in started) == 2, 60)
        (left,) = [process for process in started if process.poll() is None]
        wait_for((home / "engine.json").exists, 60)
        assert f'"pid": {left.pid}' in (home / "engine.json").read_text()
    finally:
        for process in started:
            process.terminate()
            process.wait(30)


def test_engines_of_two_homes_started_at_once_listen_on_two_ports(tmp_path: Path) -> None:
    homes = [tmp_path / "one", tmp_path / "two"]
    values = os.environ | {"JUPYTER_EDGE_PORT": "", "PYTHONPATH": str(SOURCE)}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "jupyter_edge.engine"],
            env=values | {"JUPYTER_EDGE_HOME": str(home)},
            stderr=subprocess.DEVNULL,
        )
        for home in homes
    ]
    try:
        for home in homes:
            wait_for((home / "engine.json").exists, 60)
        one, two = ((home / "port").read_text() for home in homes)
        assert one != two
    finally:
        for process in started:
            process.terminate()
            process.wait(30)


def test_a_home_that_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "engine.db").write_bytes(b"this is no database" * 100)
    for home in (file, Path("/proc/nowhere"), damaged):
        refused = run_engine(home)
        assert refused.returncode == 1
        assert str(home) in refused.stderr
        assert refused.stderr.count("\n") == 1, refused.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(own_engine: EngineProcess, number: signal.Signals) -> None:
    own_engine.start()
    own_engine.client.post("/v1/api/users/me", json={})
    own_engine.process.send_signal(number)
    assert own_engine.process.wait(30) == 0
    assert own_engine.home.read_address() is None
    assert "Traceback" not in own_engine.log()


def test_a_request_that_does_not_end_does_not_hold_it(own_engine: EngineProcess) -> None:
    own_engine.start()
    host, port = own_engine.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as sock:
        head = f"POST /v1/api/users/me HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {own_engine.token}\r\n"
        sock.sendall(f"{head}Content-Length: 10\r\n\r\n".encode())
        time.sleep(0.2)
        assert own_engine.stop() == 0


def test_a_killed_engine_is_followed_by_another_on_the_same_port(own_engine: EngineProcess) -> None:
    own_engine.start()
    url, token = own_engine.url, own_engine.token
    workspace_id = own_engine.post("workspaces/create", workspace_name="kept")["workspace_id"]
    own_engine.kill()
    own_engine.start(JUPYTER_EDGE_PORT="")
    assert (own_engine.url, own_engine.token) == (url, token)
    assert own_engine.post("workspaces/get", id=workspace_id)["name"] == "kept"


def test_the_first_free_port_is_taken_and_remembered(own_engine: EngineProcess) -> None:
    own_engine.start(JUPYTER_EDGE_PORT="")
    port = int(own_engine.url.rpartition(":")[2])
    assert port >= FIRST_PORT
    assert own_engine.home.port_file.read_text() == f"{port}\n"


def test_a_remembered_port_that_is_taken_is_an_error_that_says_what_to_do(tmp_path: Path, taken_port: int) -> None:
    (tmp_path / "port").write_text(f"{taken_port}\n")
    refused = run_engine(tmp_path, JUPYTER_EDGE_PORT="")
    assert refused.returncode == 1
    assert str(taken_port) in refused.stderr
    assert "JUPYTER_EDGE_PORT" in refused.stderr
    assert (tmp_path / "port").read_text() == f"{taken_port}\n"


def test_the_port_that_was_asked_for_is_used_or_refused(own_engine: EngineProcess, taken_port: int) -> None:
    refused = run_engine(own_engine.home.path, JUPYTER_EDGE_PORT=str(taken_port))
    assert refused.returncode == 1
    assert f"port {taken_port}" in refused.stderr
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own_engine.start(JUPYTER_EDGE_PORT=str(port))
    assert own_engine.url == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("port", ["http", "-1", "65536", "8790.5"])
def test_a_port_that_is_none_is_refused(tmp_path: Path, port: str) -> None:
    refused = run_engine(tmp_path, JUPYTER_EDGE_PORT=port)
    assert refused.returncode == 1
    assert port in refused.stderr
    assert "Traceback" not in refused.stderr


def test_what_it_keeps_is_for_its_owner_only_also_if_it_was_not(own_engine: EngineProcess) -> None:
    own_engine.start()
    own_engine.stop()
    own_engine.home.path.chmod(0o755)
    own_engine.home.credentials_file.chmod(0o644)
    own_engine.home.database.chmod(0o644)
    own_engine.start()
    assert stat.S_IMODE(own_engine.home.path.stat().st_mode) == 0o700
    for path in own_engine.home.path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_it_starts_without_what_only_some_requests_need(tmp_path: Path) -> None:
    code = """if True:
        import sys
        import jupyter_edge.engine.main
        heavy = {"pandas", "pyarrow", "onnxruntime", "numpy", "oras", "jsonschema", "matplotlib", "IPython"}
        print(sorted(heavy & sys.modules.keys()))
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=SOURCE, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_its_log_is_dated_and_holds_no_secret(own_engine: EngineProcess) -> None:
    own_engine.start()
    own_engine.client.post("/v1/api/nowhere", json={})
    httpx.post(f"{own_engine.url}/v1/api/users/me", headers={"Authorization": "Bearer wrong-secret"}, json={})
    password = own_engine.post("registry/get")["password"]
    assert own_engine.stop() == 0
    lines = own_engine.log().splitlines()
    assert lines
    for line in lines:
        assert line[:4].isdigit(), line
        assert line[10] == " ", line
    for secret in (own_engine.token, password, "wrong-secret"):
        assert secret not in own_engine.log()


def test_its_registry_asks_for_the_credentials_that_it_tells(own_engine: EngineProcess) -> None:
    own_engine.start()
    told = own_engine.post("registry/get")
    assert f"http://{told['registry']}" == own_engine.url
    assert httpx.get(f"{own_engine.url}/v2/").status_code == HTTPStatus.UNAUTHORIZED
    right, wrong = (told["username"], told["password"]), (told["username"], own_engine.token)
    assert httpx.get(f"{own_engine.url}/v2/", auth=right).status_code == HTTPStatus.OK
    assert httpx.get(f"{own_engine.url}/v2/", auth=wrong).status_code == HTTPStatus.UNAUTHORIZED


def test_listening_everywhere_has_to_be_asked_for(tmp_path: Path) -> None:
    engine = EngineProcess(tmp_path / "home")
    engine.arguments = ["--host", "0.0.0.0"]
    engine.start()
    try:
        port = engine.url.rpartition(":")[2]
        named = {"Host": f"192.0.2.1:{port}"}
        assert engine.client.get("/v1/api/health", headers=named).status_code == HTTPStatus.OK
        refused = engine.client.get("/v1/api/health", headers={"Host": f"evil.example:{port}"})
        assert refused.status_code == HTTPStatus.FORBIDDEN
    finally:
        engine.stop()


def test_an_engine_at_the_machines_own_address_says_what_that_means_and_publishes_to_itself(
    own_engine: EngineProcess,
) -> None:
    addresses = (address for card in psutil.net_if_addrs().values() for address in card)
    own = [each.address for each in addresses if each.family == socket.AF_INET and not each.address.startswith("127.")]
    if not own:
        pytest.skip("This machine has no address but loopback.")
    own_engine.arguments = ["--host", own[0]]
    own_engine.start()
    assert "unencrypted" in own_engine.log()
    publish = make_scene(own_engine).publish()
    assert publish["status"] == "Published", publish["error"]
    assert publish["pipeline_url"].startswith(f"{own[0]}:")


def test_the_command_takes_the_address_to_listen_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "jupyter_edge.cli", "engine", "run", "--host", "nowhere.invalid"]
    values = os.environ | {"JUPYTER_EDGE_HOME": str(tmp_path), "PYTHONPATH": str(SOURCE)}
    refused = subprocess.run(command, env=values, capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode == 1
    assert "'nowhere.invalid'" in refused.stderr

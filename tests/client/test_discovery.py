from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from jupyter_edge.client import AuthenticationError, Client, EngineUnavailableError, InvalidInputError
from jupyter_edge.client.discovery import find_engine, find_or_start_engine, locate_engine, stop_engine
from jupyter_edge.core.home import EngineAddress, Home

CONNECT = "from jupyter_edge.client import Client; wl = Client(); print(wl.api_endpoint, wl.auth._bearer_token_str())"


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home without an engine, for a test that stops its own."""
    home = Home(tmp_path / "home")
    monkeypatch.setenv("JUPYTER_EDGE_HOME", str(home.path))
    return home


def test_two_processes_that_connect_at_once_get_the_same_engine(own_home: Home) -> None:
    try:
        kernels = [subprocess.Popen([sys.executable, "-c", CONNECT], stdout=subprocess.PIPE) for _ in range(3)]
        answers = {kernel.communicate(timeout=90)[0] for kernel in kernels}
        assert len(answers) == 1
        assert answers.pop().strip()
        engines = [
            process
            for process in psutil.process_iter(["cmdline", "environ"])
            if (process.info["environ"] or {}).get("JUPYTER_EDGE_HOME") == str(own_home.path)
            and "jupyter_edge.engine" in (process.info["cmdline"] or [])
        ]
        assert len(engines) == 1
    finally:
        stop_engine(own_home)


def test_the_engine_outlives_who_started_it_and_stops_when_asked(own_home: Home) -> None:
    subprocess.run([sys.executable, "-c", CONNECT], check=True, capture_output=True, timeout=90)
    address = find_engine(own_home)
    assert address is not None
    assert os.getsid(address.pid) == address.pid
    engine = psutil.Process(address.pid)
    assert stop_engine(own_home)
    engine.wait(30)
    assert find_engine(own_home) is None
    assert not stop_engine(own_home)


def test_an_interrupt_while_the_engine_starts_ends_it(own_home: Home) -> None:
    program = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {CONNECT}"
    kernel = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not own_home.engine_lock.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    started = psutil.Process(kernel.pid).children()
    kernel.send_signal(signal.SIGINT)
    assert kernel.communicate(timeout=60)[1].endswith("KeyboardInterrupt\n")
    assert len(started) == 1
    assert not started[0].is_running()
    assert find_engine(own_home) is None


def test_an_engine_that_a_living_notebook_started_stops_at_once(own_home: Home) -> None:
    Client()
    stop = [sys.executable, "-m", "jupyter_edge.cli", "engine", "stop"]
    stopped = subprocess.run(stop, check=False, capture_output=True, text=True, timeout=90)
    assert stopped.stdout == "The engine has stopped.\n", stopped.stderr
    assert find_engine(own_home) is None


def test_a_client_works_again_once_its_killed_engine_was_started_anew(
    own_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JUPYTER_EDGE_PORT")
    client = Client()
    try:
        workspace = client.get_workspace("kept", create_if_not_exist=True)
        os.kill(find_or_start_engine(own_home).pid, signal.SIGKILL)
        with pytest.raises(EngineUnavailableError, match=r"Client\(\) starts it again"):
            client.list_workspaces()
        assert repr(workspace).startswith("{'name': 'kept'")
        Client()
        assert [one.name() for one in client.list_workspaces()] == ["kept"]
    finally:
        stop_engine(own_home)


def test_a_start_that_fails_shows_the_end_of_the_engines_log(own_home: Home) -> None:
    own_home.create()
    own_home.log_file.write_text("an older line\n")
    own_home.database.write_bytes(b"this is no database" * 100)
    with pytest.raises(EngineUnavailableError, match="did not start") as raised:
        find_or_start_engine(own_home)
    assert "database" in str(raised.value)
    assert "an older line" not in str(raised.value)


def test_the_engines_log_is_for_its_owner_only(client: Client, engine_home: Home) -> None:
    assert client.list_workspaces()
    assert engine_home.log_file.stat().st_mode & 0o077 == 0


def test_an_address_whose_process_is_gone_or_another_is_no_engine(own_home: Home) -> None:
    own_home.create()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (ended.pid, os.getpid()):
        own_home.write_address(EngineAddress(pid, "http://127.0.0.1:1", "token"))
        assert find_engine(own_home) is None
        assert not stop_engine(own_home)


def test_the_engine_of_another_home_is_left_alone(client: Client, engine_home: Home, own_home: Home) -> None:
    assert client.list_workspaces()
    other = engine_home.read_address()
    assert other is not None
    own_home.create()
    own_home.write_address(other)
    assert find_engine(own_home) is None
    assert not stop_engine(own_home)
    assert find_engine(engine_home) == other


def test_an_engine_elsewhere_is_found_by_its_url_and_token(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    token = client.auth._bearer_token_str().removeprefix("Bearer ")
    monkeypatch.setenv("JUPYTER_EDGE_HOME", "/nonexistent")
    monkeypatch.setenv("JUPYTER_EDGE_URL", client.api_endpoint + "/")
    monkeypatch.setenv("JUPYTER_EDGE_TOKEN", token)
    there = Client()
    assert there.api_endpoint == client.api_endpoint
    assert not there.is_local
    assert {ws.id() for ws in client.list_workspaces()} == {ws.id() for ws in there.list_workspaces()}


def test_a_wrong_token_says_what_to_check(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_EDGE_HOME", "/nonexistent")
    with pytest.raises(AuthenticationError, match="JUPYTER_EDGE_TOKEN"):
        Client(client.api_endpoint, "not-the-token")


def test_a_token_that_is_given_is_used_also_for_the_engine_of_this_home(client: Client) -> None:
    with pytest.raises(AuthenticationError):
        Client(client.api_endpoint, "not-the-token")


def test_a_remote_engine_needs_an_address_and_a_token() -> None:
    with pytest.raises(InvalidInputError, match="JUPYTER_EDGE_TOKEN"):
        locate_engine("https://engine.example")
    with pytest.raises(InvalidInputError, match="http://host:port"):
        locate_engine("engine.example:8790", "token")


def test_a_token_that_would_travel_in_the_open_gives_a_warning() -> None:
    with pytest.warns(UserWarning, match="without encryption"):
        locate_engine("http://engine.example:8790", "token")


def test_an_engine_that_does_not_answer_says_how_to_go_on() -> None:
    with pytest.raises(EngineUnavailableError, match="Client"):
        Client("http://127.0.0.1:9", "token")

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from jupyter_edge.client.transport import Transport
from jupyter_edge.core import errors
from jupyter_edge.core.home import EngineAddress
from tests.client.server import Server


def test_requests_carry_the_token_and_json(server: Server, transport: Transport) -> None:
    server.answer = (200, {"Jupyter-Edge-Job": "7"}, b'{"a": 1}')
    answer = transport.call("pipelines/deploy", {"x": 1})
    path, headers, body = server.seen[0]
    assert (answer.value, answer.job_id) == ({"a": 1}, 7)
    assert path == "/v1/api/pipelines/deploy"
    assert headers["Authorization"] == "Bearer t0ken"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {"x": 1}


@pytest.mark.parametrize("pid", [0, 1])
def test_no_proxy_sees_the_token_of_an_engine_on_this_machine(
    server: Server, monkeypatch: pytest.MonkeyPatch, pid: int
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.answer = (200, {}, b"{}")
    Transport(EngineAddress(pid, f"http://127.0.0.1:{server.server_port}", "t0ken")).post("users/me")
    assert server.seen[0][0] == "/v1/api/users/me"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidInputError),
        (401, errors.AuthenticationError),
        (403, errors.ForbiddenError),
        (404, errors.EntityNotFoundError),
        (409, errors.ConflictError),
        (413, errors.TooLargeError),
        (502, errors.RegistryError),
        (507, errors.StorageFullError),
        (500, errors.EdgeError),
    ],
)
def test_an_error_is_raised_as_its_class_with_the_engines_words(
    server: Server, transport: Transport, status: int, kind: type[errors.EdgeError]
) -> None:
    server.answer = (status, {}, json.dumps({"msg": "Because of this.", "code": status}).encode())
    with pytest.raises(errors.EdgeError, match="Because of this") as raised:
        transport.post("x")
    assert type(raised.value) is kind


def test_an_inference_error_is_the_text_of_the_first_element(server: Server, transport: Transport) -> None:
    server.answer = (400, {}, b'[{"error": "column tensor is missing"}]')
    with pytest.raises(errors.InferenceError, match=r"^column tensor is missing$"):
        transport.post("x")


def test_an_answer_of_something_else_names_address_and_status(server: Server, transport: Transport) -> None:
    server.answer = (404, {}, b"<html>not here</html>")
    with pytest.raises(errors.EntityNotFoundError, match=r"/v1/api/x answered 404"):
        transport.post("x")


def test_a_redirect_is_not_followed(server: Server, transport: Transport) -> None:
    server.answer = (302, {"Location": "http://127.0.0.1:9/"}, b"")
    with pytest.raises(errors.EdgeError, match="302"):
        transport.post("x")
    assert len(server.seen) == 1


def test_a_warning_of_the_engine_becomes_one_of_python(server: Server, transport: Transport) -> None:
    server.answer = (200, {"Jupyter-Edge-Warning": r"Mind the gap \u2192 here"}, b"null")
    with pytest.warns(UserWarning, match="Mind the gap → here"):
        assert transport.post("x") is None


def test_nobody_listening_is_said_in_one_sentence() -> None:
    transport = Transport(EngineAddress(1, "http://127.0.0.1:9", "t0ken"))
    with pytest.raises(errors.EngineUnavailableError, match=r"Nothing answers at http://127\.0\.0\.1:9"):
        transport.post("x")


def test_a_proxy_of_the_environment_is_not_used_for_the_own_engine(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert transport.post("x") == {}


def test_the_authorization_header_is_a_new_dict_each_time(transport: Transport) -> None:
    header = transport.auth.auth_header()
    header["Content-Type"] = "application/json"
    assert transport.auth.auth_header() == {"Authorization": "Bearer t0ken"}
    assert transport.auth._bearer_token_str() == "Bearer t0ken"
    assert "t0ken" not in repr(transport.auth)


@pytest.fixture
def interrupted_once_asked(server: Server) -> Callable[[], None]:
    """Interrupt this process once the server has a request, which it answers only after that."""

    def handle(*_: object) -> None:
        server.may_answer.set()
        raise KeyboardInterrupt

    def interrupt() -> None:
        deadline = time.monotonic() + 30
        while not server.seen and time.monotonic() < deadline:
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def begin() -> None:
        signal.signal(signal.SIGINT, handle)
        server.may_answer.clear()
        threading.Thread(target=interrupt, daemon=True).start()

    return begin


@pytest.fixture(autouse=True)
def _usual_interrupts() -> Iterator[None]:
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_an_interrupt_before_the_answer_cancels_the_job_that_the_request_started(
    server: Server, transport: Transport, interrupted_once_asked: Callable[[], None]
) -> None:
    server.answer = (202, {"Jupyter-Edge-Job": "7"}, b"{}")
    interrupted_once_asked()
    with pytest.raises(KeyboardInterrupt):
        transport.start("pipelines/publish", {"pipeline_id": 1})
    assert [(path, json.loads(body)) for path, _, body in server.seen] == [
        ("/v1/api/pipelines/publish", {"pipeline_id": 1}),
        ("/v1/api/jobs/cancel", {"id": 7}),
    ]


def test_an_interrupt_of_a_request_that_starts_nothing_is_just_that(
    server: Server, transport: Transport, interrupted_once_asked: Callable[[], None]
) -> None:
    server.answer = (404, {}, b'{"msg": "There is no such pipeline."}')
    interrupted_once_asked()
    with pytest.raises(KeyboardInterrupt):
        transport.start("pipelines/publish", {"pipeline_id": 1})
    assert len(server.seen) == 1


def test_what_starts_a_job_answers_warns_and_fails_as_other_requests_do(server: Server, transport: Transport) -> None:
    server.answer = (202, {"Jupyter-Edge-Job": "7", "Jupyter-Edge-Warning": "Mind the gap"}, b'{"id": 3}')
    with pytest.warns(UserWarning, match="Mind the gap"):
        answer = transport.start("pipelines/deploy", {})
    assert (answer.value, answer.job_id) == ({"id": 3}, 7)
    server.answer = (409, {}, b'{"msg": "Because of this."}')
    with pytest.raises(errors.ConflictError, match="Because of this"):
        transport.start("pipelines/deploy", {})

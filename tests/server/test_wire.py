from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.web import HTTPError

from jupyter_edge.core.secret import Secret
from jupyter_edge.server.wire import Redactor, answer_headers, request_headers, target_of


@given(st.lists(st.sampled_from(["s", "se", "secret", "cret", "secre", "x", "sesecret"]), max_size=20))
def test_a_secret_is_replaced_wherever_a_stream_is_cut(chunks: list[str]) -> None:
    redactor = Redactor(Secret("secret"))
    shown = b"".join([redactor.feed(chunk.encode()) for chunk in chunks]) + redactor.end()
    assert shown.decode() == "".join(chunks).replace("secret", "******")


def test_no_more_is_held_back_than_could_become_the_secret() -> None:
    redactor = Redactor(Secret("secret"))
    assert redactor.feed(b"data: {}\n\n") == b"data: {}\n\n"
    assert redactor.feed(b"a sec") == b"a "
    assert redactor.feed(b"ond") == b"second"


def test_jupyters_own_arguments_and_headers_stay_with_jupyter() -> None:
    query = "token=t&dataset[]=a%20b&_xsrf=1&%74oken=t&no_track_activity=1&order=asc"
    assert target_of("v1/x", query) == "/v1/x?dataset[]=a%20b&order=asc"
    given = {"Authorization": "token t", "Cookie": "c", "X-XSRFToken": "x", "Origin": "o", "Referer": "r", "Host": "h"}
    kept = {"Content-Type": "a/b", "Accept": "c/d", "Range": "bytes=1-"}
    assert dict(request_headers({**given, **kept}.items())) == {**kept, "Accept-Encoding": "identity"}


def test_an_answers_headers_hold_nothing_of_the_connection_or_of_the_engines_login() -> None:
    given = {"Connection": "close", "Set-Cookie": "a=b", "WWW-Authenticate": "Bearer", "X-A": "1 t0ken", "ETag": "e"}
    assert answer_headers(given.items(), Secret("t0ken")) == [("X-A", "1 *****"), ("ETag", "e")]


@pytest.mark.parametrize(
    "path", ["v1/a/../b", "v1/%2e%2e/b", "v1/a%2fb", "v1/a//b", "v1/a/", "v1/a b", "v1/%c3", "x/v1/a"]
)
def test_paths_that_may_mean_something_else_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(HTTPError):
        target_of(path, "")


@pytest.mark.parametrize("path", ["v1/api/registry/get", "v1/api/registry/%67et"])
def test_what_answers_with_the_registrys_password_is_refused(path: str) -> None:
    with pytest.raises(HTTPError, match="jupyter-edge env"):
        target_of(path, "")

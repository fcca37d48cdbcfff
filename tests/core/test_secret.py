from __future__ import annotations

import pytest

from jupyter_edge.core.secret import Secret, bearer_token, hash_token, new_token


def test_a_secret_is_shown_nowhere_unless_asked() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "hunter2"


def test_a_secret_matches_only_itself() -> None:
    assert Secret("a").matches("a")
    assert not Secret("a").matches("ä")
    assert not Secret("").matches("")


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", ""), ("abc", ""), ("Bearer", ""), ("", "")],
)
def test_a_bearer_token_is_read_from_its_header_alone(header: str, token: str) -> None:
    assert bearer_token(header) == token


def test_tokens_differ_and_their_hashes_do_not_hold_them() -> None:
    token = new_token()
    assert token != new_token()
    assert token not in hash_token(token)

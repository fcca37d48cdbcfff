from __future__ import annotations

from jupyter_edge.core.secret import Secret, hash_token, new_token


def test_a_secret_is_shown_nowhere_unless_asked() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "hunter2"


def test_a_secret_matches_only_itself() -> None:
    assert Secret("a").matches("a")
    assert not Secret("a").matches("ä")


def test_tokens_differ_and_their_hashes_do_not_hold_them() -> None:
    token = new_token()
    assert token != new_token()
    assert token not in hash_token(token)

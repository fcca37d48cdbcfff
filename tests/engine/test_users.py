from __future__ import annotations

from tests.engine.process import EngineProcess


def test_the_owner_is_known_by_id_and_email(engine: EngineProcess) -> None:
    me = engine.post("users/me")
    assert me["email"].endswith("@localhost")
    everybody = engine.post("users/query")["users"]
    assert engine.post("users/query", user_ids=[me["id"]])["users"] == everybody
    user = everybody[me["id"]]
    assert user.keys() == {"id", "username", "email", "enabled", "createdTimestamp"}
    assert (user["id"], user["email"]) == (me["id"], me["email"])


def test_an_id_that_nobody_has_is_missing_in_the_answer(engine: EngineProcess) -> None:
    assert engine.post("users/query", user_ids=["nobody"]) == {"users": {}}
    assert engine.post("users/query", user_ids=[]) == {"users": {}}


def test_the_owner_stays_the_same_over_a_restart(own_engine: EngineProcess) -> None:
    own_engine.start()
    me = own_engine.post("users/me")
    own_engine.stop()
    own_engine.start()
    assert own_engine.post("users/me") == me

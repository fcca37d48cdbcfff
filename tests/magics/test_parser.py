from __future__ import annotations

import pytest

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.magics.parser import parse


def test_words_are_quoted_as_in_a_shell() -> None:
    verb, options = parse("upload ccfraud 'my models/a b.onnx' --fields a,b")
    assert (verb.name, options.file, options.fields) == ("upload", "my models/a b.onnx", ["a", "b"])


def test_verbs_of_two_words_are_found() -> None:
    verb, options = parse("edge add shop-7 fraud")
    assert (verb.name, options.name, options.pipeline) == ("edge add", "shop-7", "fraud")


def test_no_verb_is_a_call_for_help() -> None:
    assert parse("")[0].name == "help"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("deplyo x", r"There is no verb 'deplyo' \(did you mean deploy\?\): `%edge help` lists all."),
        ("edge ad x", r"There is no verb 'edge ad' \(did you mean edge add\?\)"),
        ("edge", r"There is no verb 'edge'"),
        ("deploy x --cpu 3", r"it takes no --cpu \(did you mean --cpus\?\): `%edge help deploy` explains it."),
        ("deploy x --rep 3", r"it takes no --rep \(did you mean --replicas\?\)"),
        ("deploy", "required: pipeline: `%edge help deploy`"),
        ("deploy x --cpus many", "invalid float value: 'many'"),
        ("upload a b --framework onx", "invalid choice: 'onx'"),
        ("deploy 'x", "close the quotes"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_nearest_right_word(line: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        parse(line)

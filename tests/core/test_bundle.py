from __future__ import annotations

import base64

import pytest

from jupyter_edge.core.bundle import EdgeBundle
from jupyter_edge.core.errors import InvalidInputError

BUNDLE = EdgeBundle("shop-7", "c2af6814-2db8", "127.0.0.1:8790", "127.0.0.1:8790/pipelines/p:v1", 21)


def test_a_bundle_is_sourceable_shell_text_with_its_keys_in_order_and_no_last_newline() -> None:
    text = base64.b64decode(BUNDLE.encode()).decode()
    assert text.split("\n") == [
        "export BUNDLE_VERSION=1",
        "export EDGE_NAME=shop-7",
        "export JOIN_TOKEN=c2af6814-2db8",
        "export OPSCENTER_HOST=127.0.0.1:8790",
        "export PIPELINE_URL=127.0.0.1:8790/pipelines/p:v1",
        "export WORKSPACE_ID=21",
    ]


def test_a_bundle_comes_back_as_it_was() -> None:
    assert EdgeBundle.decode(BUNDLE.encode()) == BUNDLE


def test_a_bundle_is_read_by_its_keys_whatever_their_order_and_company() -> None:
    lines = base64.b64decode(BUNDLE.encode()).decode().splitlines()[::-1]
    text = "\n".join([*lines, "export CONFIG_CPUS=4", ""])
    assert EdgeBundle.decode(base64.b64encode(text.encode()).decode()) == BUNDLE


@pytest.mark.parametrize("number", ["", "-1", "\u00b2", "9" * 5000])
def test_a_workspace_that_is_no_id_is_refused(number: str) -> None:
    text = base64.b64decode(BUNDLE.encode()).decode().replace("WORKSPACE_ID=21", f"WORKSPACE_ID={number}")
    with pytest.raises(InvalidInputError, match="WORKSPACE_ID"):
        EdgeBundle.decode(base64.b64encode(text.encode()).decode())


def test_a_bundle_never_shows_its_join_token() -> None:
    assert BUNDLE.join_token not in repr(BUNDLE)


@pytest.mark.parametrize("text", ["abcde", "äöü", base64.b64encode(b"export EDGE_NAME=x").decode()])
def test_what_is_no_bundle_is_refused_with_the_next_step_and_without_showing_it(text: str) -> None:
    with pytest.raises(InvalidInputError, match="copy EDGE_BUNDLE again") as caught:
        EdgeBundle.decode(text)
    assert text not in str(caught.value)

from __future__ import annotations

import pytest

from jupyter_edge.core.media_types import parse_media_type


@pytest.mark.parametrize(
    "text",
    [
        "application/json; format=pandas-records",
        "application/json;format=pandas-records",
        "Application/JSON; Format=pandas-records",
        'application/json; format="pandas-records"',
        "Content-Type: application/json; format=pandas-records",
    ],
)
def test_a_media_type_is_read_in_every_form_that_callers_send(text: str) -> None:
    assert parse_media_type(text) == ("application/json", {"format": "pandas-records"})

from __future__ import annotations

import pytest

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.media_types import ARROW_FILE, PANDAS_RECORDS, media_type_of_file, parse_media_type


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


def test_a_file_of_rows_is_known_by_the_end_of_its_name() -> None:
    assert (media_type_of_file("rows.df.JSON"), media_type_of_file("rows.arrow")) == (PANDAS_RECORDS, ARROW_FILE)
    with pytest.raises(InvalidInputError, match=r"rows\.csv cannot be inferred on: give an Arrow file"):
        media_type_of_file("rows.csv")

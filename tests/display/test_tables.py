from __future__ import annotations

from datetime import UTC, datetime

from jupyter_edge.display import Details, Link, Listing, list_time, table_time
from jupyter_edge.display.tables import Block

MOMENT = datetime(2023, 10, 11, 15, 6, 7, tzinfo=UTC)


class Thing(Details):
    def __init__(self, rows: dict[str, object]) -> None:
        self.rows = rows

    def details(self) -> dict[str, object]:
        return self.rows


def test_one_object_shows_as_a_table_of_two_columns() -> None:
    html = Thing({"name": "edge-pipeline", "deployed": "(none)"})._repr_html_()
    assert html == (
        "<table><tr><th>name</th> <td>edge-pipeline</td></tr><tr><th>deployed</th> <td>(none)</td></tr></table>"
    )


def test_many_objects_show_as_a_row_each() -> None:
    listing = Listing([1, 22], ["number", "twice"], lambda n: [n, 2 * n])
    assert listing._repr_html_() == (
        "<table><tr><th>number</th><th>twice</th></tr><tr><td>1</td><td>2</td></tr><tr><td>22</td><td>44</td></tr></table>"
    )
    assert repr(listing).splitlines() == ["number  twice", "1       2", "22      44"]
    assert listing == [1, 22]


def test_an_empty_list_still_names_its_columns() -> None:
    empty: Listing[int] = Listing([], ["number"], lambda n: [n])
    assert repr(empty) == "number"
    assert empty.to_pandas().columns.tolist() == ["number"]


def test_a_list_becomes_a_frame_with_plain_values() -> None:
    listing = Listing(["a/b"], ["url"], lambda text: [Link(text, f"https://{text}")])
    assert listing.to_pandas()["url"].tolist() == ["a/b"]


def test_text_is_escaped_in_headings_and_cells() -> None:
    html = Thing({"<b>": "<script>alert(1)</script>"})._repr_html_()
    assert "<script" not in html
    assert "<b>" not in html


def test_only_plain_web_addresses_become_links() -> None:
    safe = Thing({"url": Link("ghcr.io/a:1", "https://ghcr.io/a:1")})._repr_html_()
    assert "<a href='https://ghcr.io/a:1'>ghcr.io/a:1</a>" in safe
    for href in ("javascript:alert(1)", "https://a' onclick='alert(1)", "https://a/<b>", "data:text/html,x"):
        assert "<a" not in Thing({"url": Link("x", href)})._repr_html_()


def test_commands_keep_their_lines_and_begin_at_the_left() -> None:
    html = Thing({"command": Block("serve \\\n    --port <p>")})._repr_html_()
    assert "<td><pre style='text-align: left'>serve \\\n    --port &lt;p&gt;</pre></td>" in html


def test_the_text_form_lines_its_values_up() -> None:
    assert str(Thing({"a": 1, "long": "x\ny"})).splitlines() == ["a     1", "long  x", "      y"]


def test_moments_are_written_as_the_tutorials_show_them() -> None:
    assert table_time(MOMENT) == "2023-10-11 15:06:07.000000+00:00"
    assert list_time(MOMENT) == "2023-11-Oct 15:06:07"
    assert table_time(None) == list_time(None) == "None"

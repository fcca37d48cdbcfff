from __future__ import annotations

import numpy as np
import pytest
from flatbuffers import Builder

from jupyter_edge.core.arrow_columns import even_offsets, lists, numbers
from jupyter_edge.core.arrow_ipc import write
from jupyter_edge.core.flatbuffers import Table
from jupyter_edge.runtime.codecs import arrow_messages, arrow_reader

STRUCT = np.uint8(13)


def schema_of(name: str, shape: str, depth: int) -> Table:
    """Return a schema of one struct whose two fields are the same one, and so on, all of one name and metadata."""
    builder = Builder()

    def vector(*items: int) -> int:
        builder.StartVector(4, len(items), 4)
        for item in items:
            builder.PrependUOffsetTRelative(item)
        return int(builder.EndVector())

    def table(*slots: tuple[int, int]) -> int:
        builder.StartObject(7)
        for number, offset in slots:
            builder.PrependUOffsetTRelativeSlot(number, offset, 0)
        return int(builder.EndObject())

    pair = table((0, builder.CreateString("tensor_type")), (1, builder.CreateString(shape)))
    metadata, text, children = vector(pair), builder.CreateString(name), vector()
    for _ in range(depth):
        kind = table()
        builder.StartObject(7)
        builder.PrependUint8Slot(2, STRUCT, 0)
        for number, offset in ((0, text), (3, kind), (5, children), (6, metadata)):
            builder.PrependUOffsetTRelativeSlot(number, offset, 0)
        field = int(builder.EndObject())
        children = vector(field, field)
    builder.Finish(table((1, vector(field))))
    return Table.root(memoryview(bytes(builder.Output())))


@pytest.mark.parametrize(
    ("name", "shape", "depth"),
    [("n", "{}", 13), ("n" * 8000, "{}", 6), ("n", f'{{"shape": [{"1," * 4000}1]}}', 6)],
    ids=["fields", "names", "metadata"],
)
def test_a_schema_that_says_much_more_than_it_holds_is_refused(name: str, shape: str, depth: int) -> None:
    with pytest.raises(ValueError, match="^$"):
        arrow_messages.read_schema(schema_of(name, shape, depth))


def test_a_field_may_be_shared() -> None:
    (field,) = arrow_messages.read_schema(schema_of("n", '{"shape": [2]}', 2))
    assert field.children == (field.children[0],) * 2
    assert (field.children[0].name, field.children[0].shape) == ("n", (2,))


def test_columns_that_share_their_metadata_are_read() -> None:
    items = lists("", even_offsets(2, 12), numbers("item", np.zeros(24)))
    metadata = (("tensor_type", '{"shape": [3, 4]}'),)
    columns = [items._replace(field=items.field._replace(name=f"c{n}", metadata=metadata)) for n in range(100)]
    batch = arrow_reader.decode(b"".join(bytes(part) for part in write(2, columns, as_file=True)))
    assert batch.shapes == {f"c{n}": (3, 4) for n in range(100)}

"""The first rows of an Arrow file, as text for a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

_ROWS = 20
_NUMBERS = 6
_LETTERS = 120


def glance(path: Path) -> dict[str, Any]:
    """Return ``{rows, columns, head}``; what came out stands before what went in."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
        batches = [file.get_batch(number) for number in range(file.num_record_batches)]
        rows = sum(batch.num_rows for batch in batches)
        head = pa.Table.from_batches(batches, file.schema).slice(0, _ROWS)
        columns = sorted((name for name in head.column_names if name != "time"), key=_rank)
        cells = [[_text(value) for value in head[name]] for name in columns]
    return {"rows": rows, "columns": columns, "head": [list(row) for row in zip(*cells, strict=True)]}


def _rank(name: str) -> int:
    return 0 if name.startswith("out") else 2 if name.startswith("in") else 1


def _text(value: pa.Scalar[Any]) -> str:
    if isinstance(value, pa.ListScalar | pa.LargeListScalar | pa.FixedSizeListScalar) and value.is_valid:
        items = value.values
        shown = [_text(item) for item in items.slice(0, _NUMBERS)]
        more = [f"… ({len(items)})"] if len(items) > _NUMBERS else []
        return f"[{', '.join([*shown, *more])}]"
    plain = value.as_py()
    text = f"{plain:.6g}" if isinstance(plain, float) else "" if plain is None else str(plain)
    return text if len(text) <= _LETTERS else f"{text[:_LETTERS]}…"

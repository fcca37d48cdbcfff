"""Records as Arrow: what is written to a spool, shipped to the engine, and read back there.

One payload is one Arrow IPC stream of one batch. Its columns are flat: ``time`` (milliseconds since the epoch),
``in.<column>``, ``out.<output>``, ``check_failures``, ``metadata.last_model``, ``metadata.pipeline_version``,
``metadata.elapsed``, ``metadata.dropped``. What all rows of a request share is run-end encoded, so that it takes no
bytes for each row. Who wrote the rows is not among them: the reader knows it better.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from jupyter_edge.core import arrow_columns as arrow
from jupyter_edge.core.arrow_ipc import write
from jupyter_edge.core.records import InferenceRecord
from jupyter_edge.logs import mixed_columns
from jupyter_edge.logs.mixed_columns import SCALAR_BYTES, Array, Values

MAX_PAYLOAD = 4 << 20
"""Bytes of values from which on rows go to the next payload; a single row may still be larger."""

_SMALL_PIECE = 2048  # of a column of so few bytes, to copy it is less work than to keep it apart

_log = logging.getLogger(__name__)

Schema = list[Any]


def encode(records: Iterable[InferenceRecord]) -> Iterator[tuple[int, bytes]]:
    """Yield rows and payload for each run of records that have the same schema, in order."""
    runs = Runs()
    for record in records:
        runs.append(record)
    return ((rows, b"".join(parts)) for rows, parts in runs.encode() if parts is not None)


class Runs:
    """Records in their order, those that follow each other as one run where they have the same schema.

    Args:
        limit: about how many bytes a run may have; larger records are cut by rows.
    """

    def __init__(self, limit: int = MAX_PAYLOAD) -> None:
        self.size = 0
        self._limit = limit
        self._items: list[_Run | InferenceRecord] = []

    @property
    def rows(self) -> int:
        """Return how many rows there are."""
        return sum(item.rows for item in self._items)

    def append(self, record: InferenceRecord, most: float = math.inf) -> bool:
        """Add a record; return whether there was room for it in ``most`` bytes.

        Raises:
            ValueError: if a column has another number of rows.
        """
        size, schema, columns = _survey(record)
        if self.size + size > most:
            return False
        self.size += size
        if size > self._limit and record.rows > 1:
            for piece in _split(record, max(1, record.rows * self._limit // size)):
                self._add(piece, *_survey(piece))
        else:
            self._add(record, size, schema, columns)
        return True

    def _add(self, record: InferenceRecord, size: int, schema: Schema, columns: list[Any]) -> None:
        run = self._items[-1] if self._items else None
        if not (isinstance(run, _Run) and run.schema == schema and run.size + size <= self._limit):
            if not all(map(_is_plain, schema[1:])):
                self._items.append(record)  # to convert it is not for the request path
                return
            run = _Run(schema)
            self._items.append(run)
        run.rows += record.rows
        run.size += size
        run.records.append((record.time, record.rows, record.elapsed, record.check_failures, *columns))

    def encode(self) -> Iterator[tuple[int, list[Any] | None]]:
        """Yield rows and the parts of a payload for each run; ``None`` for the parts of what no payload can hold."""
        runs = Runs(self._limit)
        for item in self._items:
            if isinstance(item, _Run):
                runs._items.append(item)
                continue
            try:
                converted = _converted(item)
                _, schema, columns = _survey(converted)
                runs._add(converted, _survey(item)[0], schema, columns)
            except Exception:  # noqa: BLE001 (whatever it holds, the records beside it are not lost)
                _log.warning("A record cannot be encoded for the inference log", exc_info=True)
                yield item.rows, None
        for item in runs._items:
            if isinstance(item, _Run):
                yield item.rows, item.encode()


class _Run:
    """Records of one schema: of each its time, rows, elapsed times, failed checks, and columns."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.rows = self.size = 0
        self.records: list[tuple[Any, ...]] = []

    def encode(self) -> list[Any] | None:
        """Return the parts of a payload, of which large arrays stay where they are; ``None`` if there can be none."""
        try:
            return self._parts()
        except Exception:  # noqa: BLE001 (a name may be no text, or the memory be full)
            _log.warning("Records cannot be encoded for the inference log", exc_info=True)
            return None

    def _parts(self) -> list[Any]:
        (inputs, last_model, version, dropped, steps, failed), *forms = self.schema
        times, counts, elapsed, failures, *columns = zip(*self.records, strict=True)
        names = [f"{'in' if number < inputs else 'out'}.{name}" for number, (name, *_) in enumerate(forms)]
        nanoseconds = np.fromiter(chain.from_iterable(elapsed), np.uint64)
        elapsed_lists = arrow.lists("", arrow.even_offsets(len(times), steps), arrow.numbers("item", nanoseconds))
        rows, once = self.rows, [self.rows]
        written = [
            arrow.runs("time", counts, arrow.numbers("", np.array(times, np.int64))),
            *(_joined(*column, rows) for column in zip(names, forms, columns, strict=True)),
            _lists_of_texts("check_failures", [*chain.from_iterable(failures)])
            if failed
            else arrow.runs("check_failures", once, _lists_of_texts("", [[]])),
            arrow.runs("metadata.last_model", once, arrow.texts("", [last_model])),
            arrow.runs("metadata.pipeline_version", once, arrow.texts("", [version])),
            arrow.runs("metadata.elapsed", counts, elapsed_lists),
            arrow.runs("metadata.dropped", once, _lists_of_texts("", [dropped])),
        ]
        return write(rows, written, as_file=False)


def _survey(record: InferenceRecord) -> tuple[int, Schema, list[Any]]:
    """Return about how many bytes a record's values take, its schema, and the columns, the bytes of small ones.

    What records have in common that are encoded as one is their schema: metadata first, then the form of each column.
    Bytes, so that nothing else is left of a small record: its objects are used again while they are at hand.

    Raises:
        ValueError: if a column has another number of rows.
    """
    inputs, rows = record.inputs, record.rows
    failed = any(record.check_failures)
    schema: Schema = [
        (len(inputs), record.last_model, record.pipeline_version, record.dropped, len(record.elapsed), failed)
    ]
    pieces: list[Any] = []
    size = rows * SCALAR_BYTES
    for columns in (inputs, record.outputs):
        for name, column in columns.items():
            if len(column) != rows:
                msg = f"Column {name!r} has {len(column)} rows, and the record {rows}."
                raise ValueError(msg)
            if isinstance(column, np.ndarray):
                schema.append((name, column.dtype, column.shape[1:]))
                column_size = column.nbytes
                pieces.append(column.tobytes() if column_size < _SMALL_PIECE else column)
            else:
                schema.append((name, *column.form()) if isinstance(column, Values) else (name, None, None))
                pieces.append(column)
                column_size = mixed_columns.size_of(column)
            size += column_size
    return size, schema, pieces


def _is_plain(form: tuple[str, Any, Any]) -> bool:
    """Tell whether a column of this form is written as it is."""
    _, dtype, _ = form
    return dtype is str or (dtype is not None and dtype.kind in "fiub" and dtype.isnative)


def _converted(record: InferenceRecord) -> InferenceRecord:
    inputs: dict[str, Any] = {name: mixed_columns.converted(column) for name, column in record.inputs.items()}
    outputs: dict[str, Any] = {name: mixed_columns.converted(column) for name, column in record.outputs.items()}
    return replace(record, inputs=inputs, outputs=outputs)


def _split(record: InferenceRecord, rows: int) -> Iterator[InferenceRecord]:
    for start in range(0, record.rows, rows):
        yield _cut(record, start, min(start + rows, record.rows))


def _cut(record: InferenceRecord, start: int, stop: int) -> InferenceRecord:
    return replace(
        record,
        rows=stop - start,
        inputs={name: column[start:stop] for name, column in record.inputs.items()},
        outputs={name: column[start:stop] for name, column in record.outputs.items()},
        check_failures=record.check_failures[start:stop],
    )


def _joined(name: str, form: tuple[str, Any, Any], pieces: Sequence[Any], rows: int) -> arrow.Column:
    """Return a column of all pieces: arrays, or what was copied of arrays, or ``Values``."""
    _, dtype, shape = form
    if isinstance(pieces[0], Values):
        return _joined_values(name, pieces)
    if set(map(type, pieces)) == {bytes}:
        pieces = [b"".join(pieces)]
    arrays = [np.frombuffer(piece, dtype) if type(piece) is bytes else piece for piece in pieces]
    if not shape:
        return _numbers(name, arrays)
    return arrow.lists(name, arrow.even_offsets(rows, math.prod(shape)), _numbers("item", arrays))


def _joined_values(name: str, parts: Sequence[Values]) -> arrow.Column:
    lengths = [part.lengths for part in parts if part.lengths is not None]
    item = "item" if lengths else name
    arrays = [part.flat for part in parts if isinstance(part.flat, np.ndarray)]
    flat = _numbers(item, arrays) if arrays else arrow.texts(item, list(chain.from_iterable(p.flat for p in parts)))
    return arrow.lists(name, arrow.offsets(chain.from_iterable(lengths)), flat) if lengths else flat


def _numbers(name: str, pieces: Sequence[Array]) -> arrow.Column:
    if pieces[0].dtype.char == "e":  # half precision
        pieces = [piece.astype(np.float32) for piece in pieces]
    return arrow.numbers(name, *pieces)


def _lists_of_texts(name: str, values: Sequence[Sequence[str]]) -> arrow.Column:
    return arrow.lists(name, arrow.offsets(map(len, values)), arrow.texts("item", list(chain.from_iterable(values))))

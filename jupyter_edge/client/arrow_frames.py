"""Frames as Arrow tables and back, such that the frame at the end is the one that JSON would have brought."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd
import pyarrow as pa

Array: TypeAlias = npt.NDArray[Any]

_NUMBERS = "biuf"
_BEYOND_INT64 = np.float64(2**63)


def table_of(columns: Mapping[Any, Any]) -> pa.Table | None:
    """Return columns, each a Series or the values of its rows, as an Arrow table; ``None`` where only JSON can say it.

    Tensors are flat lists of one length, with the shape of a row's value as the field's metadata.
    """
    if not all(type(name) in (str, int) for name in columns):
        return None
    try:
        made = {str(name): _column(values) for name, values in columns.items()}
    except (ValueError, TypeError, OverflowError, pa.ArrowException):
        return None
    fields = [pa.field(name, array.type, metadata=metadata) for name, (array, metadata) in made.items()]
    return pa.Table.from_arrays([array for array, _ in made.values()], schema=pa.schema(fields))


def table_bytes(table: pa.Table) -> bytes:
    """Return a table as an Arrow IPC file."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def frame_of(table: pa.Table) -> pd.DataFrame:
    """Return an answer as the frame that its JSON would make: lists and numbers of Python, NaN in lists as ``None``."""
    return pd.DataFrame({field.name: _cells(table[field.name].combine_chunks(), field) for field in table.schema})


def _column(values: Any) -> tuple[pa.Array, dict[str, str] | None]:
    """Return an array, and the field's metadata.

    Raises:
        ValueError, TypeError, OverflowError, pyarrow.ArrowException: for what Arrow cannot say as JSON does.
    """
    if isinstance(values, pd.Series):
        return _column_of_series(values)
    array = _numbers(values)
    if array is None:
        return _texts(values), None
    if array.dtype == np.float16:  # whose JSON is that of a float32
        array = array.astype(np.float32)
    if array.ndim == 1:
        return pa.array(array), None
    shape = array.shape[1:]
    flat = pa.FixedSizeListArray.from_arrays(pa.array(array.ravel()), prod(shape))
    return flat, {"tensor_type": json.dumps({"shape": shape})}


def _column_of_series(series: pd.Series[Any]) -> tuple[pa.Array, dict[str, str] | None]:
    plain = isinstance(series.dtype, np.dtype) and series.dtype.kind in _NUMBERS
    array, metadata = _column(series.to_numpy() if plain else [plain_value(cell) for cell in series])
    # A number of a frame is a float of Python, with all its digits, once it is part of a record.
    return (array.cast(pa.float64()) if array.type == pa.float32() else array), metadata


def plain_value(value: Any) -> Any:
    """Return what JSON knows for a cell that it does not: Python's numbers, a time as text, ``None`` for nothing."""
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        return value.item()
    return value.isoformat() if isinstance(value, pd.Timestamp) else value


def _numbers(values: Any) -> Array | None:
    """Return the values of all rows as one array, a null among numbers as NaN; ``None`` where some are no numbers.

    Raises:
        ValueError: where the array would hold other numbers than JSON.
    """
    if isinstance(values, np.ndarray):
        return values if values.dtype.kind in _NUMBERS else None
    if len({getattr(value, "dtype", None) for value in values}) > 1:
        msg = "a float32 would have other digits as a float64"
        raise ValueError(msg)
    try:
        array = np.array(values)
    except ValueError:  # lists of several lengths: of texts, if of anything that Arrow has
        return None
    if array.dtype.kind == "O" and all(type(value) in (float, int, type(None)) for value in array.flat):
        array = array.astype(float)
    if array.dtype.kind == "f" and ((array >= _BEYOND_INT64) & np.isfinite(array)).any():
        msg = "whole numbers may be among these that no float64 holds"
        raise ValueError(msg)
    return array if array.dtype.kind in _NUMBERS else None


def _texts(values: Any) -> pa.Array:
    array = pa.array(values, from_pandas=True)
    leaf = array.type
    while pa.types.is_list(leaf):
        leaf = leaf.value_type
    if leaf != pa.string():
        msg = "neither numbers of one shape nor texts"
        raise ValueError(msg)
    return array


def _cells(array: pa.Array, field: pa.Field) -> list[Any]:
    if isinstance(array.type, pa.JsonType):
        return [None if text is None else orjson.loads(text) for text in array.storage.to_pylist()]
    shape = json.loads((field.metadata or {}).get(b"tensor_type", b"{}")).get("shape")
    if shape and not array.null_count:
        return _as_json_reads(_flat(array).reshape(len(array), *shape))
    return _values(array)


def _values(array: pa.Array) -> list[Any]:
    """Return an array's values, lists of any nesting among them."""
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        inner, offsets = _values(array.values), array.offsets.to_pylist()
        lists: list[Any] = [inner[start:stop] for start, stop in itertools.pairwise(offsets)]
        if array.null_count:
            return [value if there else None for value, there in zip(lists, array.is_valid().to_pylist(), strict=True)]
        return lists
    if array.null_count or not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
        return list(array.to_pylist())
    return _as_json_reads(array.to_numpy())


def _as_json_reads(numbers: Array) -> list[Any]:
    """Return numbers as they are once they were JSON: a float32 by its shortest digits, NaN as ``None``."""
    if numbers.dtype == np.float16:
        numbers, places = np.unique(numbers, return_inverse=True)
        numbers = np.array([float(str(number)) for number in numbers])[places]
    if numbers.dtype.kind != "f" or (numbers.dtype == np.float64 and np.isfinite(numbers).all()):
        return list(numbers.tolist())
    return list(orjson.loads(orjson.dumps(np.ascontiguousarray(numbers), option=orjson.OPT_SERIALIZE_NUMPY)))


def _flat(array: pa.Array) -> Array:
    numbers: Array = array.flatten().to_numpy(zero_copy_only=False)
    return numbers

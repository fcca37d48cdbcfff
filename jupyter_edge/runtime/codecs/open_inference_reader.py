"""Read requests of the Open Inference Protocol 2 ("Inference Request JSON Object" of its HTTP/REST part).

Values may follow the JSON as bytes instead, as the extension "binary_tensor_data" describes.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np
import simdjson

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.records import Column
from jupyter_edge.runtime.batch import Batch
from jupyter_edge.runtime.codecs.json_values import parse, plain, view

LENGTH_HEADER = "Inference-Header-Content-Length"
DATATYPES = {
    "bool": "BOOL",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "str": "BYTES",
    **{f"{kind}{bits}": f"{kind.upper()}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
}
"""The protocol's names of numpy's types."""

_DTYPES = {name: np.dtype("O" if name == "BYTES" else dtype).newbyteorder("<") for dtype, name in DATATYPES.items()}
_BUFFERS: dict[str, tuple[Literal["i", "u", "d"], str]] = {"i": ("i", "i8"), "u": ("u", "u8"), "f": ("d", "f8")}
_MAX_DIMENSIONS = 32
_MAX_EMPTY_ROWS = 1 << 16  # rows that hold no values cost memory all the same
_NOT_OFFERED = ("classification", "shared_memory_region")

Array = np.ndarray[Any, Any]
Fields = dict[str, Any]


class TensorRequest(NamedTuple):
    """An inference request.

    ``outputs`` tells of each output that is wanted whether as bytes; ``None`` wants all, as ``binary`` says.
    """

    batch: Batch
    id: str | None
    outputs: dict[str, bool] | None
    binary: bool


def decode(headers: dict[str, str], body: bytes | bytearray) -> TensorRequest:
    """Read a request; nulls among floats become NaN.

    Raises:
        InvalidInputError: if it is no such request, naming the input that is not what it says.
    """
    whole = memoryview(body)
    length = headers.get(LENGTH_HEADER.lower(), str(len(whole)))
    if not (length.isascii() and length.isdigit() and len(length) < 20 and int(length) <= len(whole)):
        msg = f"{LENGTH_HEADER} is {length[:40]!r}, which is no length within the body of {len(whole)} bytes."
        raise InvalidInputError(msg)
    head, rest = whole[: int(length)], whole[int(length) :]
    try:
        return _request(view(head), rest)
    except (ValueError, TypeError, RuntimeError):
        pass  # what the fast way refuses (a literal NaN, half of a surrogate pair) the other reads, or explains
    try:
        document = parse(head)
    except (ValueError, RecursionError) as error:
        msg = f"The request is not JSON ({error}): send an object with the list of inputs."
        raise InvalidInputError(msg) from None
    return _request(document, rest)


def _request(document: Any, rest: memoryview) -> TensorRequest:
    if not isinstance(document, dict | simdjson.Object):
        msg = 'The request is no JSON object: send {"inputs": [{"name", "shape", "datatype", "data"}]}.'
        raise InvalidInputError(msg)
    fields = _fields(document)
    batch = _batch(_objects(fields.pop("inputs", None), "inputs"), rest)
    wanted = {key: plain(fields.get(key)) for key in ("id", "parameters", "outputs")}
    binary = _parameters(wanted).get("binary_data_output") is True
    identity = None if wanted["id"] is None else _text(wanted["id"], "The request's id")
    return TensorRequest(batch, identity, _wanted_outputs(wanted["outputs"], binary=binary), binary)


def _batch(tensors: Iterator[Fields], rest: memoryview) -> Batch:
    chunks = _Chunks(rest)
    columns: dict[str, Column] = {}
    for tensor in tensors:
        reader = _TensorReader(tensor)
        if reader.name in columns:
            msg = f"Input {reader.name!r} is there twice: name each one differently."
            raise InvalidInputError(msg)
        columns[reader.name] = reader.read(chunks)
    if len({len(column) for column in columns.values()}) != 1:
        sizes = ", ".join(f"{name} has {len(column)}" for name, column in columns.items()) or "there is none"
        msg = f"All inputs need the same number of rows, which is their first dimension: {sizes}."
        raise InvalidInputError(msg)
    if chunks.left:
        msg = f"{chunks.left} bytes at the body's end belong to no input: give their size as its binary_data_size."
        raise InvalidInputError(msg)
    return Batch(len(next(iter(columns.values()))), columns)


def _wanted_outputs(value: Any, *, binary: bool) -> dict[str, bool] | None:
    wanted = {}
    for output in _objects(value or [], "outputs"):
        name, parameters = _text(output.get("name"), "The name of an output"), _parameters(output)
        for key in _NOT_OFFERED:
            if parameters.get(key):
                msg = f"Output {name!r} is wanted with {key}, which is not offered here: ask for its values."
                raise InvalidInputError(msg)
        wanted[name] = parameters.get("binary_data", binary) is True
    return wanted or None


def _objects(value: Any, what: str) -> Iterator[Fields]:
    if isinstance(value, list | simdjson.Array):
        items: list[Any] = list(value)
        if all(isinstance(item, dict | simdjson.Object) for item in items):
            return map(_fields, items)
    msg = f"The request's {what} are no list of objects: describe each one by an object in a list."
    raise InvalidInputError(msg)


def _fields(item: dict[str, Any] | simdjson.Object) -> Fields:
    return {name: item[name] for name in item}


def _parameters(fields: Fields) -> Fields:
    parameters = plain(fields.get("parameters"))
    return parameters if isinstance(parameters, dict) else {}


def _text(value: Any, what: str) -> str:
    try:
        if isinstance(value, str) and value.encode() is not None:
            return value
    except UnicodeEncodeError:
        pass  # half of a surrogate pair, which no answer could repeat
    msg = f"{what} is no text."
    raise InvalidInputError(msg)


class _Chunks:
    """The bytes behind the JSON, taken in order."""

    def __init__(self, data: memoryview) -> None:
        self._data = data

    @property
    def left(self) -> int:
        return len(self._data)

    def take(self, size: int) -> memoryview:
        taken, self._data = self._data[:size], self._data[size:]
        return taken


class _TensorReader:
    """Reads one input into a column."""

    def __init__(self, tensor: Fields) -> None:
        self.name = _text(tensor.get("name"), "The name of an input")
        self._data = tensor.get("data")
        self._parameters = _parameters(tensor)
        self._datatype = plain(tensor.get("datatype"))
        shape = plain(tensor.get("shape"))
        if not (isinstance(shape, list) and shape and all(type(size) is int and size >= 0 for size in shape)):
            self._refuse("needs a shape: a list of sizes, of which the first is the number of rows")
        self._shape: list[int] = shape
        self._count = math.prod(shape)
        if shape[0] > max(self._count, _MAX_EMPTY_ROWS) or len(shape) > _MAX_DIMENSIONS:
            self._refuse(f"has a shape of {len(shape)} dimensions and {shape[0]} rows, which is too large")
        if not isinstance(self._datatype, str) or self._datatype not in _DTYPES:
            self._refuse(f"has a datatype that is not offered here: send one of {', '.join(_DTYPES)}")
        self._dtype = _DTYPES[self._datatype]

    def read(self, chunks: _Chunks) -> Column:
        """Return ``[rows, ...]``; text as lists."""
        size = self._parameters.get("binary_data_size")
        flat = self._from_json() if size is None else self._from_bytes(size, chunks)
        if len(flat) != self._count:
            self._refuse(f"holds {len(flat)} values, and its shape {self._shape} needs {self._count}")
        shaped = flat.reshape(self._shape)
        return shaped.tolist() if self._dtype.kind == "O" else shaped

    def _from_bytes(self, size: Any, chunks: _Chunks) -> Array:
        if type(size) is not int or not 0 <= size <= chunks.left:
            self._refuse(f"has a binary_data_size that does not fit into the {chunks.left} bytes that are left")
        data = chunks.take(size)
        if self._dtype.kind == "O":
            return np.array([*self._texts(data), None], self._dtype)[:-1]
        if size != self._count * self._dtype.itemsize:
            self._refuse(
                f"is {size} bytes long, and its shape {self._shape} needs {self._count * self._dtype.itemsize}"
            )
        if self._dtype.kind == "b" and np.frombuffer(data, np.uint8).max(initial=0) > 1:
            self._refuse("holds bytes other than 0 and 1")
        values = np.frombuffer(data, self._dtype)
        return values if values.flags.aligned else values.copy()

    def _texts(self, data: memoryview) -> Iterator[str]:
        position = 0
        while position < len(data):
            try:
                start = position + 4
                position = start + int(struct.unpack_from("<I", data, position)[0])
                text = str(data[start:position], "utf-8")
            except (struct.error, UnicodeDecodeError):
                position = len(data) + 1
            if position > len(data):
                self._refuse("is no sequence of lengths and texts in UTF-8")
            yield text

    def _from_json(self) -> Array:
        if not isinstance(self._data, list | simdjson.Array):
            self._refuse("needs its values as data, or their size as binary_data_size")
        fast = _BUFFERS.get(self._dtype.kind)
        if fast and isinstance(self._data, simdjson.Array):
            try:
                return self._cast(np.frombuffer(self._data.as_buffer(of_type=fast[0]), fast[1]))
            except (TypeError, ValueError):
                pass  # not only numbers of that kind
        values = plain(self._data)
        for _ in range(_MAX_DIMENSIONS):
            if not any(isinstance(value, list) for value in values):
                break
            values = list(itertools.chain.from_iterable(v if isinstance(v, list) else [v] for v in values))
        return self._from_values(values)

    def _from_values(self, values: list[Any]) -> Array:
        if self._dtype.kind == "O":
            texts = [_text(value, f"A value of input {self.name!r}") for value in values]
            return np.array([*texts, None], self._dtype)[:-1]
        if self._dtype.kind == "f":
            values = [math.nan if value is None else value for value in values]
        kinds = (bool,) if self._dtype.kind == "b" else (int, float)
        for value in values:
            if type(value) not in kinds:
                self._refuse(f"holds {'null' if value is None else repr(value)[:40]}")
        if self._dtype.kind in "iu":  # else they are rounded beside whole numbers that no float can hold
            values = [int(value) if type(value) is float and value.is_integer() else value for value in values]
        whole = bool(values) and all(type(value) is int for value in values)
        try:
            return self._cast(np.array(values, _BUFFERS[self._dtype.kind][1] if whole else None))
        except OverflowError:
            self._refuse("holds numbers that no datatype can hold")

    def _cast(self, values: Array) -> Array:
        try:
            with np.errstate(all="ignore", over="raise"):
                cast = values.astype(self._dtype)
        except FloatingPointError:
            self._refuse(f"holds values between {np.nanmin(values)} and {np.nanmax(values)} that it cannot hold")
        if self._dtype.kind != "f" and not np.array_equal(cast, values):
            self._refuse(f"holds values between {values.min()} and {values.max()} that it cannot hold exactly")
        return cast

    def _refuse(self, what: str) -> NoReturn:
        kind = self._datatype if isinstance(self._datatype, str) else "without datatype"
        msg = f"Input {self.name!r} ({kind[:40]}) {what}."
        raise InvalidInputError(msg)

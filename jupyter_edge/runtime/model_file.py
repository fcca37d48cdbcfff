"""What has to be known of an ONNX file before ONNX Runtime may open it: that it reaches for no other file."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from jupyter_edge.core.errors import InvalidInputError

Buffer = bytes | mmap.mmap

# The ways from a ModelProto to its TensorProtos, by the field numbers of onnx.proto.
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_EXTERNAL_DATA = 13  # of TensorProto
_EXTERNAL_KEY = b"location"  # without this entry, external_data names no file
_GRAPH = 7  # of ModelProto
_TO_OPERATOR = ((7, 1, 4), (25, 7, 4))  # graph or function of a model, node, op_type
_MAX_DEPTH = 100


def check_model_file(path: Path) -> None:
    """Refuse a file that is no whole ONNX model, or whose weights are in other files.

    A model travels as one file, so that other files are never its own: they could be any file of this machine.

    Raises:
        InvalidInputError: saying which.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            graphs = [1 for number, start, _ in _fields(content, 0, len(content)) if number == _GRAPH and start]
            external = graphs and _has_external_data(content, "model", 0, len(content), _MAX_DEPTH)
    except ValueError:
        graphs, external = [], False
    if not graphs:
        msg = f"{path.name} is not an ONNX model, or only a part of one: export it again and send the whole file."
        raise InvalidInputError(msg)
    if external:
        msg = (
            f"{path.name} keeps its weights in other files, which do not travel with it: save it as one file, "
            "with onnx.save(onnx.load(path), path, save_as_external_data=False)."
        )
        raise InvalidInputError(msg)


def operators_of(path: Path) -> set[str]:
    """Return the names of the operators that a model uses, but for those within branches and loops.

    Raises:
        ValueError: if the file is no model.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {name.decode() for way in _TO_OPERATOR for name in _values(content, 0, len(content), way)}


def _values(content: mmap.mmap, start: int, end: int, way: tuple[int, ...]) -> Iterator[bytes]:
    if not way:
        yield content[start:end]
        return
    for number, begin, length in _fields(content, start, end):
        if number == way[0] and begin:
            yield from _values(content, begin, begin + length, way[1:])


def _has_external_data(content: Buffer, kind: str, start: int, end: int, depth: int) -> bool:
    if not depth:
        raise ValueError
    children = _CHILDREN.get(kind, {})
    for number, begin, length in _fields(content, start, end):
        if kind == "tensor" and number == _EXTERNAL_DATA:
            return True
        child = children.get(number)
        if child == "attribute" and content.find(_EXTERNAL_KEY, begin, begin + length) < 0:
            continue  # a tree ensemble has a field here for each of its numbers: milliseconds for 100 KB
        if child and begin and _has_external_data(content, child, begin, begin + length, depth - 1):
            return True
    return False


def _fields(content: Buffer, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and length of each field of a protobuf message; start is 0 where it holds a plain number.

    Raises:
        ValueError: if the bytes are no protobuf message, or end within one.
    """
    while position < end:
        tag, position = _varint(content, position, end)
        wire, start, length = tag & 7, 0, 0
        if wire == 0:
            _, position = _varint(content, position, end)
        elif wire == 2:
            length, start = _varint(content, position, end)
            position = start + length
        elif wire in (1, 5):
            position += 8 if wire == 1 else 4
        else:
            raise ValueError
        if position > end or not tag >> 3:
            raise ValueError
        yield tag >> 3, start, length


def _varint(content: Buffer, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while position < end and shift < 64:
        byte = content[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
    raise ValueError

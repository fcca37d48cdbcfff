"""One step of a pipeline: an ONNX Runtime session, fed with columns."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np

from jupyter_edge.core.errors import InferenceError, InvalidInputError
from jupyter_edge.core.framework import Acceleration
from jupyter_edge.core.pipeline import ModelSpec
from jupyter_edge.core.records import Column
from jupyter_edge.core.schema import ModelSchema, TensorSpec
from jupyter_edge.core.telemetry import import_onnxruntime
from jupyter_edge.runtime.batch import Batch
from jupyter_edge.runtime.model_file import check_model_file, operators_of
from jupyter_edge.runtime.providers import providers_for, require_started
from jupyter_edge.runtime.tensors import Array, ColumnReader

_MAX_NAMES_SIZE = 1 << 20
_FINDING = {"Compress", "If", "Loop", "NonMaxSuppression", "NonZero", "Scan", "Unique"}
"""Operators whose values, or what is within them, decide how many there are."""
_SMALL_MODEL = 4 << 20
_VECTORS = 2  # dimensions of a batch of them
_DTYPES = {
    f"tensor({onnx})": numpy
    for onnx, numpy in {
        "float": "float32",
        "double": "float64",
        "string": "str",
        **{name: name for name in ("float16", "bool", "int8", "int16", "int32", "int64")},
        **{name: name for name in ("uint8", "uint16", "uint32", "uint64")},
    }.items()
}


def open_session(
    path: Path, threads: int, *, optimize: bool = True, acceleration: Acceleration = Acceleration.NONE
) -> Any:
    """Open an ONNX file with ONNX Runtime, with as many threads as it may use and none of them spinning.

    Raises:
        InvalidInputError: if it is no model, reaches for other files, or holds what ONNX Runtime does not know; or if
            the accelerator is not there.
    """
    check_model_file(path)
    onnxruntime = import_onnxruntime()
    providers = providers_for(acceleration, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime's errors have no other common base
        msg = f"ONNX Runtime cannot load {path.name}: {first_line(error)}"
        raise InvalidInputError(msg) from error
    require_started(acceleration, session)
    return session


def _open_for_requests(path: Path, threads: int, acceleration: Acceleration) -> Any:
    """Open a model with the threads that one run of it may use: just one where a row is little work.

    Requests have threads of their own: two runs side by side cost less than one that is cut in two.
    """
    if path.stat().st_size < _SMALL_MODEL:
        session = open_session(path, 1, acceleration=acceleration)
        if threads == 1 or all(len(node.shape) <= _VECTORS for node in session.get_inputs()):
            return session
    return open_session(path, threads, acceleration=acceleration)


def schema_of(session: Any) -> ModelSchema:
    """Return the inputs and outputs of a session's model.

    Raises:
        InvalidInputError: for one that is no tensor, or of an element type without a numpy type.
    """
    return ModelSchema(
        tuple(_spec("input", node) for node in session.get_inputs()),
        tuple(_spec("output", node) for node in session.get_outputs()),
        _class_names(session.get_modelmeta().custom_metadata_map.get("names", "")),
    )


def _class_names(text: str) -> tuple[str, ...] | None:
    """Read ``{0: 'cat', 1: 'dog'}`` or ``['cat', 'dog']``, as exports of Ultralytics write it into the metadata."""
    try:
        value = ast.literal_eval(text[:_MAX_NAMES_SIZE])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if isinstance(value, dict):
        value = [value.get(number) for number in range(len(value))]
    if not isinstance(value, list | tuple) or not value or not all(isinstance(name, str) for name in value):
        return None
    return tuple(value)


def _spec(kind: str, node: Any) -> TensorSpec:
    if node.type not in _DTYPES:
        advice = "export a classifier with zipmap off" if node.type.startswith("seq") else "cast it within the model"
        msg = f"The model's {kind} {node.name!r} is a {node.type}, which no request can carry: {advice}."
        raise InvalidInputError(msg)
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return TensorSpec(node.name, _DTYPES[node.type], shape)


def first_line(error: BaseException) -> str:
    """Return what an ONNX Runtime error says, without its codes and further lines."""
    return str(error).partition("\n")[0].rpartition(" : ")[2].strip()[:300]


class Step:
    """A model ready to run; safe to use from several threads."""

    def __init__(
        self, model: ModelSpec, path: Path, threads: int, acceleration: Acceleration = Acceleration.NONE
    ) -> None:
        self.model = model
        self._session = _open_for_requests(path, threads, acceleration)
        self.schema = schema_of(self._session)
        self._input_names = [spec.name for spec in self.schema.inputs]
        self._output_names = [spec.name for spec in self.schema.outputs]
        self.fields = model.tensor_fields or tuple(self._input_names)
        if len(self.fields) != len(self.schema.inputs):
            names = ", ".join(spec.name for spec in self.schema.inputs)
            msg = (
                f"tensor_fields of model {model.name} names {len(self.fields)} columns, but its inputs are {names}: "
                "name one column for each input, in that order."
            )
            raise InvalidInputError(msg)
        shapes = [spec.shape for spec in self.schema.inputs]
        # An output of a fixed size does not follow the rows, though it may be as long as they are many, nor does a
        # list of what was found in all of them, unless it is called as long.
        follows = all(spec.shape[:1] in ((None,), (1,), ()) for spec in self.schema.outputs)
        rows = {node.shape[0] for node in self._session.get_inputs() if node.shape} - {None}
        self._says_rows = all(node.shape and node.shape[0] in rows for node in self._session.get_outputs())
        follows = follows and (self._says_rows or not operators_of(path) & _FINDING)
        self.takes_batches = follows and all(shape and shape[0] is None for shape in shapes)
        # A first dimension of 1 is a batch of one row; of any other fixed size it belongs to the value itself.
        self._has_batch_axis = all(shape and shape[0] in (None, 1) for shape in shapes)
        self.row_inputs = tuple(
            TensorSpec(name, spec.dtype, spec.shape[1:] if self._has_batch_axis else spec.shape)
            for name, spec in zip(self.fields, self.schema.inputs, strict=True)
        )
        self.row_outputs = tuple(
            TensorSpec(spec.name, spec.dtype, spec.shape[1:] if self._has_rows(spec) else spec.shape)
            for spec in self.schema.outputs
        )
        self._readers = [ColumnReader(spec) for spec in self.row_inputs]

    def _has_rows(self, output: TensorSpec) -> bool:
        return self._has_batch_axis and output.shape[:1] in ((None,), (1,))

    def run(self, batch: Batch) -> dict[str, Column]:
        """Return the outputs by name, ``[rows, ...]`` or a list where rows differ in shape.

        Raises:
            InvalidInputError: for a missing column, or one that does not fit.
            InferenceError: if the model fails on the values.
        """
        if self.model.batch_config == "single" and batch.rows > 1:
            msg = f"Model {self.model.name} takes one row per request, and {batch.rows} came: send them one by one."
            raise InvalidInputError(msg)
        tensors = [
            reader.read(self._column(batch, reader.name), batch.shapes.get(reader.name)) for reader in self._readers
        ]
        even = [tensor for tensor in tensors if isinstance(tensor, np.ndarray)]
        if self.takes_batches and len(even) == len(tensors):
            outputs = self._call(even)
            if self._follow(outputs, even, batch.rows):
                return self._named(outputs)
            self.takes_batches = batch.rows == 1  # one row may just have lost its dimension (Squeeze)
        # The model takes one row at a time, or returns something else than one value per row.
        rows = [self._run_row([_row_of(tensor, row) for tensor in tensors]) for row in range(batch.rows)]
        return self._named([_stacked(list(values)) for values in zip(*rows, strict=True)])

    def _follow(self, outputs: list[Array], tensors: list[Array], rows: int) -> bool:
        """Tell whether outputs hold one value per row; the first time also by what the first row alone gives."""
        for output in outputs:
            if output.shape[:1] != (rows,):
                return False
        if not self._says_rows and rows > 1:  # a list as long as each row, say, may be as long as they are many
            alone = self._call([tensor[:1] for tensor in tensors])
            shapes = [((1, *output.shape[1:]), output.shape[1:]) for output in outputs]
            self._says_rows = all(output.shape in either for output, either in zip(alone, shapes, strict=True))
            return self._says_rows
        return True

    def _column(self, batch: Batch, name: str) -> Column:
        try:
            return batch.columns[name]
        except KeyError:
            needed, present = ", ".join(self.fields), ", ".join(batch.columns) or "no columns"
            msg = f"Column {name!r} is missing: model {self.model.name} needs {needed}, and the request has {present}."
            raise InvalidInputError(msg) from None

    def _run_row(self, values: list[Array]) -> list[Array]:
        if not self._has_batch_axis:
            return self._call(values)
        outputs = self._call([value[np.newaxis] for value in values])
        return [output[0] if output.shape[:1] == (1,) else output for output in outputs]

    def _call(self, tensors: list[Array]) -> list[Array]:
        feeds = dict(zip(self._input_names, tensors, strict=True))
        try:
            return [np.asarray(output) for output in self._session.run(self._output_names, feeds)]
        except Exception as error:  # ONNX Runtime's errors have no other common base
            msg = f"Model {self.model.name} failed on this input: {first_line(error)}"
            raise InferenceError(msg) from error

    def _named(self, outputs: list[Any]) -> dict[str, Column]:
        return dict(zip(self._output_names, outputs, strict=True))


def _row_of(tensor: Array | list[Array], row: int) -> Array:
    return tensor[row] if isinstance(tensor, list) else np.asarray(tensor[row, ...])  # the dots keep scalars arrays


def _stacked(values: list[Array]) -> Column:
    if len(values) == 1:
        return values[0][np.newaxis]
    return np.stack(values) if len({value.shape for value in values}) == 1 else values

"""The form that uploads a model and says how its inputs are called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from jupyter_edge.core.errors import InvalidInputError, JobCancelledError
from jupyter_edge.core.framework import Framework
from jupyter_edge.core.schema import TensorSpec
from jupyter_edge.display import Listing
from jupyter_edge.widgets.base import NOTHING, Panel, Row, button, field, hint, section, set_options, table
from jupyter_edge.widgets.file_drop import FileDrop
from jupyter_edge.widgets.job_progress import JobProgress

if TYPE_CHECKING:
    from jupyter_edge.client import Client, Job, ModelVersion

_SUGGESTED_FILES = 50
_NONE = "No model yet: upload one above"


@dataclass(frozen=True)
class _State:
    models: tuple[tuple[str, str], ...]
    chosen: tuple[object, ...] | None


class UploadPanel(Panel):
    """Upload a model, watch it being checked, and name the columns that feed its inputs.

    Args:
        client: of the engine; the models are those of its current workspace.
        model: the name of the model to begin with.
    """

    title = "Upload a model"

    def __init__(self, client: Client, model: str | None = None) -> None:
        self._drop = FileDrop(accept=".onnx")
        self._path = field(
            widgets.Combobox, "Or its path", options=_files(), placeholder="of an .onnx file beside the notebook"
        )
        self._name = field(widgets.Text, "Name", placeholder="such as ccfraud")
        kinds = [("ONNX (others: convert first)", Framework.ONNX)]
        self._framework = field(widgets.Dropdown, "Framework", options=kinds)
        self._columns = field(
            widgets.Text, "Its columns", placeholder="one for each input; empty: the inputs' own names"
        )
        self._upload = button("Upload", "Send the file to the engine, which checks it", "primary")
        self.progress = JobProgress()
        self._cancelled = False
        self._model = field(widgets.Dropdown, "Model", options=[(_NONE, NOTHING)])
        self._inputs = widgets.HTML()
        self._fields = field(widgets.Text, "Tensor fields", placeholder="a column for each input, with commas between")
        self._single = widgets.Checkbox(description="One row in a request only", indent=False)
        self._save = button("Save", "Set how this model is run from now on", "primary")
        self._version: ModelVersion | None = None
        self._last_chosen: tuple[object, ...] | None = None
        self._wanted = model
        self._drop.observe(lambda change: self._take(change.new), "path")
        self._path.observe(lambda change: self._suggest_name(change.new), "value")
        self._on_change(self._model)
        self._on_click(self._upload, self._begin_upload)
        self._on_click(self._save, self._configure)
        setup = [section("Its inputs"), self._model, self._inputs, self._fields, self._single, Row(self._save)]
        form = [self._drop, self._path, self._name, self._framework, self._columns, Row(self._upload), self.progress]
        super().__init__(client, [*form, *setup])

    def overview(self) -> Listing[Any]:
        """Return the models of the workspace."""
        models = self._state.models if self._state else ()
        return Listing(models, ["model", "last_updated"], list)

    def close(self) -> None:
        """Look no more, and remove the panel with the file that was dropped on it."""
        self._drop.close()
        super().close()

    def _read(self) -> _State:
        listed = self.client.list_models()
        names = tuple((model.name(), f"{model.updated_at():%Y-%m-%d %H:%M:%S} UTC") for model in listed)
        wanted = self._wanted or self._model.value
        model = next((model for model in listed if model.name() == wanted), listed[0] if listed else None)
        self._version = model.latest_version() if model else None
        return _State(names, _shown(self._version) if self._version else None)

    def _show(self, state: _State) -> None:
        set_options(self._model, [(name, name) for name, _ in state.models], _NONE)
        version = self._version
        for part in (self._fields, self._single):
            part.disabled = version is None
        self._allow(self._save, version is not None)
        if version is None:
            self._last_chosen = None
            self._inputs.value = hint("Once a model is here, its inputs are shown, and a name for each is suggested.")
            return
        self._model.value = version.name()
        self._wanted = None
        if state.chosen != self._last_chosen:
            self._last_chosen = state.chosen
            self._show_version(version)

    def _show_version(self, version: ModelVersion) -> None:
        schema = version.schema()
        named = [*(("input", spec) for spec in schema.inputs), *(("output", spec) for spec in schema.outputs)]
        listing = Listing(named, ["", "name", "type", "shape of a batch"], lambda item: [item[0], *_written(item[1])])
        self._inputs.value = table(listing)
        self._fields.value = ", ".join(version.tensor_fields() or [spec.name for spec in schema.inputs])
        self._single.value = version.batch_config() == "single"

    def _take(self, path: str) -> None:
        if path:
            self._path.value = ""
            self._suggest_name(path)

    def _suggest_name(self, path: str) -> None:
        if path:
            self.say()
            self._name.value = re.sub(r"[^A-Za-z0-9]+", "-", Path(path).stem).strip("-0123456789")[:63].rstrip("-")

    def _begin_upload(self) -> None:
        path = self._path.value or self._drop.path
        if not path:
            msg = "No file is chosen: drop one above, or give the path of one."
            raise InvalidInputError(msg)
        self._cancelled = False
        file = Path(path).name

        def show(share: float) -> None:
            if self._cancelled:
                msg = f"The upload of {file} was cancelled; nothing of it was kept."
                raise JobCancelledError(msg)
            self.progress.show(share, f"Sending {file}: {share:.0%}", self._stop)

        show(0.0)
        try:
            name, columns = self._name.value.strip(), _words(self._columns.value)
            job = self.client.start_upload(
                name, path, show, framework=self._framework.value, tensor_fields=columns or None
            )
        except BaseException:
            self.progress.hide()
            raise
        self.progress.follow(job, lambda job: self._ended(job, name))

    def _stop(self) -> None:
        self._cancelled = True

    def _ended(self, job: Job, name: str) -> None:
        if job.state == "succeeded":
            self._wanted = name
            self._drop.clear()
            self._path.value = ""
            self._name.value = ""
            self._columns.value = ""
        self.refresh()

    def _configure(self) -> str | None:
        version = self._version
        if version is None:
            return None
        fields = _words(self._fields.value)
        batch = "single" if self._single.value else None
        gathering = None if batch else version.dynamic_batching_config()  # which this form leaves as it is
        version.configure(tensor_fields=fields or None, batch_config=batch, dynamic_batching_config=gathering)
        return f"{version.name()} takes the columns {', '.join(fields) or 'of its own inputs'} from now on."


def _shown(version: ModelVersion) -> tuple[object, ...]:
    return (version.id(), tuple(version.tensor_fields() or ()), version.batch_config())


def _written(spec: TensorSpec) -> list[str]:
    shape = " x ".join("any" if size is None else str(size) for size in spec.shape)
    return [spec.name, spec.dtype, shape or "a number"]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _files() -> list[str]:
    """Return the model files in the working folder and the folders in it."""
    folder = Path.cwd()
    found = sorted([*folder.glob("*.onnx"), *folder.glob("[!.]*/*.onnx")])
    return [str(path.relative_to(folder)) for path in found[:_SUGGESTED_FILES]]

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_edge.client import Client, DynamicBatchingConfig, ModelVersion
from jupyter_edge.widgets import UploadPanel
from tests.widgets.conftest import Until

Press = Callable[[Any, str], str]


def test_an_empty_workspace_says_what_to_do_next(client: Client) -> None:
    panel = UploadPanel(client)
    assert "No model yet" in panel._model.label
    assert panel._save.disabled
    assert "Once a model is here" in panel._inputs.value


def test_a_model_is_uploaded_and_its_inputs_named(client: Client, ccfraud: Path, press: Press, until: Until) -> None:
    panel = UploadPanel(client)
    panel._path.value = str(ccfraud)
    assert panel._name.value == "ccfraud"
    assert press(panel, "Upload") == ""
    until(lambda: panel._model.value == "ccfraud")
    assert panel._fields.value == "transaction"
    assert "any x 29" in panel._inputs.value
    assert panel._path.value == panel._name.value == ""
    panel._fields.value = " tensor "
    panel._single.value = True
    assert "ccfraud takes the columns tensor from now on." in press(panel, "Save")
    version = client.get_model("ccfraud")
    assert (version.tensor_fields(), version.batch_config()) == (["tensor"], "single")


def test_columns_that_do_not_fit_make_no_model_and_are_kept_to_be_mended(
    client: Client, ccfraud: Path, press: Press, until: Until
) -> None:
    panel = UploadPanel(client)
    panel._path.value = str(ccfraud)
    panel._columns.value = "tensor, other"
    press(panel, "Upload")
    until(lambda: panel.progress.job is not None and panel.progress.job.done)
    assert "give one name for each" in panel.progress._line.value
    assert not client.list_models()
    assert (panel._name.value, panel._columns.value) == ("ccfraud", "tensor, other")
    panel._columns.value = "tensor"
    press(panel, "Upload")
    until(lambda: panel._model.value == "ccfraud")
    assert (panel._columns.value, panel._fields.value) == ("", "tensor")
    assert client.get_model("ccfraud").tensor_fields() == ["tensor"]


def test_a_model_is_shown_again_after_a_workspace_without_any(
    client: Client, ccfraud: Path, new_name: Callable[[], str]
) -> None:
    own = client.get_current_workspace()
    client.upload_model("ccfraud", ccfraud)
    panel = UploadPanel(client)
    client.set_current_workspace(client.create_workspace(new_name()))
    panel.refresh()
    assert "Once a model is here" in panel._inputs.value
    client.set_current_workspace(own)
    panel.refresh()
    assert "any x 29" in panel._inputs.value


@pytest.mark.parametrize(
    ("name", "said"), [("not here.onnx", "There is no file"), ("", "No file is chosen"), ("text.onnx", "text.onnx")]
)
def test_what_fails_is_said_in_a_line_and_the_input_kept(  # noqa: PLR0917
    client: Client, tmp_path: Path, press: Press, until: Until, name: str, said: str
) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    panel = UploadPanel(client)
    panel._path.value = str(tmp_path / name) if name else ""
    panel._name.value = "kept"
    message = press(panel, "Upload")
    if name == "text.onnx":
        until(lambda: panel.progress.job is not None and panel.progress.job.done)
        message = panel.progress._line.value
    assert 'role="alert"' in message
    assert said in message
    assert panel._name.value == "kept"
    assert not panel._upload.disabled


def test_an_upload_is_cancelled_while_the_file_is_sent(
    client: Client, ccfraud: Path, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = UploadPanel(client)
    panel._path.value = str(ccfraud)
    show = panel.progress.show

    def cancel_at_once(progress: float, words: str, cancel: Callable[[], object] | None) -> None:
        show(progress, words, cancel)
        panel.progress.cancel()

    monkeypatch.setattr(panel.progress, "show", cancel_at_once)
    assert "was cancelled; nothing of it was kept" in press(panel, "Upload")
    assert not client.list_models()
    assert panel._path.value == str(ccfraud)


def test_what_a_user_types_is_not_overwritten_by_looking_again(client: Client, model: ModelVersion) -> None:
    panel = model.panel()
    assert panel._fields.value == "tensor"
    panel._fields.value = "half writ"
    panel.refresh()
    assert panel._fields.value == "half writ"
    model.configure(tensor_fields=["other"])
    panel.refresh()
    assert panel._fields.value == "other"


def test_saving_leaves_how_requests_are_gathered_as_it_is(client: Client, model: ModelVersion, press: Press) -> None:
    batching = DynamicBatchingConfig(max_batch_delay_ms=5, batch_size_target=8)
    panel = model.configure(dynamic_batching_config=batching).panel()
    panel._fields.value = "other"
    assert "takes the columns other" in press(panel, "Save")
    saved = client.get_model(model.name())
    assert (saved.tensor_fields(), saved.dynamic_batching_config()) == (["other"], batching)
    panel._single.value = True
    press(panel, "Save")
    saved = client.get_model(model.name())
    assert (saved.batch_config(), saved.dynamic_batching_config()) == ("single", None)


def test_the_twins_name_the_models(client: Client, model: ModelVersion) -> None:
    bundle = UploadPanel(client)._repr_mimebundle_()
    assert "ccfraud" in bundle["text/plain"]
    assert "<td>ccfraud</td>" in bundle["text/html"]
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"]

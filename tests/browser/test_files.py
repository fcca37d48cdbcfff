"""Files and cells: models and data that are dropped on the panel or chosen in the file browser, and rows as cells."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pyarrow as pa
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from jupyter_edge import Client, Framework
from jupyter_edge.client.pipeline import Pipeline
from jupyter_edge.core.home import Home
from jupyter_edge.samples import path as sample
from tests.browser.conftest import (
    choose_workspace,
    client_in,
    command,
    deploy,
    open_panel,
    perform,
    row,
    run_all,
    undeploy_all,
)
from tests.browser.lab import TOKEN, Lab, write_notebook

pytestmark = pytest.mark.browser

# A drop from the desktop, as the browser tells of it: files in a DataTransfer, held over a place and let go.
_DROP = """([place, files, isDropped]) => {
  const data = new DataTransfer();
  for (const [name, text] of files) {
    data.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], name));
  }
  const target = document.querySelector(place);
  for (const type of ["dragenter", "dragover", ...(isDropped ? ["drop"] : [])]) {
    target.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data }));
  }
}"""

_SIDE_BY_SIDE = """() => {
  const { shell } = window.jupyterapp;
  shell.add([...shell.widgets("left")].find(({ id }) => id === "jupyter-edge-panel"), "right");
  shell.activateById("filebrowser");
  shell.activateById("jupyter-edge-panel");
}"""


@pytest.fixture
def folder(lab: Lab) -> Iterator[Path]:
    """A folder of files to use, which the file browser shows."""
    folder = lab.folder / "files"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("ccfraud.onnx", "transactions.arrow"):
        shutil.copy(sample(name), folder)
    shutil.copy(sample("ccfraud.onnx"), folder / "other model.onnx")
    (folder / "notes.txt").write_text("no model\n")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def client(workspace: str) -> Client:
    return client_in(workspace)


@pytest.fixture
def pipeline(client: Client) -> Pipeline:
    return deploy(client, "known", "asked")


@pytest.fixture
def panel(lab: Lab, page: Page, client: Client, workspace: str, folder: Path) -> Locator:
    panel = open_panel(page, lab, folder.name)
    choose_workspace(panel, workspace)
    return panel


@pytest.fixture
def files(page: Page, panel: Locator) -> Locator:
    """The file browser, beside the panel."""
    page.evaluate(_SIDE_BY_SIDE)
    listing = page.locator("#filebrowser .jp-DirListing")
    listing.get_by_text("ccfraud.onnx").wait_for()
    return listing


def item(files: Locator, name: str) -> Locator:
    return files.locator(".jp-DirListing-item").filter(has_text=name)


def drop(page: Page, place: str, *paths: Path, is_dropped: bool = True) -> None:
    contents = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in paths]
    page.evaluate(_DROP, [place, contents, is_dropped])


def drag(page: Page, source: Locator, target: Locator, *, below: float = 60, is_dropped: bool = True) -> None:
    """Drag with the mouse, as a hand does it: in steps."""
    source.hover()
    page.mouse.down()
    box = target.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + min(box["height"] / 2, below)
    page.mouse.move(x - 40, y - 10, steps=8)
    page.mouse.move(x, y, steps=4)
    if is_dropped:
        page.mouse.up()


def test_several_models_are_uploaded_from_the_file_browser(
    page: Page, panel: Locator, files: Locator, client: Client, photograph: Callable[[Locator, str], None]
) -> None:
    item(files, "ccfraud.onnx").click()
    item(files, "other model.onnx").click(modifiers=["Control"])
    item(files, "ccfraud.onnx").click(button="right")
    photograph(page.locator("#main"), "files-menu")
    page.get_by_role("menuitem", name="Upload to Edge").click()
    row(panel, "Models", "ccfraud").wait_for()
    row(panel, "Models", "other-model").wait_for()
    assert {"ccfraud", "other-model"} <= {model.name() for model in client.list_models()}


def test_a_table_is_inferred_on_from_the_file_browser(
    page: Page,
    files: Locator,
    folder: Path,
    pipeline: Pipeline,
    photograph: Callable[[Locator, str], None],
) -> None:
    item(files, "transactions.arrow").click(button="right")
    page.get_by_role("menuitem", name="Infer with…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").select_option("asked")
    dialog.get_by_role("button", name="Infer").click()
    expect(dialog).to_contain_text("asked answered 1000 rows")
    expect(dialog.get_by_role("columnheader").first).to_have_text("out.fraud_probability")
    photograph(dialog.locator(".jp-Dialog-content"), "files-answer")
    dialog.get_by_role("button", name="Close").click()
    item(files, "transactions.asked.arrow").wait_for()
    with pa.ipc.open_file(str(folder / "transactions.asked.arrow")) as answer:
        assert answer.read_all().num_rows == 1000


def test_models_are_dropped_from_the_desktop(
    page: Page,
    panel: Locator,
    client: Client,
    folder: Path,
    photograph: Callable[[Locator, str], None],
) -> None:
    dropped = folder / "from-desktop.onnx"
    shutil.copy(sample("ccfraud.onnx"), dropped)
    drop(page, "#jupyter-edge-models", dropped, is_dropped=False)
    expect(panel.locator(".jp-Edge-dropFace")).to_contain_text(
        f"to upload them to “{client.get_current_workspace().name()}”"
    )
    photograph(page.locator("#main"), "files-drop")
    drop(page, "#jupyter-edge-models", dropped, folder / "notes.txt")
    expect(panel.locator(".jp-Edge-dropFace")).to_be_hidden()
    row(panel, "Models", "from-desktop").wait_for()
    expect(page.locator(".jp-toast-message, .Toastify__toast").filter(has_text="notes.txt").first).to_contain_text(
        "Edge cannot take notes.txt"
    )
    assert [model.name() for model in client.list_models() if model.name() == "notes"] == []


def test_a_table_that_is_dropped_on_a_pipeline_is_inferred_on(
    page: Page, panel: Locator, pipeline: Pipeline, folder: Path
) -> None:
    row(panel, "Pipelines", "asked").wait_for()
    drop(page, "#jupyter-edge-pipelines [role=row]", folder / "transactions.arrow")
    expect(page.get_by_role("dialog")).to_contain_text("asked answered 1000 rows")


def test_a_model_is_dropped_from_the_file_browser(page: Page, panel: Locator, files: Locator, folder: Path) -> None:
    drag(page, item(files, "other model.onnx"), panel.locator("#jupyter-edge-models"), is_dropped=False)
    expect(panel.locator(".jp-Edge-dropFace")).to_be_visible()
    page.mouse.up()
    row(panel, "Models", "other-model").wait_for()
    expect(panel.locator(".jp-Edge-dropFace")).to_be_hidden()
    assert (folder / "other model.onnx").is_file()


def test_a_model_that_is_opened_says_what_it_is_and_stays_as_it_is(
    page: Page, panel: Locator, files: Locator, folder: Path, photograph: Callable[[Locator, str], None]
) -> None:
    item(files, "other model.onnx").dblclick()
    view = page.locator(".jp-Edge-file")
    expect(view).to_contain_text("ONNX model · ")
    photograph(view, "files-model")
    view.get_by_role("button", name="Upload to Edge").click()
    row(panel, "Models", "other-model").wait_for()
    assert list(folder.glob(".ipynb_checkpoints/*")) == []
    view.click()
    saved = page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save').then(() => 'saved', String)")
    assert "there is nothing to save" in saved
    assert (folder / "other model.onnx").read_bytes() == Path(sample("ccfraud.onnx")).read_bytes()


def test_notebook_7_takes_files_alike(lab: Lab, page: Page, client: Client, folder: Path, pipeline: Pipeline) -> None:
    page.goto(f"{lab.url}/tree/files?token={TOKEN}")
    listing = page.locator(".jp-DirListing")
    item(listing, "ccfraud.onnx").click(button="right")
    page.get_by_role("menuitem", name="Upload to Edge").click()
    expect(page.locator(".Toastify__toast").filter(has_text="Upload of ccfraud.onnx: done")).to_be_visible()
    with page.expect_popup() as opened:
        item(listing, "transactions.arrow").dblclick()
    table = opened.value
    expect(table.locator(".jp-Edge-file")).to_contain_text("Arrow table · ")
    number = client.get_current_workspace().id()
    table.evaluate("id => window.jupyterapp.commands.execute('jupyter-edge:switch-workspace', { id })", number)
    table.get_by_role("button", name="Infer with…").click()
    dialog = table.get_by_role("dialog")
    dialog.get_by_role("combobox").select_option("asked")
    dialog.get_by_role("button", name="Infer").click()
    expect(dialog).to_contain_text("asked answered 1000 rows")


def test_files_held_over_the_tab_bring_the_panel_into_view(page: Page, panel: Locator) -> None:
    command(page, "filebrowser:activate")
    expect(panel).to_be_hidden()
    listing = page.locator("#filebrowser .jp-DirListing")
    drag(page, item(listing, "ccfraud.onnx"), page.get_by_role("tab", name="Edge"), is_dropped=False)
    expect(panel).to_be_visible()
    page.mouse.up()


def sources(page: Page) -> list[str]:
    """Return what stands in the cells of the notebook that is open."""
    script = "() => window.jupyterapp.shell.currentWidget.context.model.toJSON().cells.map((cell) => cell.source)"
    found = page.evaluate(script)
    return ["".join(source) if isinstance(source, list) else source for source in found]


@pytest.fixture
def notebook(lab: Lab, page: Page, panel: Locator) -> Locator:
    """An empty notebook beside the panel."""
    name = write_notebook(lab.folder / "files", "empty.ipynb", "1 + 1")
    perform(page, "docmanager:open", path=f"files/{name}")
    notebook = page.locator(".jp-NotebookPanel")
    notebook.locator(".jp-Cell").first.wait_for()
    return notebook


def test_a_row_is_dropped_where_the_pointer_waits_for_its_code(
    panel: Locator, notebook: Locator, pipeline: Pipeline, workspace: str
) -> None:
    page = panel.page
    pipeline.publish().add_edge(f"kiosk-{workspace}")
    title = row(panel, "Edges", f"kiosk-{workspace}").locator(".jp-Edge-title")
    title.wait_for()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/get_publish_status?*", hold)  # an edge's code names its pipeline
    with page.expect_request("**/get_publish_status?*"):
        drag(page, title, notebook.locator(".jp-Notebook"), is_dropped=False)
    expect(page.locator(".jp-Edge-dragImage")).to_have_count(0)
    (route,) = held
    route.continue_()
    page.locator(".jp-Edge-dragImage").wait_for()
    page.mouse.up()
    expect(notebook.locator(".jp-CodeCell")).to_have_count(2)


def test_rows_that_are_dragged_into_a_notebook_are_cells_that_work(
    panel: Locator,
    notebook: Locator,
    pipeline: Pipeline,
    workspace: str,
    photograph: Callable[[Locator, str], None],
) -> None:
    page = panel.page
    drag(
        page,
        row(panel, "Pipelines", "asked").locator(".jp-Edge-title"),
        notebook.locator(".jp-Notebook"),
        is_dropped=False,
    )
    photograph(page.locator("#main"), "files-row")
    page.mouse.up()
    expect(notebook.locator(".jp-CodeCell")).to_have_count(2)
    drag(page, row(panel, "Models", "known").locator(".jp-Edge-title"), notebook.locator(".jp-Notebook"))
    expect(notebook.locator(".jp-CodeCell")).to_have_count(3)
    drag(page, row(panel, "Pipelines", "asked").locator(".jp-Edge-title"), notebook.locator(".jp-Notebook"), below=600)
    expect(notebook.locator(".jp-CodeCell")).to_have_count(4)
    text = "\n".join(sources(page))
    assert text.count("%load_ext jupyter_edge") == 1
    assert text.count(f"%edge pipeline asked --workspace {workspace}") == 2
    assert 'client.get_model("known")' in text
    run_all(page)
    expect(notebook.locator(".jp-OutputArea-output").filter(has_text="asked").first).to_be_visible()
    expect(notebook.locator(".jp-OutputArea-output").filter(has_text="known").first).to_be_visible()
    expect(notebook.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']")).to_have_count(0)
    perform(page, "docmanager:save")


def test_a_cell_is_inserted_by_the_keyboard_alone(
    page: Page, panel: Locator, notebook: Locator, client: Client
) -> None:
    client.upload_model("by-keyboard", sample("ccfraud.onnx"), framework=Framework.ONNX)
    row(panel, "Models", "by-keyboard").focus()
    page.keyboard.press("Shift+F10")
    page.get_by_role("menuitem", name="Insert as Cell").press("Enter")
    expect(notebook.locator(".jp-CodeCell")).to_have_count(2)
    assert 'model = client.get_model("by-keyboard")' in sources(page)[-1]


def test_where_no_notebook_is_open_a_sentence_says_so(page: Page, panel: Locator, client: Client) -> None:
    client.upload_model("without", sample("ccfraud.onnx"), framework=Framework.ONNX)
    row(panel, "Models", "without").focus()
    page.keyboard.press("Shift+F10")
    page.get_by_role("menuitem", name="Insert as Cell").click()
    said = page.locator(".Toastify__toast").filter(has_text="There is no notebook to put the cell into")
    expect(said).to_be_visible()


@pytest.fixture
def _quickstart(engine_home: Home) -> Iterator[None]:
    """Stop what the quickstart leaves running, as it says at its end."""
    yield
    undeploy_all("quickstart")


@pytest.mark.usefixtures("_quickstart")
def test_the_launcher_makes_a_notebook_that_works(
    page: Page, panel: Locator, folder: Path, photograph: Callable[[Locator, str], None]
) -> None:
    photograph(page.locator("#main"), "launcher")
    page.locator(".jp-LauncherCard").filter(has_text="Edge Quickstart").click()
    notebook = page.locator(".jp-NotebookPanel")
    notebook.locator(".jp-CodeCell").first.wait_for()
    run_all(page)
    expect(notebook.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output").first).to_contain_text("Published")
    photograph(page.locator("#main"), "quickstart")
    perform(page, "docmanager:save")
    written = nbformat.read(folder / "edge-quickstart.ipynb", as_version=4)
    outputs = [output for cell in written.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []

"""Pipelines that a cell declares, and rows that it holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from jupyter_edge.client import picture_rows
from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.magics.extension import EdgeMagics
from jupyter_edge.vision import image_to_tensor

from .conftest import LIMITS, Run

LIMITED = "{replicas: 1, cpus: 1, memory: 900Mi}"
DECLARED = """
steps:
  - model: ccfraud
    file: $file
    tensor_fields: [tensor]
publish: {limits}
edges:
  - name: {edge}
"""


@pytest.fixture
def declared(shell: InteractiveShell, workspace: str) -> str:
    shell.user_ns["file"] = f"{shell.user_ns['samples']}/ccfraud.onnx"
    return DECLARED.strip().format(limits=LIMITED, edge=workspace)


def signs(changes: object) -> list[str]:
    return [line.split()[0] for line in str(changes).splitlines()]


def test_a_cell_shows_what_it_would_change_and_then_changes_it(run: Run, workspace: str, declared: str) -> None:
    planned = run(f"%%edge pipeline {workspace} --dry-run\n{declared}")
    assert [change.sign for change in planned] == ["+", "+", "+", "+"]
    assert list(run("%edge pipelines")) == []
    assert signs(run(f"%%edge pipeline {workspace}\n{declared}")) == ["+", "+", "+", "+"]
    before = len(run(f"%edge pipeline {workspace}").versions())
    assert signs(run(f"%%edge pipeline {workspace}\n{declared}")) == ["=", "=", "=", "="]
    assert len(run(f"%edge pipeline {workspace}").versions()) == before
    changed = declared.replace("cpus: 1", "cpus: 0.5") + f"\ndeployment: {LIMITED}"
    planned = run(f"%%edge pipeline {workspace} --dry-run\n{changed}")
    assert [(change.sign, change.subject) for change in planned] == [
        ("=", "model ccfraud"),
        ("=", "steps"),
        ("+", "deployment"),
        ("~", "publish"),
        ("=", f"edge {workspace}"),
    ]


def test_a_mistake_is_at_the_line_that_the_cell_shows(run: Run, workspace: str, declared: str) -> None:
    with pytest.raises(InvalidInputError, match=r"Line 5: 'tensor_feilds' is no key of a step; did you mean 'tensor_"):
        run(f"%%edge pipeline {workspace}\n{declared.replace('tensor_fields', 'tensor_feilds')}")
    with pytest.raises(InvalidInputError, match="Line 3: replicas is 'two'"):
        run(f"%%edge pipeline {workspace}\nsteps: [{{model: ccfraud}}]\ndeployment: {{replicas: two}}")
    assert list(run("%edge pipelines")) == []


def test_a_picture_is_fitted_into_the_input_of_the_model(
    run: Run, magics: EdgeMagics, workspace: str, tmp_path: Path
) -> None:
    run("%edge upload shapes $samples/shapes.onnx --fields images --batch single --quiet")
    run(f"%edge pipeline {workspace} shapes --quiet")
    run(f"%edge deploy {workspace} {LIMITS} --quiet")
    wide = tmp_path / "a wide photo.png"
    with Image.open(f"{run('samples')}/shapes.png") as picture:
        picture.convert("RGB").resize((900, 300)).save(wide)
    pipeline, model = run(f"%edge pipeline {workspace}"), magics.session.client.get_model("shapes")
    height, width = (int(side or 0) for side in model.schema().inputs[0].shape[2:])
    outputs = {}
    for fit in ("stretch", "letterbox"):
        answer = run(f"%edge infer {workspace} --image '{wide}' --fit {fit}")
        expected = pipeline.infer(picture_rows(model, image_to_tensor(wide, (width, height), fit=fit)))
        outputs[fit] = np.asarray(answer["out.output0"][0])
        assert np.array_equal(outputs[fit], expected["out.output0"].to_pylist()[0])
    assert not np.array_equal(outputs["stretch"], outputs["letterbox"])
    run(f"%edge undeploy {workspace} --quiet")

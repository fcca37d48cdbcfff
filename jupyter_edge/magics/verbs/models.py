"""Verbs of models."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_edge.core.framework import Framework
from jupyter_edge.display.twins import post, post_form
from jupyter_edge.magics.table import Argument, Verb
from jupyter_edge.magics.verbs.arguments import words

if TYPE_CHECKING:
    from jupyter_edge.magics.session import Session


def _upload(session: Session, options: Namespace) -> Any:
    from jupyter_edge.client.ensure import ModelWish, ensure_model

    wish = ModelWish(options.name, Path(options.file), options.framework, options.fields, options.batch)
    return ensure_model(session.client, wish)


def _upload_python(session: Session, options: Namespace) -> str:
    settings = {"framework": options.framework, "tensor_fields": options.fields, "batch_config": options.batch}
    named = "".join(f", {name}={value!r}" for name, value in settings.items() if value)
    file = str(Path(options.file).expanduser())
    return f"print(ensure_model(client, ModelWish({options.name!r}, pathlib.Path({file!r}){named})))"


def _upload_curl(session: Session, options: Namespace) -> str:
    workspace_id = session.client.get_current_workspace().id()
    conversion = {"framework": options.framework or Framework.ONNX.value}
    metadata = {
        "name": options.name,
        "visibility": "private",
        "workspace_id": workspace_id,
        "conversion": conversion,
    }
    settings = {"tensor_fields": options.fields, "batch_config": options.batch}
    metadata |= {name: value for name, value in settings.items() if value}
    return post_form(
        "models/upload",
        metadata=f"{json.dumps(metadata)};type=application/json",
        file=f"@{Path(options.file).expanduser()}",
    )


def _models_curl(session: Session, options: Namespace) -> str:
    return post("models/list", {"workspace_id": session.client.get_current_workspace().id()})


MODEL_VERBS = (
    Verb(
        "upload",
        "upload a model file, unless its latest version is this file with these settings",
        "ensure_model(client, ModelWish(NAME, FILE, FRAMEWORK, FIELDS, BATCH))",
        _upload,
        python=_upload_python,
        curl=_upload_curl,
        arguments=(
            Argument("name", "the model's name", "models"),
            Argument("file", "the model file", "files"),
            Argument("--fields", "the request's columns, with commas, in the order of inputs", options={"type": words}),
            Argument("--batch", "how many rows a request may hold, if not any", options={"choices": ["single"]}),
            Argument(
                "--framework",
                "what the file is; not needed for .onnx",
                options={"choices": [framework.value for framework in Framework]},
            ),
        ),
    ),
    Verb(
        "models",
        "list the models",
        "client.list_models()",
        lambda session, options: session.client.list_models(),
        python=lambda session, options: "print(client.list_models())",
        curl=_models_curl,
    ),
)

"""Verbs of models."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_edge.core.framework import Framework
from jupyter_edge.display.twins import call_code, post_form
from jupyter_edge.magics.table import Argument, Verb
from jupyter_edge.magics.verbs.arguments import HARDWARE, shown, words

if TYPE_CHECKING:
    from jupyter_edge.client import ModelWish
    from jupyter_edge.magics.session import Session


def _wish(options: Namespace) -> ModelWish:
    from jupyter_edge.client import ModelWish

    return ModelWish(
        options.name,
        Path(options.file).expanduser(),
        options.framework,
        options.fields,
        options.batch,
        arch=options.arch,
        accel=options.accel,
    )


def _upload(session: Session, options: Namespace) -> Any:
    from jupyter_edge.client.ensure import ensure_model

    return ensure_model(session.client, _wish(options))


def _upload_python(session: Session, options: Namespace) -> str:
    wish = _wish(options)
    named = {name: getattr(wish, name) for name in ("framework", "tensor_fields", "batch_config", "arch", "accel")}
    code = call_code("ModelWish", repr(wish.name), f"pathlib.Path({str(wish.file)!r})", **named)
    return f"print(ensure_model(client, {code}))"


def _upload_curl(session: Session, options: Namespace) -> str:
    wish = _wish(options)
    metadata = json.dumps(wish.metadata(session.client.get_current_workspace().id()))
    return post_form("models/upload", metadata=f"{metadata};type=application/json", file=f"@{wish.file}")


def _models(session: Session, options: Namespace) -> Any:
    return session.client.list_models()


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
            *HARDWARE,
        ),
    ),
    Verb(
        "models",
        "list the models",
        "client.list_models()",
        _models,
        **shown(_models),
    ),
)

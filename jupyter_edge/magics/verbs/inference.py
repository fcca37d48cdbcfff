"""Verbs of inference and its log."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.media_types import ARROW_FILE, PANDAS_RECORDS, media_type_of_file
from jupyter_edge.display.twins import call_code, fed_by, post_data
from jupyter_edge.magics.table import Argument, Verb
from jupyter_edge.magics.verbs.arguments import PIPELINE, get_pipeline_code, moment, pipeline_of, words

if TYPE_CHECKING:
    import pyarrow as pa

    from jupyter_edge.client import LocalEdge, ModelVersion, Pipeline
    from jupyter_edge.magics.session import Session

_LARGEST_TWIN = 1 << 16


def _infer(session: Session, options: Namespace) -> Any:
    target = _target(session, options)
    rows = _rows(session, options)
    answer = target.infer_from_file(rows) if isinstance(rows, Path) else target.infer(rows)
    given = session.variables.get(options.data or "")
    return answer if type(given) is type(answer) or not hasattr(answer, "to_pandas") else answer.to_pandas()


def _target(session: Session, options: Namespace) -> Pipeline | LocalEdge:
    if options.at:
        from jupyter_edge.client.serving import local_edge

        return local_edge(options.at)
    return pipeline_of(session, options)


def _rows(session: Session, options: Namespace) -> Any:
    """Return what the verb names: the rows of a picture, of the cell, of a variable; or the path of a file."""
    named = [what for what in (options.image, options.data, options.body) if what]
    if len(named) != 1:
        msg = "Give one of: rows as JSON in the cell or by --file, the name of a variable, a file, or --image FILE."
        raise InvalidInputError(msg)
    if options.image:
        return _picture(session, options)
    if options.body:
        return _records(options.body)
    if options.data in session.variables:
        return session.variables[options.data]
    path = Path(options.data).expanduser()
    if path.is_file():
        return path
    msg = f"{options.data!r} is neither a variable nor a file (looked in {Path.cwd()}): name a DataFrame or a file."
    raise InvalidInputError(msg)


def _records(text: str) -> Any:
    """Return JSON rows as a DataFrame, and other JSON as it is."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        msg = f'The rows are no JSON ({error.msg}, line {error.lineno}): write them as [{{"tensor": [0.1, 0.2]}}].'
        raise InvalidInputError(msg) from None
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        return value
    import pandas as pd

    return pd.DataFrame(value)


def _picture(session: Session, options: Namespace) -> pa.Table:
    from jupyter_edge.client.pictures import picture_rows, picture_tensor

    model = _first_model(session, options)
    return picture_rows(model, picture_tensor(model, options.image, options.fit))


def _first_model(session: Session, options: Namespace) -> ModelVersion:
    steps = pipeline_of(session, options).steps()
    if not steps:
        msg = f"Pipeline {options.pipeline} has no steps, so it takes no picture: give it a model first."
        raise InvalidInputError(msg)
    (model,) = steps[0]["ModelInference"]["models"]
    return session.client.get_model(model["name"], model["version"])


def counts(text: str) -> list[int]:
    """Read whole numbers written with commas."""
    return [int(word) for word in words(text)]


def _profile(session: Session, options: Namespace) -> Any:
    rows = _rows(session, options)
    return _target(session, options).profile(rows, options.concurrency, options.seconds, options.requests)


def _profile_python(session: Session, options: Namespace) -> str:
    bounds = f"{options.concurrency!r}, {options.seconds!r}, {options.requests!r}"
    return f"print({_target_code(options)}.profile({_rows_code(session, options)[0]}, {bounds}))"


def _infer_python(session: Session, options: Namespace) -> str:
    rows, is_file = _rows_code(session, options)
    return f"print({_target_code(options)}.{'infer_from_file' if is_file else 'infer'}({rows}))"


def _target_code(options: Namespace) -> str:
    return f"local_edge({options.at!r})" if options.at else get_pipeline_code(options)


def _rows_code(session: Session, options: Namespace) -> tuple[str, bool]:
    """Return the Python of the rows, and whether they are the path of a file."""
    if options.image:
        step = _first_model(session, options)
        model = f"client.get_model({step.name()!r}, {step.version()!r})"
        return f"picture_rows({model}, picture_tensor({model}, {options.image!r}, {options.fit!r}))", False
    rows = _rows(session, options)
    if isinstance(rows, Path):
        return repr(str(rows)), True
    return f"pandas.DataFrame(json.loads({_json(rows)!r}))", False


def _infer_curl(session: Session, options: Namespace) -> str:
    from jupyter_edge.client.pictures import picture_program

    rows = _rows(session, options)
    url = f"{_target(session, options).url}/infer" if options.at else pipeline_of(session, options).url()
    if options.image:
        program = picture_program(_first_model(session, options), options.image, options.fit)
        return fed_by(program, post_data(url, ARROW_FILE, "@-", token=not options.at))
    if isinstance(rows, Path):
        return post_data(url, media_type_of_file(rows.name), f"@{rows}", token=not options.at)
    return post_data(url, PANDAS_RECORDS, _json(rows), token=not options.at)


def _json(rows: Any) -> str:
    rows = rows.to_pandas() if hasattr(rows, "to_pandas") else rows
    text = str(rows.to_json(orient="records")) if hasattr(rows, "to_json") else json.dumps(rows)
    if len(text) > _LARGEST_TWIN:
        msg = "These rows are too many for a command: save them as an Arrow file and name that."
        raise InvalidInputError(msg)
    return text


def _selection(options: Namespace) -> dict[str, Any]:
    return {
        "limit": options.limit,
        "start_datetime": options.start,
        "end_datetime": options.end,
        "dataset": options.dataset,
        "dataset_exclude": options.exclude,
    }


def _export_python(session: Session, options: Namespace) -> str:
    return call_code(
        f"{get_pipeline_code(options)}.export_logs",
        repr(options.directory),
        file_prefix=options.prefix,
        arrow=options.arrow,
        **_selection(options),
    )


def _export(session: Session, options: Namespace) -> str:
    pipeline = pipeline_of(session, options)
    prefix = options.prefix or pipeline.name()
    pipeline.export_logs(options.directory, prefix, arrow=options.arrow, **_selection(options))
    ending = "arrow" if options.arrow else "json"
    return f"The log is in {Path(options.directory).expanduser() / prefix}-<n>.{ending}"


_ROWS = (
    Argument("data", "a variable, or a file: .arrow or .json", "data", {"nargs": "?"}),
    Argument("--image", "a picture, made a tensor as the model's input says", "files", {"metavar": "FILE"}),
    Argument(
        "--fit",
        "what becomes of a picture of another shape",
        options={"choices": ["stretch", "letterbox"], "default": "stretch"},
    ),
    Argument("--at", "ask the edge of this name, as serve started it", "local_edges", {"metavar": "EDGE"}),
)
_SELECTION = (
    Argument("--limit", "at most this many rows", options={"type": int}),
    Argument("--start", "rows since this time, such as 2026-01-31T12:00", options={"type": moment}),
    Argument("--end", "rows until this time", options={"type": moment}),
    Argument("--dataset", "which columns, with commas, such as time,out,metadata", options={"type": words}),
    Argument("--exclude", "which columns not, with commas", options={"type": words}),
)

INFERENCE_VERBS = (
    Verb(
        "infer",
        "send rows, a file or a picture to a pipeline, here or at an edge that runs here",
        "client.get_pipeline(PIPELINE).infer(ROWS)",
        _infer,
        python=_infer_python,
        curl=_infer_curl,
        arguments=(PIPELINE, *_ROWS),
        body="rows as JSON",
    ),
    Verb(
        "profile",
        "measure throughput and latency of a pipeline: the same rows again and again, more and more at once",
        "client.get_pipeline(PIPELINE).profile(ROWS)",
        _profile,
        python=_profile_python,
        arguments=(
            PIPELINE,
            *_ROWS,
            Argument(
                "--concurrency",
                "how many requests at once, with commas, such as 1,4,16",
                options={"type": counts, "default": [1, 2, 4, 8], "metavar": "COUNTS"},
            ),
            Argument("--seconds", "how long each step sends", options={"type": float, "default": 2.0}),
            Argument("--requests", "how many requests a step sends at most", options={"type": int, "default": 5000}),
        ),
        body="rows as JSON",
    ),
)

LOG_VERBS = (
    Verb(
        "logs",
        "show the log of a pipeline, of the engine and of all edges, newest first",
        "client.get_pipeline(PIPELINE).logs(LIMIT)",
        lambda session, options: pipeline_of(session, options).logs(**_selection(options)),
        twin=lambda session, options: pipeline_of(session, options).show_logs(options.show, **_selection(options)),
        kinds=("curl", "python"),
        arguments=(PIPELINE, *_SELECTION),
    ),
    Verb(
        "export",
        "write the log of a pipeline to files",
        "client.get_pipeline(PIPELINE).export_logs(DIRECTORY)",
        _export,
        python=_export_python,
        arguments=(
            PIPELINE,
            Argument("--directory", "where to", "files", {"default": "logs"}),
            Argument("--prefix", "how the files' names begin; the pipeline's name if not given"),
            Argument("--arrow", "Arrow files rather than JSON Lines", options={"action": "store_true"}),
            *_SELECTION,
        ),
    ),
)

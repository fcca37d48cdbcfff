"""Say what an ONNX file takes and gives: ``python -m jupyter_edge.runtime.inspect FILE`` prints it as JSON.

It runs as a process of its own because the file may be anything: what it does to this process, it does to it alone.
"""

from __future__ import annotations

from jupyter_edge.core.loading import begin_loading

if __name__ == "__main__":
    begin_loading()

import argparse
import json
from pathlib import Path

from jupyter_edge.core.errors import EdgeError, InvalidInputError
from jupyter_edge.core.schema import ModelSchema
from jupyter_edge.runtime.steps import open_session, schema_of


def inspect(path: Path) -> ModelSchema:
    """Open a model as a deployment would, and return its inputs and outputs.

    Raises:
        InvalidInputError: if it could not be deployed, saying why.
    """
    try:
        schema = schema_of(open_session(path, threads=1, optimize=False))
    except OSError as error:
        msg = f"{path.name} cannot be read: {error.strerror}."
        raise InvalidInputError(msg) from None
    if not schema.inputs or not schema.outputs:
        msg = f"{path.name} has {len(schema.inputs)} inputs and {len(schema.outputs)} outputs: a model needs both."
        raise InvalidInputError(msg)
    return schema


def main() -> int:
    """Print the schema and return 0, or print ``{"error": sentence}`` and return 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    try:
        print(json.dumps(inspect(parser.parse_args().file).to_json()))
    except EdgeError as error:
        print(json.dumps({"error": str(error)}))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

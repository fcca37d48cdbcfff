#!/usr/bin/env bash
# Install KServe's client into an environment of its own, 450 MB, for a test; print the path of that environment's Python.
set -euo pipefail
python="$(cd "$(dirname "$0")/.." && pwd)/.venv/bin/python"
if [ ! -x "$1/bin/python" ]; then
    "$python" -m venv "$1"
    "$1/bin/pip" install --quiet --disable-pip-version-check "kserve>=0.15,<1" >&2
fi
echo "$(cd "$1" && pwd)/bin/python"
